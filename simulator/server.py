"""One simulator: Wisely, its control routes and the mailbox pages over HTTP, and the mail server."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import uvicorn

from simulator.app import App
from simulator.certificate import server_context
from simulator.delivery import Protocol
from simulator.mailbox import DEFAULT_CAPACITY, Mailbox
from simulator.manners import Manners
from simulator.smtp import Access, MailServer
from simulator.turnover import Plan
from simulator.wisely import Latency, Wisely

KEEP_ALIVE_SECONDS = 75


class CannotStart(Exception):
    """Why the simulator does not start, as a sentence."""


@dataclass(frozen=True)
class Options:
    """What a simulator is started with. Port 0 means any free one."""

    host: str = "127.0.0.1"
    port: int = 9200
    smtp_port: int = 9225
    seed: int = 1
    turnover: Plan | None = None
    manners: Manners = field(default_factory=Manners)
    latency: Latency = field(default_factory=Latency)
    smtp_user: str | None = None
    smtp_password: str | None = None
    starttls: bool = False
    require_starttls: bool = False
    ca_file: Path | None = None
    mailbox_capacity: int = DEFAULT_CAPACITY


class Simulator:
    """Runs in the event loop in which it is started. `now` gives epoch seconds, `monotonic` seconds."""

    def __init__(
        self,
        options: Options,
        *,
        now: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.options = options
        self.wisely = Wisely(now, monotonic, options.seed, options.manners, options.latency)
        self.mailbox = Mailbox(options.mailbox_capacity)
        self.mail_server = MailServer(self.mailbox, _access(options), now=now)
        self.port = options.port
        self.smtp_port = options.smtp_port
        self._http = _HttpServer(
            uvicorn.Config(
                App(self.wisely, self.mailbox, self.mail_server.troubles),
                http=Protocol,
                ws="none",
                lifespan="off",
                access_log=False,
                log_config=None,
                server_header=False,
                timeout_keep_alive=KEEP_ALIVE_SECONDS,
            )
        )
        self._serving: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        host = f"[{self.options.host}]" if ":" in self.options.host else self.options.host
        return f"http://{host}:{self.port}"

    async def start(self) -> None:
        """Start to listen. Raises CannotStart."""
        http_listener = _listen(self.options.host, self.options.port)
        try:
            smtp_listener = _listen(self.options.host, self.options.smtp_port)
        except CannotStart:
            http_listener.close()
            raise
        self.port = http_listener.getsockname()[1]
        self.smtp_port = smtp_listener.getsockname()[1]
        if self.options.turnover is not None:
            self.wisely.turnover.start(self.options.turnover)
        await self.mail_server.start(smtp_listener)
        self._serving = asyncio.create_task(self._http.serve(sockets=[http_listener]))
        await self._http.listening.wait()

    async def stop(self) -> None:
        """Stop at once. Requests that are under way lose their connection."""
        await self.mail_server.stop()
        self._http.should_exit = True
        self._http.cut_connections()
        if self._serving is not None:
            await self._serving


class _HttpServer(uvicorn.Server):
    """uvicorn's server without signal handlers of its own; they belong to the process."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    def cut_connections(self) -> None:
        for connection in list(self.server_state.connections):
            if isinstance(connection, Protocol):
                connection.transport.abort()


def _access(options: Options) -> Access:
    if not options.starttls:
        return Access(options.smtp_user, options.smtp_password)
    if options.ca_file is None:
        raise CannotStart("STARTTLS needs a file to write the certificate authority to: --ca-file.")
    try:
        context = server_context(options.ca_file)
    except OSError as error:
        raise CannotStart(f"{options.ca_file} cannot be written: {error.strerror}.") from error
    return Access(options.smtp_user, options.smtp_password, context, options.require_starttls)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio turns off Nagle's algorithm only for sockets that are TCP by name; it costs 40 ms an answer.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(1024)
    except OSError as error:
        listener.close()
        raise CannotStart(f"Cannot listen on {host}:{port}: {error.strerror}.") from error
    listener.setblocking(False)
    return listener
