import json
from pathlib import Path

from openapi_spec_validator import validate
from query.documents import FILE, openapi_text

COMMITTED = Path(__file__).parents[3] / "docs" / "api" / FILE


async def test_what_is_committed_is_what_the_code_says() -> None:
    said = await openapi_text()

    assert COMMITTED.read_text(encoding="utf-8") == said, (
        "run `make docs` and commit what it writes"
    )


async def test_the_document_is_valid_openapi() -> None:
    document = json.loads(await openapi_text())

    validate(document)

    assert "/v1/logs" in document["paths"]
