"""The route template of a request, as the framework left it behind."""

import re
from collections.abc import Mapping
from typing import Any, cast

_CONVERTER = re.compile(r"<(?:[^<>:]*:)?([A-Za-z_]\w*)>")


def asgi_route(scope: Mapping[str, Any], root_path_before: str) -> str | None:
    """``/v1/vouchers/{code}`` from Starlette or FastAPI, mounts and prefixes included.

    None where no route matched, or where other middleware hid the scope from us.
    """
    mounted = str(scope.get("root_path") or "")
    prefix = (
        mounted.removeprefix(root_path_before)
        if mounted.startswith(root_path_before)
        else ""
    )
    route = scope.get("route")
    template = cast("str | None", getattr(route, "path_format", None))
    # FastAPI keeps the prefixes of included routers beside the route.
    context = _get(scope.get("fastapi"), "effective_route_context")
    if context is not None and getattr(context, "original_route", None) is route:
        template = getattr(context, "path_format", None) or template
    if template is None or _is_mount(route):
        template = _template_of(scope) or _beside_routers(scope, prefix)
    if template is None:
        return None
    own_parameters = set(re.findall(r"{(\w+)}", template))
    parameters = cast("dict[str, object]", scope.get("path_params") or {})
    if prefix:
        prefix = _templated(prefix, parameters, own_parameters)
    return prefix + template


def _template_of(scope: Mapping[str, Any]) -> str | None:
    """FastAPI names no route for plain Starlette ones: found by their endpoint."""
    endpoint = scope.get("endpoint")
    if endpoint is None:
        return None
    for route in cast("list[object]", getattr(scope.get("app"), "routes", ())):
        if getattr(route, "endpoint", None) is endpoint:
            return cast("str | None", getattr(route, "path_format", None))
    return None


def _beside_routers(scope: Mapping[str, Any], prefix: str) -> str | None:
    """What is mounted and routes by itself: files, another kind of application."""
    mounted = scope.get("endpoint")
    return None if not prefix or hasattr(mounted, "routes") else "/{path}"


def _get(holder: object, key: str) -> object:
    if not isinstance(holder, dict):
        return None
    return cast("dict[str, object]", holder).get(key)


def _is_mount(route: object) -> bool:
    return hasattr(route, "routes") and hasattr(route, "path_format")


def _templated(
    prefix: str, parameters: Mapping[str, object], own_parameters: set[str]
) -> str:
    """``/t/acme`` becomes ``/t/{tenant}``: mounts leave only what they matched."""
    segments = prefix.split("/")
    for name, value in parameters.items():
        if name not in own_parameters and str(value) in segments:
            segments[segments.index(str(value))] = "{" + name + "}"
    return "/".join(segments)


def wsgi_route(environ: Mapping[str, Any], script_name_before: str) -> str | None:
    """``/v1/vouchers/{code}`` from Flask, or anything whose request is Werkzeug's."""
    rule = getattr(environ.get("werkzeug.request"), "url_rule", None)
    template = getattr(rule, "rule", None)
    if not isinstance(template, str):
        return None
    mounted = str(environ.get("SCRIPT_NAME") or "")
    prefix = (
        mounted.removeprefix(script_name_before)
        if mounted.startswith(script_name_before)
        else ""
    )
    return prefix + _CONVERTER.sub(r"{\1}", template)
