"""An ASGI application made of a script, and the messages it is made of."""

from daybook.integrations.asgi import Message, Receive, Scope, Send


def start(status: int = 200, **headers: str) -> Message:
    """The beginning of an answer; ``content_type`` is the header ``content-type``."""
    return {
        "type": "http.response.start",
        "status": status,
        "headers": [
            (name.replace("_", "-").encode(), value.encode())
            for name, value in headers.items()
        ],
    }


def body(data: bytes = b"", *, more: bool = False) -> Message:
    """A piece of an answer, the last one unless there is ``more``."""
    return {"type": "http.response.body", "body": data, "more_body": more}


def request(data: bytes = b"", *, more: bool = False) -> Message:
    """A piece of a request, the last one unless there is ``more``."""
    return {"type": "http.request", "body": data, "more_body": more}


class Answering:
    """Reads as many messages as told, then sends the given ones."""

    def __init__(self, *messages: Message, reads: int = 0) -> None:
        self.messages = messages
        self.reads = reads
        self.scope: Scope = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scope = scope
        for _ in range(self.reads):
            await receive()
        for message in self.messages:
            await send(message)
