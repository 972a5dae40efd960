"""What became of a command that a form gave, in a sentence."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from daybook.runtime.mongo import Document

from query.pages.forms import Pairs
from query.pages.links import task_page
from query.webhooks.commands import Commands, NoSuchCommand

# The page's parameter that names the command.
COMMAND = "command"

_DONE: Mapping[str, str] = {
    "sendout.retry": "Its schedule begins anew: it is sent again now.",
    "sendouts.retry": "All of them are due again.",
    "endpoint.test": "The test is on its way.",
    "endpoint.enable": "Enabled. What was held meanwhile stays held until a replay.",
    "endpoint.disable": "Disabled. What comes from now on is held, with its payload.",
    "endpoint.replay": "The replay is done.",
    "export.cancel": "Cancelled: it is run no further, and has no file.",
    "export.delete": "Deleted, and its files with it.",
}
# Of what is as good as done once it is stored.
_STORED: Mapping[str, str] = {
    "export.delete": (
        "Deleted: nobody finds it any more. Its files go as soon as the exporter comes "
        "to them."
    ),
}


@dataclass(frozen=True, slots=True)
class Asked:
    """What to say of a command; ``task_href`` is where its progress is seen."""

    text: str
    tone: Literal["ok", "bad", "busy", "idle"]
    task_href: str | None


async def asked(commands: Commands, project_id: str, pairs: Pairs) -> Asked | None:
    """What the page says of the command that its address names."""
    command_id = dict(pairs).get(COMMAND)
    if command_id is None:
        return None
    try:
        return said_of(await commands.get(project_id, command_id))
    except NoSuchCommand:
        return None


def said_of(command: Document) -> Asked:
    status, message = command["status"], command.get("message")
    task_id: str | None = command.get("task_id")
    task_href = None if task_id is None else task_page(task_id)
    if status == "FAILED":
        text = f"It could not be done: {message or 'no reason was given'}."
        return Asked(text, "bad", task_href)
    if status == "DONE":
        text = f"Done: {message}." if message else _DONE.get(command["kind"], "Done.")
        return Asked(text, "ok", task_href)
    if task_href is not None:
        return Asked("It is under way.", "busy", task_href)
    text = _STORED.get(command["kind"])
    if text is not None:
        return Asked(text, "ok", None)
    text = (
        f"It is stored and will be done: the {command['service']} has not come to it "
        "yet. Reload this page to see."
    )
    return Asked(text, "busy", None)
