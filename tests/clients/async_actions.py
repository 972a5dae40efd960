"""Lists and gets tasks through Voucherify's own client, and prints what it gave.

``python async_actions.py ADDRESS PROJECT KEY TASK_ID END_DATE``
"""

import json
import sys
from datetime import datetime

from voucherify.api.async_actions_api import AsyncActionsApi
from voucherify.api_client import ApiClient
from voucherify.configuration import Configuration
from voucherify.exceptions import NotFoundException


def main(address: str, project_id: str, key: str, task_id: str, end_date: str) -> None:
    """Call it as its users do."""
    keys = {"X-App-Id": project_id, "X-App-Token": key}
    api = AsyncActionsApi(ApiClient(Configuration(host=address, api_key=keys)))
    some = api.list_async_actions(limit=1, end_date=datetime.fromisoformat(end_date))
    found = {
        "all": api.list_async_actions().to_dict(),
        "some": some.to_dict(),
        "one": api.get_async_action(task_id).to_dict(),
    }
    try:
        api.get_async_action("no such/task")
    except NotFoundException as error:
        # The client leaves its type open.
        found["missing"] = json.loads(str(error.body))  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]
    sys.stdout.write(json.dumps(found, default=str))


if __name__ == "__main__":
    main(*sys.argv[1:])
