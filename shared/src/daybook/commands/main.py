"""The ``daybook`` command, as far as it goes without click.

Platform services install ``daybook`` without the extra ``runtime``, and so without
click: the command then says what to install instead of failing on an import.
"""

import sys


def main() -> None:
    """Run the command; without click, say which extra brings it."""
    try:
        from daybook.commands.group import daybook
    except ModuleNotFoundError as error:
        if error.name != "click":
            raise
        sys.exit(
            "daybook: this command needs the extra `runtime`; "
            "install daybook[runtime] to have it."
        )
    daybook(prog_name="daybook")
