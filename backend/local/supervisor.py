"""Keeps servers and child processes running: restarts with back-off, or stops everything, and says so."""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from backend.local.process import LocalError, dies_with_me
from backend.local.server import ServerProcess

FIRST_WAIT = 0.5
LONGEST_WAIT = 30.0
STEADY_SECONDS = 60.0
DEATHS_AT_MOST = 5

Say = Callable[[str, str], None]


@dataclass(frozen=True, slots=True)
class Child:
    """A process to keep running. After SIGTERM it has `stop_seconds` to finish what it is doing."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    stop_seconds: float = 15.0


@dataclass(slots=True)
class _Deaths:
    """When something died lately, to tell a stumble from a process that cannot live."""

    at: list[float] = field(default_factory=list)

    def wait(self) -> float | None:
        """Seconds until the restart; None when it died too often."""
        now = time.monotonic()
        self.at = [*(moment for moment in self.at if now - moment < STEADY_SECONDS), now]
        if len(self.at) >= DEATHS_AT_MOST:
            return None
        return min(FIRST_WAIT * 2.0 ** (len(self.at) - 1), LONGEST_WAIT)


class Supervisor:
    """Runs children until SIGINT, SIGTERM or `stop()`. Call it from the main thread: the kernel watches that thread."""

    def __init__(self, servers: Sequence[ServerProcess], children: Sequence[Child], say: Say) -> None:
        self._servers = servers
        self._children = children
        self._say = say
        self._stopping = asyncio.Event()
        self._failure: str | None = None
        self._groups: dict[str, int] = {}

    def stop(self) -> None:
        self._stopping.set()

    async def run(self) -> None:
        """Start all and watch. Raises LocalError when something died too often."""
        loop = asyncio.get_running_loop()
        for signum in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(signum, self._on_signal)
        watchers = [asyncio.create_task(self._keep(child)) for child in self._children]
        watchers += [asyncio.create_task(self._keep_server(server)) for server in self._servers]
        await self._stopping.wait()
        for result in await asyncio.gather(*watchers, return_exceptions=True):
            if isinstance(result, BaseException):
                raise result
        if self._failure:
            raise LocalError(self._failure)

    def _on_signal(self) -> None:
        if self._stopping.is_set():
            for group in self._groups.values():
                _kill_group(group, signal.SIGKILL)
        self._stopping.set()

    async def _keep(self, child: Child) -> None:
        deaths = _Deaths()
        while not self._stopping.is_set():
            process = await asyncio.create_subprocess_exec(
                *child.command,
                env=dict(child.environment),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=dies_with_me(signal.SIGTERM),
                limit=1_000_000,
            )
            self._groups[child.name] = process.pid
            assert process.stdout is not None
            lines = asyncio.create_task(self._pass_on(child.name, process.stdout))
            ended = asyncio.create_task(process.wait())
            stop = asyncio.create_task(self._stopping.wait())
            await asyncio.wait({ended, stop}, return_when=asyncio.FIRST_COMPLETED)
            if not ended.done():
                _kill_group(process.pid, signal.SIGTERM, leader_only=True)
                await asyncio.wait({ended}, timeout=child.stop_seconds)
            # Whatever the leader left behind goes with it.
            _kill_group(process.pid, signal.SIGKILL)
            code = await ended
            stop.cancel()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(lines, 2)
            del self._groups[child.name]
            if not self._stopping.is_set():
                await self._after_death(child.name, f"ended with code {code}", deaths)

    async def _keep_server(self, server: ServerProcess) -> None:
        deaths = _Deaths()
        while not self._stopping.is_set():
            if server.is_running():
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._stopping.wait(), 0.25)
                continue
            await self._after_death(server.name, "ended", deaths)
            if not self._stopping.is_set():
                try:
                    server.start()
                except LocalError as error:
                    self._say(server.name, str(error))

    async def _after_death(self, name: str, how: str, deaths: _Deaths) -> None:
        wait = deaths.wait()
        if wait is None:
            self._failure = f"{name} {how} {DEATHS_AT_MOST} times within a minute, so everything was stopped."
            self._stopping.set()
            return
        self._say(name, f"{how}; it is started again in {wait:g} s")
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), wait)

    async def _pass_on(self, name: str, stream: asyncio.StreamReader) -> None:
        async for line in stream:
            self._say(name, line.decode(errors="replace").rstrip())


def _kill_group(group: int, signum: int, *, leader_only: bool = False) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if leader_only:
            os.kill(group, signum)
        else:
            os.killpg(group, signum)
