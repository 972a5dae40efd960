"""``/docs``: the API's description as a page, made from its OpenAPI document."""

from typing import Any

from fastapi import APIRouter, FastAPI
from starlette.requests import Request
from starlette.responses import Response

from query.pages.desk import Desk

Schema = dict[str, Any]


def docs_router(desk: Desk, app: FastAPI) -> APIRouter:
    """The page; it needs no key, since it says what everybody may know."""
    router = APIRouter(include_in_schema=False)

    @router.get("/docs")
    async def show(request: Request) -> Response:  # pyright: ignore[reportUnusedFunction]
        session = await desk.session(request)
        context = docs_context(app.openapi())
        return desk.page("docs.html", context, session=session)

    return router


def docs_context(document: Schema) -> dict[str, Any]:
    """Operations and models of an OpenAPI document, types as people write them."""
    operations: list[dict[str, Any]] = []
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            operations.append(
                {
                    "method": method.upper(),
                    "path": path.replace(":path", ""),
                    "summary": operation["summary"],
                    "description": operation.get("description", ""),
                    "parameters": [
                        {
                            "name": item["name"],
                            "where": item["in"],
                            "type": type_text(item["schema"]),
                            "description": item.get("description", ""),
                        }
                        for item in (
                            *operation.get("parameters", []),
                            *body_fields(operation.get("requestBody", {})),
                        )
                    ],
                    "answers": [
                        {
                            "status": status,
                            "description": answer["description"],
                            "type": type_text(
                                answer.get("content", {})
                                .get("application/json", {})
                                .get("schema", {})
                            ),
                        }
                        for status, answer in operation["responses"].items()
                        if status != "422"  # ours are 400
                    ],
                }
            )
    models = [
        {
            "name": name,
            "description": schema.get("description", ""),
            "fields": [
                {
                    "name": field,
                    "type": type_text(described),
                    "description": described.get("description", ""),
                }
                for field, described in schema.get("properties", {}).items()
            ],
        }
        for name, schema in document["components"]["schemas"].items()
        if "Validation" not in name
    ]
    return {"operations": operations, "models": models}


def body_fields(body: Schema) -> list[Schema]:
    """The fields of a JSON body, described as parameters are."""
    schema = body.get("content", {}).get("application/json", {}).get("schema", {})
    return [
        {
            "name": name,
            "in": "body",
            "schema": field,
            "description": field.get("description", ""),
        }
        for name, field in schema.get("properties", {}).items()
    ]


def type_text(schema: Schema) -> str:
    """A schema in one line: ``string | null``, ``LogSummary[]``."""
    if "$ref" in schema:
        return schema["$ref"].rsplit("/", 1)[-1]
    if "anyOf" in schema:
        return " | ".join(type_text(part) for part in schema["anyOf"])
    if "enum" in schema:
        return " | ".join(repr(value).replace("'", '"') for value in schema["enum"])
    if "const" in schema:
        return repr(schema["const"]).replace("'", '"')
    if "prefixItems" in schema:
        return f"[{', '.join(type_text(part) for part in schema['prefixItems'])}]"
    if schema.get("type") == "array":
        return f"{type_text(schema.get('items', {}))}[]"
    return str(schema.get("type", "any"))
