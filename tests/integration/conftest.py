"""One stack, as `make run` starts it, for all tests of this folder."""

import asyncio
import sys
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
import pytest_asyncio
from daybook.testing.stack_run import StackRun


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StackRun]:
    """One stack for all tests here, with servers and data of its own."""
    stack = StackRun(
        [sys.executable, "-m", "daybook_local"], tmp_path_factory.mktemp("stack"), {}
    )
    stack.start()
    try:
        asyncio.run(stack.up(within=120))
        yield stack
    finally:
        stack.end()


@pytest_asyncio.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(follow_redirects=True, timeout=20) as client:
        yield client
