"""Run the whole of Daybook on this machine."""

import sys

from daybook_local.app import run
from daybook_local.settings import Settings

if __name__ == "__main__":
    sys.exit(run(Settings()))
