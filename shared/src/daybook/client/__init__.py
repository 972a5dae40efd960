"""The client of Daybook: an asynchronous and a synchronous face of one machine."""

from daybook.client.asynchronous import Client
from daybook.client.core import CloseReport
from daybook.client.counts import Reason, Stats
from daybook.client.publisher import Publisher
from daybook.client.settings import Options, Settings
from daybook.client.synchronous import SyncClient
from daybook.client.task_settings import TaskLinks, TaskOptions, TaskSettings
from daybook.client.tasks import SyncTask, Task
from daybook.client.tracing import current_traceparent
from daybook.client.webhooks import WebhookLinks

__all__ = [
    "Client",
    "CloseReport",
    "Options",
    "Publisher",
    "Reason",
    "Settings",
    "Stats",
    "SyncClient",
    "SyncTask",
    "Task",
    "TaskLinks",
    "TaskOptions",
    "TaskSettings",
    "WebhookLinks",
    "current_traceparent",
]
