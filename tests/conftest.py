"""Real parts for every test: Postgres and Valkey of our own, the simulator over HTTP, a mail server with TLS."""

import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from pydantic import SecretStr
from redis.asyncio import Redis
from sqlalchemy import text

from backend.app import create_app
from backend.clients.budget import SCRIPT
from backend.db.base import open_engine
from backend.db.migrations import migrate
from backend.local.ports import free_port
from backend.local.postgres import THROW_AWAY, PostgresServer
from backend.local.valkey import ValkeyServer
from backend.settings import Settings
from workers.resources import Resources, open_resources

PUSH_KEY = "a key that machines share"
SMTP_USER, SMTP_PASSWORD = "tester", "a-password-for-tests"


# What takes longest begins first, so that the two halves of a run end together.
SLOWEST = ("tests/processes", "tests/pressure", "tests/test_demo.py", "tests/bench", "tests/local", "tests/legacy")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    def rank(item: pytest.Item) -> int:
        return next((n for n, start in enumerate(SLOWEST) if item.nodeid.startswith(start)), len(SLOWEST))

    items.sort(key=rank)


@pytest.fixture(scope="session")
def folder() -> Iterator[Path]:
    """A folder that Postgres, as another user, can reach: not one of pytest's, which another run closes to others."""
    path = Path(tempfile.mkdtemp(prefix="houstons-test-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres(folder: Path) -> Iterator[PostgresServer]:
    """A migrated database, emptied before each test that asks for `resources`."""
    server = PostgresServer(folder, options=THROW_AWAY)
    server.start()
    asyncio.run(_migrate(server.url))
    yield server
    server.stop()


@pytest.fixture(scope="session")
def valkey(folder: Path) -> Iterator[ValkeyServer]:
    server = ValkeyServer(folder)
    server.start()
    yield server
    server.stop()


@dataclass(frozen=True, slots=True)
class Simulator:
    """The simulated restaurants and mailbox."""

    url: str
    smtp_port: int
    ca_file: Path
    pid: int

    def get(self, path: str) -> Any:
        with urllib.request.urlopen(self.url + path, timeout=10) as response:
            return json.load(response)

    def send(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        data = json.dumps(body or {}).encode()
        request = urllib.request.Request(
            self.url + path, data=data, method=method, headers={"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=10) as response:
            return json.loads(response.read() or b"null")

    def open(
        self, merchant_id: int, day: str, *times: str, party_sizes: tuple[int, ...] = (2, 4), tables: int = 1
    ) -> None:
        body = {"merchant_id": merchant_id, "date": day, "times": list(times), "party_sizes": list(party_sizes)}
        self.send("POST", "/control/slots/open", {**body, "tables": tables})

    def close(self, merchant_id: int, day: str, *times: str) -> None:
        self.send("POST", "/control/slots/close", {"merchant_id": merchant_id, "date": day, "times": list(times)})

    @property
    def bookings(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.get("/control/bookings")["bookings"]
        return found

    @property
    def mails(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.get("/mailbox.json")
        return found

    @property
    def inventory_requests(self) -> int:
        return int(self.get("/control/statistics")["requests_by_operation"]["inventory"])


@pytest.fixture(scope="session")
def simulator_process(folder: Path) -> Iterator[Simulator]:
    port, smtp_port, ca_file = free_port(), free_port(), folder / "ca.pem"
    command = [sys.executable, "-m", "simulator", "--port", str(port), "--smtp-port", str(smtp_port)]
    command += ["--starttls", "--require-starttls", "--ca-file", str(ca_file)]
    command += ["--smtp-user", SMTP_USER, "--smtp-password", SMTP_PASSWORD]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert "ready" in process.stdout.readline()
    yield Simulator(f"http://127.0.0.1:{port}", smtp_port, ca_file, process.pid)
    process.terminate()
    process.wait(10)
    process.stdout.close()


@pytest.fixture
def simulator(simulator_process: Simulator) -> Simulator:
    """The simulator with nothing open, nobody's mail, and no trouble."""
    simulator_process.send("POST", "/control/reset")
    simulator_process.send("DELETE", "/control/mailbox/trouble")
    simulator_process.send("DELETE", "/mailbox")
    return simulator_process


@pytest.fixture
def settings(postgres: PostgresServer, valkey: ValkeyServer, simulator: Simulator) -> Settings:
    return Settings(
        _env_file=None,  # type: ignore[call-arg]
        database_url=postgres.url,
        redis_url=valkey.url,
        wisely_base_url=simulator.url,
        wisely_timeout_seconds=2,
        upstream_rate_mean=10,
        smtp_host="127.0.0.1",
        smtp_port=simulator.smtp_port,
        smtp_user=SMTP_USER,
        smtp_pass=SMTP_PASSWORD,
        smtp_from="Tracker <tables@tracker.test>",
        smtp_ca_file=simulator.ca_file,
        notification_email="operator@tracker.test",
        push_scan_key=SecretStr(PUSH_KEY),
    )


@pytest.fixture
async def resources(settings: Settings) -> AsyncIterator[Resources]:
    """What a worker holds, on an empty database and an empty Valkey whose budget is full."""
    opened = open_resources(settings)
    await empty_database(opened.engine)
    await opened.redis.flushall()
    await fill_budget(opened.redis)
    yield opened
    await opened.close()


@contextmanager
def serving(settings: Settings) -> Iterator[str]:
    """The web application on a port of its own; yields its address."""
    with serving_app(create_app(settings)) as url:
        yield url


@contextmanager
def serving_app(app: Any) -> Iterator[str]:
    config = uvicorn.Config(app, host="127.0.0.1", port=free_port(), log_config=None, proxy_headers=False)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    deadline = time.monotonic() + 10
    while not server.started:
        assert thread.is_alive(), "the web server did not start"
        assert time.monotonic() < deadline, "the web server did not start"
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{config.port}"
    finally:
        server.should_exit = True
        thread.join(10)


@pytest.fixture
async def client(settings: Settings, resources: Resources) -> AsyncIterator[httpx.AsyncClient]:
    """The web application over HTTP, on the same database."""
    with serving(settings) as url:
        async with httpx.AsyncClient(base_url=url) as http:
            yield http


@pytest.fixture
def server_zone() -> Iterator[Callable[[str], None]]:
    """Moves the server to another time zone, and back afterwards."""
    before = os.environ.get("TZ")

    def move(zone: str | None) -> None:
        os.environ.pop("TZ", None)
        if zone is not None:
            os.environ["TZ"] = zone
        time.tzset()

    yield move
    move(before)


async def fill_budget(redis: Redis) -> None:
    """As if Valkey and the budget had been up for long, and nobody had called."""
    await redis.script_load(SCRIPT)
    await redis.delete("budget:window", "budget:slots", "budget:state")
    clock, _ = await redis.time()
    await redis.hset(
        "budget:state", mapping={"tokens": 1000, "browse": 100, "at": clock * 1000, "born": 0, "failures": 0}
    )


async def empty_database(engine: Any) -> None:
    """Everything but the restaurants and the switches, which go back to how they were shipped."""
    async with engine.begin() as connection:
        await connection.execute(
            text(
                "TRUNCATE users, sessions, one_time_tokens, channels, stopped_numbers, watches, scan_groups, "
                "scan_runs, slot_drops, look_exposure, "
                "scan_history, notification_log, notification_items, notification_attempts, bookings, "
                "alerts, wait_reports, call_logs, feedback, legacy_imports, told_before, events, heartbeats "
                "RESTART IDENTITY CASCADE"
            )
        )
        await connection.execute(text("UPDATE switches SET is_on = true"))
        await connection.execute(
            text(
                "UPDATE locations SET looking = true, horizon_days = 30, "
                "auto_book_allowed = key NOT IN ('hillstone_park_avenue', 'east_hampton_grill')"
            )
        )


async def _migrate(url: str) -> None:
    engine = open_engine(url, pool_size=1, name="tests")
    await migrate(engine)
    await engine.dispose()


async def eventually(is_true: Any, *, seconds: float = 15) -> None:
    """Wait until an async predicate holds; fails with a deadline, never by a fixed sleep."""
    deadline = time.monotonic() + seconds
    while not await is_true():
        assert time.monotonic() < deadline, "it did not happen in time"
        await asyncio.sleep(0.05)
