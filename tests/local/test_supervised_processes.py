"""The supervisor, with real servers and real processes: it restarts, gives up, and leaves nothing behind."""

import asyncio
import json
import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from backend.local.child import Child
from backend.local.deaths import Patience
from backend.local.errors import LocalError
from backend.local.postgres import THROW_AWAY, PostgresServer
from backend.local.server import ServerProcess
from backend.local.supervisor import Supervisor
from backend.local.valkey import ValkeyServer
from tests.local.conftest import Owner, fetch, lives, next_fact, wait_until

# Five deaths in a minute, as shipped, in less time.
HASTY = Patience(first_wait=0.05, longest_wait=0.1)
LEAVES_ONE_BEHIND = """
import subprocess, sys
print("pid", subprocess.Popen(["sleep", "300"]).pid, flush=True)
sys.exit(3)
"""
DEAF = """
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
deaf = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(300)"
print("pid", subprocess.Popen([sys.executable, "-c", deaf]).pid, flush=True)
time.sleep(300)
"""


class Heard:
    """What children and supervisor said."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, name: str, line: str) -> None:
        self.lines.append(f"{name} {line}")

    @property
    def pids(self) -> list[int]:
        return [int(line.rsplit(" ", 1)[1]) for line in self.lines if " pid " in line]


@pytest.fixture
def heard() -> Heard:
    return Heard()


def python(name: str, code: str, *, stop_seconds: float = 15.0) -> Child:
    return Child(name, (sys.executable, "-c", code), dict(os.environ), stop_seconds)


async def until(condition: Callable[[], object], seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        await asyncio.sleep(0.02)


def test_a_dead_child_is_started_again_with_a_message(heard: Heard) -> None:
    forever = python("web", "import os, time; print('pid', os.getpid(), flush=True); time.sleep(300)")

    async def run() -> None:
        supervisor = Supervisor([], [forever], heard.say)
        running = asyncio.create_task(supervisor.run())
        await until(lambda: heard.pids)
        os.kill(heard.pids[0], signal.SIGKILL)
        await until(lambda: len(heard.pids) == 2)
        supervisor.stop()
        await running

    asyncio.run(run())

    assert "web was ended by SIGKILL; it is started again in 0.5 s" in heard.lines
    assert not any(map(lives, heard.pids))


def test_a_child_whose_own_child_holds_its_output_is_seen_to_be_dead(heard: Heard) -> None:
    with pytest.raises(LocalError, match="5th time"):
        asyncio.run(Supervisor([], [python("web", LEAVES_ONE_BEHIND)], heard.say, patience=HASTY).run())

    assert len(heard.pids) == 5
    wait_until(lambda: not any(map(lives, heard.pids)))


def test_five_deaths_in_a_minute_stop_everything_with_the_last_words(heard: Heard) -> None:
    steady = python("scheduler", "import os, time; print('pid', os.getpid(), flush=True); time.sleep(300)")
    ill = python("worker-1", "import sys; print('no memory', flush=True); sys.exit(7)")

    with pytest.raises(LocalError) as raised:
        asyncio.run(Supervisor([], [steady, ill], heard.say, patience=HASTY).run())

    told = "worker-1 ended with code 7, for the 5th time within 60 s, so everything was stopped."
    assert told in str(raised.value)
    assert "no memory" in str(raised.value)
    assert sum("it is started again" in line for line in heard.lines) == 4
    assert heard.pids
    assert not any(map(lives, heard.pids))


def test_a_command_that_is_not_there_stops_everything_with_a_sentence(heard: Heard) -> None:
    missing = Child("web", ("/no/such/program",), dict(os.environ))

    with pytest.raises(LocalError, match="web cannot be started: /no/such/program: No such file or directory"):
        asyncio.run(Supervisor([], [missing], heard.say).run())


def test_a_line_without_an_end_does_not_block_a_child(heard: Heard) -> None:
    chatty = python("web", "import time; print('x' * 3_000_000); print('pid 0', flush=True); time.sleep(300)")

    async def run() -> None:
        supervisor = Supervisor([], [chatty], heard.say)
        running = asyncio.create_task(supervisor.run())
        await until(lambda: heard.pids)
        supervisor.stop()
        await running

    asyncio.run(run())

    assert sum(line.count("x") for line in heard.lines) == 3_000_000


def test_a_terminal_that_is_gone_stops_everything_instead_of_blocking_children(heard: Heard) -> None:
    def say(name: str, line: str) -> None:
        heard.say(name, line)
        raise BrokenPipeError(32, "Broken pipe")

    talks = python("web", "import os, time; print('pid', os.getpid(), flush=True); time.sleep(300)")

    with pytest.raises(BrokenPipeError):
        asyncio.run(Supervisor([], [talks], say).run())

    assert not any(map(lives, heard.pids))


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_children_that_ignore_sigterm_after_their_time_and_what_they_started(
    heard: Heard, signum: signal.Signals
) -> None:
    deaf = python("worker-1", DEAF, stop_seconds=0.5)

    async def run() -> float:
        running = asyncio.create_task(Supervisor([], [deaf], heard.say).run())
        await until(lambda: heard.pids)
        asked_at = time.monotonic()
        os.kill(os.getpid(), signum)
        await running
        return time.monotonic() - asked_at

    took = asyncio.run(run())

    assert took >= 0.5
    wait_until(lambda: not any(map(lives, heard.pids)))


def test_a_second_signal_does_not_wait_for_anybody(heard: Heard) -> None:
    deaf = python("worker-1", DEAF, stop_seconds=60)

    async def run() -> None:
        supervisor = Supervisor([], [deaf], heard.say)
        running = asyncio.create_task(supervisor.run())
        await until(lambda: heard.pids)
        supervisor.stop()
        os.kill(os.getpid(), signal.SIGINT)
        await asyncio.wait_for(running, 10)

    asyncio.run(run())

    wait_until(lambda: not any(map(lives, heard.pids)))


def test_dead_servers_come_back_on_the_same_port_with_what_they_had(data: Path, heard: Heard) -> None:
    async def revive(postgres: PostgresServer, valkey: ValkeyServer) -> None:
        servers: list[ServerProcess] = [postgres, valkey]
        supervisor = Supervisor(servers, [], heard.say)
        running = asyncio.create_task(supervisor.run())
        for server in servers:
            assert server.pid
            os.kill(server.pid, signal.SIGKILL)
        await until(lambda: sum("is running again" in line for line in heard.lines) == 2, 30)
        supervisor.stop()
        await running

    with PostgresServer(data) as postgres, ValkeyServer(data) as valkey:
        urls, pids = (postgres.url, valkey.url), (postgres.pid, valkey.pid)
        fetch(postgres.url, "CREATE TABLE kept AS SELECT 42 AS number")
        asyncio.run(revive(postgres, valkey))

        assert (postgres.url, valkey.url) == urls
        assert not {postgres.pid, valkey.pid} & set(pids)
        assert fetch(postgres.url, "SELECT number FROM kept") == 42
        with socket.create_connection(("127.0.0.1", valkey.port), timeout=5) as connection:
            assert connection.getpeername()[1] == valkey.port


def test_a_server_that_cannot_come_back_stops_everything_with_the_reason(data: Path, heard: Heard) -> None:
    with PostgresServer(data, options=THROW_AWAY) as postgres:
        (data / "postgres" / "PG_VERSION").write_text("9\n")
        assert postgres.pid
        os.kill(postgres.pid, signal.SIGKILL)

        with pytest.raises(LocalError, match="5th time") as raised:
            asyncio.run(Supervisor([postgres], [], heard.say, patience=HASTY).run())

    assert "was made by Postgres 9" in str(raised.value)


def test_kill_9_of_the_owner_leaves_no_server_no_child_and_no_grandchild(data: Path, run_owner: Owner) -> None:
    owner = run_owner("everything", data, "ordinary", 15)
    servers = next_fact(owner)
    pids = [servers["postgres"], servers["valkey"]]
    while len(pids) < 6:
        fact = next_fact(owner)
        if fact["line"].startswith("pid "):
            pids.append(int(fact["line"].split()[1]))
    assert all(map(lives, pids))

    owner.kill()

    wait_until(lambda: not any(map(lives, pids)))


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_to_the_owner_stops_everything_and_ends_cleanly(
    data: Path, run_owner: Owner, signum: signal.Signals
) -> None:
    owner = run_owner("everything", data, "stubborn", 0.3)
    servers = next_fact(owner)
    pids = [servers["postgres"], servers["valkey"]]
    while len(pids) < 6:
        fact = next_fact(owner)
        if fact["line"].startswith("pid "):
            pids.append(int(fact["line"].split()[1]))

    owner.send_signal(signum)
    output, errors = owner.communicate(timeout=20)

    assert json.loads(output.splitlines()[-1]) == {"end": "clean"}
    assert (owner.returncode, errors) == (0, "")
    assert not any(map(lives, pids))
