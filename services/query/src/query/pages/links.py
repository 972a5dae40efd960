"""Addresses of pages that other pages lead to."""

from urllib.parse import quote, urlencode

from query.pages.forms import CURSOR, Link, Pairs, without

SENDOUTS, ENDPOINTS = "/webhooks", "/webhook-endpoints"
EXPORTS = "/exports"


def log_page(log_id: str) -> str:
    return f"/logs/{quote(log_id, safe='')}"


def logs_of_request(request_id: str) -> str:
    return f"/logs?{urlencode({'request_id': request_id})}"


def task_page(task_id: str) -> str:
    return f"/tasks/{quote(task_id, safe='')}"


def tasks_of_request(request_id: str) -> str:
    return f"/tasks?{urlencode({'request_id': request_id})}"


def sendout_page(sendout_id: str) -> str:
    return f"{SENDOUTS}/{quote(sendout_id, safe='')}"


def sendouts_with(name: str, value: str) -> str:
    return f"{SENDOUTS}?{urlencode({name: value})}"


def endpoint_page(endpoint_id: str) -> str:
    return f"{ENDPOINTS}/{quote(endpoint_id, safe='')}"


def export_page(export_id: str) -> str:
    return f"{EXPORTS}/{quote(export_id, safe='')}"


def export_file(export_id: str) -> str:
    """The download of an export's file, for who is signed in."""
    return f"{export_page(export_id)}/file"


def new_export(exported_object: str, pairs: Pairs) -> str:
    """The form of an export of what a list shows with these parameters."""
    path, asked = f"/new-export/{exported_object}", without(pairs, CURSOR)
    return f"{path}?{urlencode(asked)}" if asked else path


def browse_page(export_id: str) -> str:
    return f"{export_page(export_id)}/rows"


def row_page(export_id: str, number: int) -> str:
    return f"{browse_page(export_id)}/{number}"


def import_file_link(href: str | None) -> Link | None:
    """The download of an import file that is there."""
    return None if href is None else Link("Download import file", href, download=True)
