"""A local server that stands where somebody else's would: it writes down what it was sent and answers as told."""

import json
import ssl
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_network
from typing import Any
from uuid import UUID

import pytest

from backend.clients.channels.outgoing import Outgoing
from backend.clients.outbound import Outbound

HERE = (ip_network("127.0.0.1/32"),)
MESSAGE_ID = UUID("11111111-2222-3333-4444-555555555555")


@dataclass(frozen=True, slots=True)
class Received:
    """One request."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class Reply:
    """What the server says. `after`: not before this is set."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    after: threading.Event | None = None


class StandIn:
    """Answers with `replies`, in turn, and then with `usual`."""

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.replies: deque[Reply] = deque()
        self.usual = Reply()
        self.port = 0
        self.closing = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def never(self, **changes: Any) -> Reply:
        """A reply that does not come."""
        return Reply(after=self.closing, **changes)


@contextmanager
def serving(tls: ssl.SSLContext | None = None) -> Iterator[StandIn]:
    """A server on a port of its own."""
    stand_in = StandIn()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            stand_in.received.append(Received(self.command, self.path, headers, body))
            reply = stand_in.replies.popleft() if stand_in.replies else stand_in.usual
            if reply.after is not None:
                reply.after.wait(20)
            self.send_response(reply.status)
            for name, value in {"Content-Length": str(len(reply.body)), **reply.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(reply.body)

        do_GET = do_POST

        def log_message(self, *_: Any) -> None:
            """Not on the terminal."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: Any) -> None:
            """Clients that hang up are part of the tests."""

    server = Server(("127.0.0.1", 0), Handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    stand_in.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield stand_in
    finally:
        stand_in.closing.set()
        server.shutdown()
        server.server_close()
        thread.join(5)


@pytest.fixture
def stand_in() -> Iterator[StandIn]:
    with serving() as server:
        yield server


@pytest.fixture
async def outbound() -> Any:
    """The way out, with this machine allowed."""
    made = Outbound(allow=HERE)
    yield made
    await made.close()


def outgoing(to: str, **changes: Any) -> Outgoing:
    """A message about a table, to this address."""
    said = {
        "subject": "Table for 2 at Houston's: Friday 19:30",
        "text": "Houston's Pasadena <has> a table.\nFriday 19:30 & 2 people",
        "short": "Houston's: Fri 19:30 for 2",
        "link": "https://reservations.example.com/book?party=2",
        "kind": "table_open",
        "facts": {"party_size": 2, "times": ["19:30"]},
    }
    return Outgoing(**{"to": to, "message_id": MESSAGE_ID, **said, **changes})
