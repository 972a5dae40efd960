"""The OpenAPI document of the API as a file: ``python -m query.documents OUT_DIR``."""

import asyncio
import json
import sys
from pathlib import Path

from daybook.runtime.mongo import connect
from prometheus_client import CollectorRegistry

from query.app import create_app
from query.settings import QuerySettings

FILE = "openapi.json"


async def openapi_text() -> str:
    """The document, the same at every call; no server is asked for it."""
    settings = QuerySettings()
    async with connect(settings.mongodb_uri, app_name="daybook-docs") as client:
        database = client[settings.mongodb_database]
        app = create_app(settings, database, registry=CollectorRegistry())
        return json.dumps(app.openapi(), indent=2, ensure_ascii=False) + "\n"


def main(arguments: list[str]) -> int:
    """Write the document into the one directory that is named."""
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m query.documents OUT_DIR\n")
        return 2
    directory = Path(arguments[0])
    directory.mkdir(parents=True, exist_ok=True)
    text = asyncio.run(openapi_text())
    (directory / FILE).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
