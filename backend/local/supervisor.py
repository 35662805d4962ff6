"""Keeps servers and children running: restarts with back-off, or a stop of everything; never a silent half-system."""

import asyncio
import contextlib
import signal
import time
from collections.abc import Coroutine, Sequence

import httpx

from backend.local.child import Child, ChildProcess, Say
from backend.local.deaths import Deaths, Patience
from backend.local.errors import LocalError
from backend.local.server import ServerProcess

PATIENCE = Patience()


class Supervisor:
    """Runs children until SIGINT, SIGTERM or `stop()`. Call it from the main thread: the kernel watches that thread.

    The servers run already and go on running afterwards; in between they are started again when they die.
    `ready` is set as soon as each child with a `ready_url` has answered.
    """

    def __init__(
        self,
        servers: Sequence[ServerProcess],
        children: Sequence[Child],
        say: Say,
        *,
        ready_seconds: float = 60.0,
        patience: Patience = PATIENCE,
    ) -> None:
        self.ready = asyncio.Event()
        self._servers = servers
        self._children = children
        self._say = say
        self._ready_seconds = ready_seconds
        self._patience = patience
        self._stopping = asyncio.Event()
        self._stop_now = {child.name: asyncio.Event() for child in children}
        self._running: dict[str, ChildProcess] = {}

    def stop(self) -> None:
        """Stop the children, the last first, and let `run` return."""
        self._stopping.set()

    async def run(self) -> None:
        """Start all and watch. Raises LocalError when something died too often or did not become ready."""
        loop = asyncio.get_running_loop()
        for signum in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(signum, self._on_signal)
        keepers = {child.name: self._begin(self._keep(child)) for child in self._children}
        watchers = [self._begin(self._keep_server(server)) for server in self._servers]
        watchers.append(self._begin(self._watch_readiness()))
        try:
            await self._stopping.wait()
        finally:
            self._stopping.set()
            # One after the other: what is stopped may still need what was started before it.
            for child in reversed(self._children):
                self._stop_now[child.name].set()
                await asyncio.wait({keepers[child.name]})
            await asyncio.wait(watchers)
            for signum in (signal.SIGINT, signal.SIGTERM):
                loop.remove_signal_handler(signum)
        for task in (*keepers.values(), *watchers):
            task.result()

    def _on_signal(self) -> None:
        if self._stopping.is_set():
            for process in self._running.values():
                process.kill()
        self._stopping.set()

    def _begin(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        """Whatever goes wrong in one place stops everything, and `run` raises it at the end."""
        task = asyncio.create_task(work)
        task.add_done_callback(lambda done: self._stopping.set() if done.exception() else None)
        return task

    async def _keep(self, child: Child) -> None:
        deaths = Deaths(self._patience)
        while not self._stopping.is_set():
            started_at = time.monotonic()
            process = self._running[child.name] = await ChildProcess.spawn(child, self._say)
            ended = asyncio.create_task(process.ended())
            stop_now = asyncio.create_task(self._stop_now[child.name].wait())
            await asyncio.wait({ended, stop_now}, return_when=asyncio.FIRST_COMPLETED)
            stop_now.cancel()
            if not ended.done():
                process.ask_to_stop()
                await asyncio.wait({ended}, timeout=child.stop_seconds)
                process.kill()
            how = await ended
            if not self._stopping.is_set():
                await self._wait_after_death(child.name, how, deaths, started_at)

    async def _keep_server(self, server: ServerProcess) -> None:
        deaths = Deaths(self._patience)
        started_at = time.monotonic()
        how = "ended"
        while not self._stopping.is_set():
            if server.is_running():
                await self._pause(0.25)
                continue
            await self._wait_after_death(server.name, how, deaths, started_at)
            if self._stopping.is_set():
                return
            started_at = time.monotonic()
            try:
                await self._revive(server)
                how = "ended"
                self._say(server.name, "is running again")
            except LocalError as error:
                how = f"ended ({error})"
                await asyncio.to_thread(server.stop)

    async def _revive(self, server: ServerProcess) -> None:
        await asyncio.to_thread(server.prepare)
        # In this thread, the main one: with the end of a helper thread the kernel would end the server too.
        server.spawn()
        while not self._stopping.is_set() and not await asyncio.to_thread(server.poll_ready):
            await self._pause(0.05)

    async def _wait_after_death(self, name: str, how: str, deaths: Deaths, started_at: float) -> None:
        wait = deaths.record(started_at=started_at, now=time.monotonic())
        if wait is None:
            raise LocalError(
                f"{name} {how}, which makes {self._patience.deaths} deaths within {self._patience.window:g} s, "
                f"so everything was stopped.{self._last_lines(name)}"
            )
        self._say(name, f"{how}; it is started again in {wait:g} s")
        await self._pause(wait)

    async def _watch_readiness(self) -> None:
        deadline = time.monotonic() + self._ready_seconds
        # A proxy from the environment has no business between two processes of one machine.
        async with httpx.AsyncClient(trust_env=False, timeout=2) as http:
            for child in self._children:
                while child.ready_url and not await _answers(http, child.ready_url):
                    if self._stopping.is_set():
                        return
                    if time.monotonic() > deadline:
                        raise LocalError(
                            f"{child.name} was not ready after {self._ready_seconds:g} s: "
                            f"{child.ready_url} does not answer.{self._last_lines(child.name)}"
                        )
                    await self._pause(0.1)
        self.ready.set()

    async def _pause(self, seconds: float) -> None:
        """Sleep, but not into a stop."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)

    def _last_lines(self, name: str) -> str:
        process = self._running.get(name)
        if process is None or not process.last_lines:
            return ""
        return "".join(("\nIts last lines:", *(f"\n  {line}" for line in process.last_lines)))


async def _answers(http: httpx.AsyncClient, url: str) -> bool:
    try:
        return (await http.get(url)).status_code == 200
    except httpx.HTTPError:
        return False
