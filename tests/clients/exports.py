"""Makes, lists, gets and deletes an export through Voucherify's own client, fetches its
file, and prints what it gave.

``python exports.py ADDRESS PROJECT KEY``
"""

# The client leaves most of its types open.
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false
# pyright: reportUnknownVariableType=false

import json
import sys
import time
from typing import Any
from urllib.request import urlopen

from voucherify.api.exports_api import ExportsApi
from voucherify.api_client import ApiClient
from voucherify.configuration import Configuration
from voucherify.exceptions import NotFoundException
from voucherify.models.exports_create_request_body import ExportsCreateRequestBody
from voucherify.models.exports_create_request_body_parameters import (
    ExportsCreateRequestBodyParameters,
)

# Its enums do not know this object: its users go around them like this.
ASKED = ExportsCreateRequestBody.model_construct(
    exported_object="api_log",
    parameters=ExportsCreateRequestBodyParameters.model_construct(
        order="created_at",
        fields=["id", "created_at", "status", "request_id"],
        filters={"junction": "and", "status": {"conditions": {"$is": ["SUCCESS"]}}},
    ),
)


def content(answer: Any) -> Any:
    """What an answer without preload holds."""
    return json.loads(answer.data)


def done(api: ExportsApi, export_id: str) -> Any:
    """The export once it has ended, within a minute."""
    for _ in range(300):
        found = content(api.get_export_without_preload_content(export_id))
        if found["status"] in ("DONE", "ERROR"):
            return found
        time.sleep(0.2)
    raise TimeoutError("the export has not ended within a minute")


def main(address: str, project_id: str, key: str) -> None:
    """Call it as its users do."""
    keys = {"X-App-Id": project_id, "X-App-Token": key}
    api = ExportsApi(ApiClient(Configuration(host=address, api_key=keys)))
    created = content(api.create_export_without_preload_content(ASKED))
    ended = done(api, created["id"])
    with urlopen(ended["result"]["url"]) as file:  # noqa: S310 - our own server's
        text = file.read().decode()
    listed = content(api.list_exports_without_preload_content(limit=100))
    # Here its typed methods do as well: neither answer names the object.
    api.delete_export(created["id"])
    try:
        api.get_export(created["id"])
    except NotFoundException as error:
        missing = json.loads(str(error.body))
    else:
        missing = None
    found = {
        "created": created,
        "ended": ended,
        "text": text,
        "listed": listed,
        "missing": missing,
    }
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
