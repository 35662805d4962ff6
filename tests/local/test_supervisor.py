"""The supervisor, with real children and servers."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from backend.local.child import Child, Say
from backend.local.deaths import Patience
from backend.local.errors import LocalError
from backend.local.ports import free_port
from backend.local.postgres import PostgresServer
from backend.local.server import ServerProcess
from backend.local.supervisor import Supervisor
from backend.local.valkey import ValkeyServer
from tests.local.conftest import fetch, lives

HASTY = Patience(first_wait=0.05)
ON_TERM = "import signal, sys, time; signal.signal(signal.SIGTERM, lambda *_: (print('bye', flush=True), sys.exit()));"


class Said:
    """What was said, to be waited for."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str]] = []

    def __call__(self, name: str, line: str) -> None:
        self.lines.append((name, line))

    def by(self, name: str) -> list[str]:
        return [line for speaker, line in self.lines if speaker == name]

    async def wait_for(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(15):
            while not condition():  # noqa: ASYNC110
                await asyncio.sleep(0.01)


def python(name: str, code: str, *arguments: object, stop_seconds: float = 10, ready_url: str | None = None) -> Child:
    command = (sys.executable, "-c", code, *map(str, arguments))
    return Child(name, command, {"PYTHONUNBUFFERED": "1"}, stop_seconds, ready_url)


def begin(*children: Child, say: Say, servers: tuple[ServerProcess, ...] = ()) -> tuple[Supervisor, asyncio.Task[None]]:
    supervisor = Supervisor(servers, children, say, patience=HASTY, ready_seconds=1)
    return supervisor, asyncio.create_task(supervisor.run())


async def test_output_is_passed_on_line_by_line_under_the_childs_name() -> None:
    said = Said()
    code = "import sys, time; print('one'); print('two', file=sys.stderr); print('x' * 200_000); print('end', end='')"

    _, run = begin(python("web", code + "; sys.stdout.flush(); time.sleep(300)"), say=said)
    await said.wait_for(lambda: sum(map(len, said.by("web"))) >= 200_006)
    os.kill(os.getpid(), signal.SIGTERM)
    await run

    lines = said.by("web")
    assert lines[:2] == ["one", "two"]
    assert "".join(lines[2:]) == "x" * 200_000 + "end"


async def test_a_child_that_dies_is_started_again_after_ever_longer_waits_until_everything_is_stopped() -> None:
    said = Said()
    steady = python("steady", ON_TERM + "print('hello'); time.sleep(300)")

    _, run = begin(steady, python("weak", "print('ouch'); raise SystemExit(3)"), say=said)
    with pytest.raises(LocalError) as caught:
        await run

    assert [line for line in said.by("weak") if line != "ouch"] == [
        "ended with code 3; it is started again in 0.05 s",
        "ended with code 3; it is started again in 0.1 s",
        "ended with code 3; it is started again in 0.2 s",
        "ended with code 3; it is started again in 0.4 s",
    ]
    assert str(caught.value) == (
        "weak ended with code 3, which makes 5 deaths within 60 s, so everything was stopped.\nIts last lines:\n  ouch"
    )
    assert said.by("steady") == ["hello", "bye"]


async def test_when_a_leader_is_killed_the_rest_of_its_group_goes_with_it() -> None:
    said = Said()
    code = "import os, subprocess; print(os.getpid(), subprocess.Popen(['sleep', '300']).pid); os.wait()"

    supervisor, run = begin(python("master", code), say=said)
    await said.wait_for(lambda: said.by("master"))
    leader, orphan = map(int, said.by("master")[0].split())
    os.kill(leader, signal.SIGKILL)
    await said.wait_for(lambda: len(said.by("master")) == 3)
    supervisor.stop()
    await run

    assert said.by("master")[1] == "was ended by SIGKILL; it is started again in 0.05 s"
    assert not lives(orphan)


async def test_children_are_stopped_one_by_one_the_last_first() -> None:
    said = Said()
    code = ON_TERM + "print('hello'); time.sleep(300)"

    supervisor, run = begin(*(python(name, code) for name in ("first", "second", "third")), say=said)
    await said.wait_for(lambda: len(said.lines) == 3)
    supervisor.stop()
    await run

    assert said.lines[3:] == [("third", "bye"), ("second", "bye"), ("first", "bye")]


async def test_readiness_is_an_answer_of_the_child() -> None:
    port = free_port()
    serve = (sys.executable, "-m", "http.server", "--bind", "127.0.0.1", "--directory", str(Path(__file__).parent))
    web = Child("web", (*serve, str(port)), {}, ready_url=f"http://127.0.0.1:{port}/")

    supervisor, run = begin(web, say=Said())
    async with asyncio.timeout(10):
        await supervisor.ready.wait()
    supervisor.stop()
    await run


async def test_a_child_that_does_not_become_ready_ends_it_all_with_its_last_lines() -> None:
    url = f"http://127.0.0.1:{free_port()}/"

    _, run = begin(python("web", "import time; print('thinking'); time.sleep(300)", ready_url=url), say=Said())
    with pytest.raises(LocalError) as caught:
        await run

    assert str(caught.value) == f"web was not ready after 1 s: {url} does not answer.\nIts last lines:\n  thinking"


async def test_a_program_that_does_not_exist_is_a_sentence_and_ends_the_others() -> None:
    said = Said()
    missing = Child("web", ("/nowhere/python",), {})

    _, run = begin(python("steady", ON_TERM + "print('hello'); time.sleep(300)"), missing, say=said)
    with pytest.raises(LocalError, match=r"web cannot be started: /nowhere/python: No such file or directory\."):
        await run


async def test_a_listener_that_fails_ends_it_all_instead_of_blocking_the_children() -> None:
    def closed_terminal(name: str, line: str) -> None:
        raise BrokenPipeError

    _, run = begin(python("web", "import time; print('hello'); time.sleep(300)"), say=closed_terminal)

    with pytest.raises(BrokenPipeError):
        await run


async def test_servers_that_die_are_started_again_with_their_port_and_data(used_data: Path) -> None:
    said = Said()
    with PostgresServer(used_data) as postgres, ValkeyServer(used_data) as valkey:
        url = postgres.url
        await asyncio.to_thread(fetch, url, "CREATE TABLE kept AS SELECT 42 AS number")
        supervisor, run = begin(say=said, servers=(postgres, valkey))

        for server in (postgres, valkey):
            assert server.pid
            os.kill(server.pid, signal.SIGKILL)
            await said.wait_for(lambda: said.by(server.name)[-1:] == ["is running again"])  # noqa: B023

        assert await asyncio.to_thread(fetch, url, "SELECT number FROM kept") == 42
        assert valkey.is_ready()
        supervisor.stop()
        await run

    assert said.by("postgres") == ["ended; it is started again in 0.05 s", "is running again"]


async def test_a_server_that_cannot_come_back_ends_it_all_with_the_reason(data: Path) -> None:
    said = Said()
    with ValkeyServer(data) as valkey:
        _, run = begin(say=said, servers=(valkey,))
        (log,) = (data / "valkey").glob("appendonlydir/*.incr.aof")
        log.write_bytes(b"no log at all\r\n" * 10)
        assert valkey.pid
        os.kill(valkey.pid, signal.SIGKILL)

        with pytest.raises(LocalError, match=r"Bad file format.*which makes 5 deaths within 60 s"):
            await run
