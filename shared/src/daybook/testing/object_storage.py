"""An S3 of the tests' own: moto's server, in this process."""

import os
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch
from uuid import uuid4
from xml.etree import ElementTree

import httpx


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket, and what a process needs in its environment to reach it."""

    name: str
    endpoint: str

    @property
    def address(self) -> str:
        """As services are told it, with a prefix."""
        return f"s3://{self.name}/daybook"

    @property
    def environment(self) -> Mapping[str, str]:
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ALLOW_HTTP": "true",
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "tests",
            "AWS_SECRET_ACCESS_KEY": "tests",
        }

    def keys(self) -> list[str]:
        """The names of all objects."""
        return self._texts("?list-type=2", "Contents/Key")

    def unfinished(self) -> list[str]:
        """The names of objects whose parts are paid for and were never joined."""
        return self._texts("?uploads", "Upload/Key")

    def _texts(self, query: str, path: str) -> list[str]:
        answer = httpx.get(f"{self.endpoint}/{self.name}{query}").raise_for_status()
        # It is our own server's.
        root = ElementTree.fromstring(answer.content)  # noqa: S314
        steps = "/".join(f"{{*}}{step}" for step in path.split("/"))
        return [found.text or "" for found in root.findall(steps)]


@contextmanager
def moto_server() -> Generator[str]:
    """The address of an S3 that starts empty and forgets all."""
    from moto.server import ThreadedMotoServer

    server: Any = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
    finally:
        server.stop()


@contextmanager
def new_bucket(endpoint: str) -> Generator[Bucket]:
    """A bucket of one test's own, that this process's environment leads to."""
    bucket = Bucket(f"test-{uuid4().hex[:12]}", endpoint)
    httpx.put(f"{endpoint}/{bucket.name}").raise_for_status()
    with patch.dict(os.environ, bucket.environment):
        yield bucket
