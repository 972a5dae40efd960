"""Write dashboards and alerts: ``python -m daybook_monitoring deploy/monitoring``."""

import sys
from pathlib import Path

from daybook_monitoring.writing import files


def main(folder: Path) -> None:
    """Write every file below ``folder``, over what is there."""
    for path, text in files():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
