"""The product's processes: started as an installation starts them, killed without warning, and started again."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import psutil

from backend.local.process import dies_with_me

ROOT = Path(__file__).parents[2]
_SCHEDULER_SAYS = b"scheduler.started"
_MASTER_SAYS = b"is booting up"
# A start takes two seconds of a core; a busy machine may need many times that.
START_SECONDS = 60.0
_LINES_SHOWN = 60


@dataclass(slots=True)
class _Part:
    """One process with its group; all of its lives write to one file."""

    command: tuple[str, ...]
    log: Path
    process: subprocess.Popen[bytes]
    born_at: int
    shown_from: int = 0

    @property
    def lives(self) -> bool:
        return self.process.poll() is None

    def has_said(self, words: bytes) -> bool:
        with self.log.open("rb") as log:
            log.seek(self.born_at)
            return words in log.read()


class System:
    """Workers and schedulers by name. The test is their supervisor: nobody else starts again what ended."""

    def __init__(self, environment: Mapping[str, str], folder: Path) -> None:
        self._environment = {**environment, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
        self._folder = folder
        self._parts: dict[str, _Part] = {}
        self._valkey_port = urlsplit(environment["REDIS_URL"]).port

    def start_worker(self, name: str, queues: str) -> None:
        self._start(name, ("worker", "--queues", queues))

    def start_scheduler(self, name: str) -> None:
        self._start(name, ("scheduler",))

    @property
    def names(self) -> list[str]:
        return list(self._parts)

    @property
    def has_workers(self) -> bool:
        return any(part.command[0] == "worker" for part in self._parts.values())

    @property
    def pids(self) -> dict[str, int]:
        """The processes that live; a name that started anew has another number."""
        return {name: part.process.pid for name, part in self._parts.items() if part.lives}

    async def ready(self) -> None:
        """Wait until every process works: a worker asks Valkey for messages, a scheduler has said so."""
        deadline = time.monotonic() + START_SECONDS
        for name, part in self._parts.items():
            while not self._is_ready(part):
                assert part.lives, f"{name} ended before it was ready\n{self.report()}"
                assert time.monotonic() < deadline, f"{name} did not get ready\n{self.report()}"
                await asyncio.sleep(0.05)

    def kill(self, name: str) -> None:
        """SIGKILL to a process and all of its children at once, as when a machine loses power."""
        part = self._parts[name]
        if part.lives:
            os.killpg(part.process.pid, signal.SIGKILL)
        part.process.wait()

    def kill_inner(self, name: str) -> None:
        """SIGKILL to the one process in which a worker works, as when memory runs out; its master ends by itself.

        A master that still waits for its worker to boot would notice half a minute later, and is killed as well.
        """
        part = self._parts[name]
        if not part.has_said(_MASTER_SAYS):
            self.kill(name)
            return
        for child in psutil.Process(part.process.pid).children():
            child.kill()

    @contextmanager
    def frozen(self, names: Iterable[str]) -> Iterator[None]:
        """Some processes stand still during the block."""
        pids = [self._parts[name].process.pid for name in names]
        for pid in pids:
            os.killpg(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in pids:
                os.killpg(pid, signal.SIGCONT)

    def ask_to_stop(self, name: str) -> None:
        """SIGTERM, as at a deploy."""
        self._parts[name].process.terminate()

    async def ended(self, name: str, seconds: float = 30) -> int:
        """Wait for the end of the process that has this name now; returns the exit code."""
        process, deadline = self._parts[name].process, time.monotonic() + seconds
        while (code := process.poll()) is None:
            assert time.monotonic() < deadline, f"{name} did not end\n{self.report()}"
            await asyncio.sleep(0.05)
        return code

    def revive(self) -> list[str]:
        """Start again whatever ended; returns the names."""
        dead = [name for name, part in self._parts.items() if not part.lives]
        for name in dead:
            self._start(name, self._parts[name].command)
        return dead

    def remove(self, name: str) -> None:
        self.kill(name)
        del self._parts[name]

    def close(self) -> None:
        for name in self.names:
            self.remove(name)

    def mark(self) -> None:
        """The report begins here."""
        for part in self._parts.values():
            part.shown_from = part.log.stat().st_size

    def report(self) -> str:
        """The last lines of every process since `mark`."""
        sections = []
        for name, part in self._parts.items():
            with part.log.open("rb") as log:
                log.seek(part.shown_from)
                lines = log.read().decode(errors="replace").splitlines()
            state = "lives" if part.lives else f"ended with code {part.process.returncode}"
            sections.append("\n".join([f"--- {name}, {state}", *lines[-_LINES_SHOWN:]]))
        return "\n".join(sections)

    def _is_ready(self, part: _Part) -> bool:
        if part.command[0] == "scheduler":
            return part.has_said(_SCHEDULER_SAYS)
        with suppress(psutil.Error):
            children = psutil.Process(part.process.pid).children()
            sockets = [connection for child in children for connection in child.net_connections("tcp")]
            return any(socket.raddr and socket.raddr.port == self._valkey_port for socket in sockets)
        return False

    def _start(self, name: str, command: tuple[str, ...]) -> None:
        log = self._folder / f"{name}.log"
        log.touch()
        born_at = log.stat().st_size
        before = self._parts.get(name)
        with log.open("ab") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "backend.cli", *command],
                # No `.env` of a checkout is read from here.
                cwd=self._folder,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                preexec_fn=dies_with_me(signal.SIGKILL),
            )
        self._parts[name] = _Part(command, log, process, born_at, before.shown_from if before else born_at)
