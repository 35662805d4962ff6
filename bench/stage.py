"""What a measurement runs on, all of it started here: Postgres, Valkey, the simulator, and the measured processes."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from signal import SIGTERM
from typing import Any

from backend.local.ports import free_port
from backend.local.postgres import THROW_AWAY, PostgresServer
from backend.local.process import dies_with_me
from backend.local.valkey import ValkeyServer

_ROOT = Path(__file__).resolve().parent.parent
_TICKS = os.sysconf("SC_CLK_TCK")


class StageError(Exception):
    """Something that the measurement needs did not start or did not go on; the text says what."""


@dataclass(frozen=True, slots=True)
class Stage:
    """Addresses of what runs, and a folder that is thrown away with it."""

    folder: Path
    postgres_url: str
    redis_url: str
    simulator_url: str

    def database(self, name: str) -> str:
        """The address of another database of the same server."""
        return f"{self.postgres_url.rpartition('/')[0]}/{name}"

    def tell_simulator(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        request = urllib.request.Request(
            self.simulator_url + path,
            data=None if body is None else json.dumps(body).encode(),
            method=method,
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30) as response:
            return json.load(response)


@contextmanager
def stage() -> Iterator[Stage]:
    """Start the servers and the simulator; stop them and throw everything away at the end."""
    folder = Path(tempfile.mkdtemp(prefix="houstons-bench-"))
    # Postgres, as another user, has to walk through it.
    os.chmod(folder, 0o755)
    try:
        with PostgresServer(folder, options=THROW_AWAY) as postgres, ValkeyServer(folder) as valkey:
            port = free_port()
            command = ("-m", "simulator", "--port", str(port), "--smtp-port", str(free_port()))
            with python(folder, command, {}, stdout=subprocess.PIPE) as simulator:
                if simulator.stdout is None or b"ready" not in simulator.stdout.readline():
                    raise StageError("the simulator did not start")
                yield Stage(folder, postgres.url, valkey.url, f"http://127.0.0.1:{port}")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def python(
    folder: Path,
    arguments: Sequence[str],
    environment: Mapping[str, str],
    *,
    stdout: int | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """A Python process that knows our packages and no setting but those given; ended with the block.

    What it says goes to a file, and is shown when the block fails.
    """
    log = folder / f"{arguments[1]}.log"
    with log.open("ab") as said:
        process = subprocess.Popen(
            [sys.executable, *arguments],
            # Not where a person's .env might lie.
            cwd=folder,
            env={"PATH": os.environ.get("PATH", os.defpath), "PYTHONPATH": str(_ROOT), **environment},
            stdin=subprocess.PIPE,
            stdout=said if stdout is None else stdout,
            stderr=said,
            preexec_fn=dies_with_me(SIGTERM),
        )
    try:
        yield process
    except StageError as error:
        raise StageError(f"{error}\n{_last_lines(log)}") from None
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()


@dataclass(frozen=True, slots=True)
class Tree:
    """A process and all that came from it, as Linux accounts for them."""

    pid: int

    @property
    def pids(self) -> list[int]:
        found, queue = [], [self.pid]
        while queue:
            pid = queue.pop()
            found.append(pid)
            for children in Path(f"/proc/{pid}/task").glob("*/children"):
                queue += map(int, children.read_text().split())
        return found

    @property
    def cpu_seconds(self) -> float:
        """User and system time."""
        total = 0
        for pid in self.pids:
            # The name, in parentheses, may contain anything; user and system time are the 12th and 13th after it.
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            total += int(fields[11]) + int(fields[12])
        return total / _TICKS

    @property
    def peak_rss_mb(self) -> float:
        """The most memory that the largest of the processes has had."""
        return max(_peak_kb(pid) for pid in self.pids) / 1024


def _last_lines(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-20:])


def _peak_kb(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1])
    return 0


def deadline(seconds: float) -> Iterator[None]:
    """Steps until the time is up, which is an error."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        yield
    raise StageError(f"it was not done after {seconds:g} s")
