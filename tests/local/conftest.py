"""Folders for servers, and owners: processes that own servers and children, to be killed at will."""

import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from backend.local.postgres import THROW_AWAY, PostgresServer

ROOT = Path(__file__).parents[2]
OWNER = Path(__file__).with_name("owner.py")


@pytest.fixture
def place() -> Iterator[Path]:
    """An empty folder that the servers' user can enter."""
    with open_folder() as folder:
        yield folder


@pytest.fixture
def data(place: Path) -> Path:
    """A data folder as before the first start."""
    return place / "data"


@pytest.fixture(scope="session")
def template() -> Iterator[Path]:
    """A data folder to copy, which is faster than to make it anew."""
    with open_folder() as folder:
        with PostgresServer(folder / "data", options=THROW_AWAY):
            pass
        yield folder / "data"


@pytest.fixture
def used_data(template: Path, data: Path) -> Path:
    """A data folder of an earlier run that ended well."""
    subprocess.run(["cp", "-a", template, data], check=True)
    return data


@contextmanager
def open_folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="houstons-test-", dir=in_memory()))
    folder.chmod(0o755)
    yield folder

    def remove() -> bool:
        shutil.rmtree(folder, ignore_errors=True)
        return not folder.exists()

    # Servers of a killed owner may be on their way out, and write until they are.
    wait_until(remove)


def in_memory() -> Path | None:
    """A file system in memory, where clusters are made and copied several times faster; None where there is no room."""
    memory = Path("/dev/shm")
    if not memory.exists():
        return None
    about = os.statvfs(memory)
    has_room = about.f_bavail * about.f_frsize > 2**30
    return memory if has_room and not about.f_flag & os.ST_NOEXEC else None


Owner = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def run_owner() -> Iterator[Owner]:
    """Start tests/local/owner.py; whatever is left of it is killed at the end."""
    started: list[subprocess.Popen[str]] = []

    def run(part: str, *arguments: object, python_path: Path = ROOT) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, str(OWNER), part, *map(str, arguments)],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": f"{python_path}:{ROOT}"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.communicate()


def next_fact(process: subprocess.Popen[str]) -> dict[str, Any]:
    """The next line that an owner wrote for the test."""
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line, process.communicate()[1]
    fact: dict[str, Any] = json.loads(line)
    return fact


def wait_until(condition: Callable[[], object], seconds: float = 15.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


def lives(pid: int) -> bool:
    """True when the process runs; one that ended and was not asked for by its parent does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def fetch(url: str, statement: str) -> Any:
    """The one value that a statement gives."""

    async def run() -> Any:
        connection = await asyncpg.connect(url)
        try:
            return await connection.fetchval(statement)
        finally:
            await connection.close()

    return asyncio.run(run())
