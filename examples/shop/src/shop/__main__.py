"""``python -m shop``: the shop on a port, publishing to Kafka."""

import os

import uvicorn
from daybook import Client

from shop.app import create_app


def main() -> None:
    usual = {
        "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:9092",
        "DAYBOOK_SOURCE": "shop",
        "DAYBOOK_PROJECT_ID": "demo",
    }
    client = Client.from_env(usual | os.environ)
    uvicorn.run(
        create_app(client),
        host=os.environ.get("SHOP_HOST", "127.0.0.1"),
        port=int(os.environ.get("SHOP_PORT", "8081")),
        log_level="warning",
        timeout_graceful_shutdown=5,  # the slow report is not waited for
    )


if __name__ == "__main__":
    main()
