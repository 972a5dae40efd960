"""Importing vouchers from a CSV, as a background task that can be watched."""

import asyncio
import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, Unpack

from daybook import Publisher
from daybook.client import Task, TaskLinks, TaskOptions, WebhookLinks
from pydantic import ValidationError

from shop.store import NewVoucher, Store, Voucher

TASK_TYPE = "VOUCHERS.IMPORT"
COLUMNS = ["code", "discount"]
MOST_ROWS = 100_000
# A hundred rows a second: slow enough to watch.
PAUSE_S = 0.01
# The others wait, and are seen waiting.
AT_ONCE = 2


class Daybook(Publisher, Protocol):
    """What the shop needs of a client."""

    def task(self, task_type: str, **options: Unpack[TaskOptions]) -> Task: ...
    def enqueue_task(self, task_type: str, **links: Unpack[TaskLinks]) -> str: ...
    def publish_webhook(
        self, event_type: str, payload: Any, **links: Unpack[WebhookLinks]
    ) -> None: ...


class NotAnImport(ValueError):
    """The file cannot be imported, not even in part."""


# A row with the line of the file that it ends on: the header is line 1.
Row = tuple[int, list[str]]


def read_rows(content: bytes) -> list[Row]:
    """The rows of a CSV with a header; raises ``NotAnImport`` with what is wrong."""
    try:
        lines = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""))
        header = [name.strip().lower() for name in next(lines, list[str]())]
        rows = [(lines.line_num, row) for row in lines if row]
    except (UnicodeDecodeError, csv.Error) as error:
        raise NotAnImport(f"send CSV in UTF-8: {error}") from None
    if header != COLUMNS:
        raise NotAnImport(f"the first line must be {','.join(COLUMNS)}")
    if not 0 < len(rows) <= MOST_ROWS:
        raise NotAnImport(f"send from 1 to {MOST_ROWS} rows, not {len(rows)}")
    return rows


@dataclass
class Imports:
    """Imports under way; they end with the shop."""

    daybook: Daybook
    store: Store
    pause_s: float = PAUSE_S
    _free: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))
    _running: "set[asyncio.Task[None]]" = field(
        default_factory=set["asyncio.Task[None]"]
    )

    def begin(
        self,
        rows: Sequence[Row],
        cause: WebhookLinks,
        import_file_id: str | None = None,
    ) -> str:
        """Import the rows in the background; the id of the task that does it."""
        links: TaskLinks = {
            "request_id": cause.get("group_id"),
            "user": cause.get("user"),
            "import_file_id": import_file_id,
            "total": len(rows),
        }
        # Daybook 5: the task is known from here on, and waits.
        id = links["task_id"] = self.daybook.enqueue_task(TASK_TYPE, **links)
        running = asyncio.create_task(self._run(rows, links, cause))
        self._running.add(running)
        running.add_done_callback(self._running.discard)
        return id

    async def close(self) -> None:
        """Stop what runs; each says that it was cancelled."""
        for running in self._running:
            running.cancel()
        if self._running:
            await asyncio.wait(self._running)

    async def finished(self) -> None:
        """Wait until nothing runs."""
        if self._running:
            await asyncio.wait(self._running)

    async def _run(
        self, rows: Sequence[Row], links: TaskLinks, cause: WebhookLinks
    ) -> None:
        # Daybook 6: the block is the run, whatever becomes of it.
        run = self.daybook.task(TASK_TYPE, enqueued=True, **links)
        try:
            await self._free.acquire()
        except asyncio.CancelledError:
            async with run:  # it never had its turn: the shop closes
                raise
        try:
            await self._import_rows(run, rows)
        finally:
            self._free.release()
        self._tell(run, links, cause)

    async def _import_rows(self, run: Task, rows: Sequence[Row]) -> None:
        async with run as task:
            for line, row in rows:
                reason = self._import(row)
                if reason is None:
                    task.advance(done=1)
                else:
                    code = row[0][:64]
                    task.advance(failed=[{"row": line, "code": code, "reason": reason}])
                await asyncio.sleep(self.pause_s)
            task.message = f"{task.done_count} of {len(rows)} vouchers imported"

    def _tell(self, run: Task, links: TaskLinks, cause: WebhookLinks) -> None:
        id = links.get("task_id")
        payload = {
            "async_action_id": id,
            "import_file_id": links.get("import_file_id"),
            "total": links.get("total"),
            "done_count": run.done_count,
            "failed_count": run.failed_count,
        }
        self.daybook.publish_webhook(
            "import.finished", payload, **{**cause, "entity_id": id}
        )

    def _import(self, row: list[str]) -> str | None:
        """Why the row cannot be imported, or None: it has been."""
        if len(row) != len(COLUMNS):
            return f"it has {len(row)} columns, not {len(COLUMNS)}"
        code, discount = (cell.strip() for cell in row)
        if self.store.vouchers.get(code):
            return f"there is a voucher {code} already"
        try:
            number = int(discount)
            voucher = NewVoucher(code=code, discount=number)
        except ValidationError as errors:
            error = errors.errors()[0]
            return f"{error['loc'][0]}: {error['msg']}"
        except ValueError:
            return f"the discount {discount[:20]!r} is no whole number"
        self.store.vouchers.put(code, Voucher(**voucher.model_dump()))
        return None
