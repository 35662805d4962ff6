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
from pathlib import Path
from typing import Any

import asyncpg
import pytest

ROOT = Path(__file__).parents[2]
OWNER = Path(__file__).with_name("owner.py")


@pytest.fixture
def place() -> Iterator[Path]:
    """An empty folder that the servers' user can enter."""
    folder = Path(tempfile.mkdtemp(prefix="houstons-test-"))
    folder.chmod(0o755)
    yield folder
    # Servers of a killed owner may be on their way out, and write until they are.
    wait_until(lambda: shutil.rmtree(folder, ignore_errors=True) or not folder.exists())


@pytest.fixture
def data(place: Path) -> Path:
    """A data folder, empty as before the first start."""
    return place / "data"


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
