"""A stand-in for `daybook admin`: keys in a file, a link from its arguments."""

import json
import os
import sys
import uuid
from pathlib import Path

arguments = sys.argv[1:]
keys = Path(os.environ["STAND_IN_KEYS"])
if os.environ.get("STAND_IN_ADMIN_FAILS"):
    sys.exit("the database is full")
if arguments[:3] == ["admin", "key", "create"]:
    key = f"dbk_{uuid.uuid4().hex}"
    keys.write_text(f"{keys.read_text('utf-8')}{key}\n", "utf-8")
    sys.stdout.write(json.dumps({"id": "key_1", "key": key}))
elif arguments[:2] == ["admin", "sign-in-link"]:
    base_url = arguments[arguments.index("--base-url") + 1]
    sys.stdout.write(f"{base_url}/sign-in?token=t")
elif arguments[:3] != ["admin", "project", "create"]:
    sys.exit(f"unknown: {arguments}")
