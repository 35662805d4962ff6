"""Servers that may be killed, processes of the product on them, and what they said when a test failed."""

import asyncio
import os
from collections.abc import AsyncIterator, Generator, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from backend.db.base import open_engine
from backend.db.migrations import migrate
from backend.local.postgres import PostgresServer
from backend.local.system import WORKERS
from backend.local.valkey import ValkeyServer
from tests.conftest import SMTP_PASSWORD, SMTP_USER, Simulator
from tests.processes.scene import Place, Scene
from tests.processes.system import System

# Fast, but what was committed outlives a kill of the server.
POSTGRES_OPTIONS = ("fsync=off", "full_page_writes=off")


@pytest.fixture(scope="session")
def servers(folder: Path) -> Iterator[tuple[PostgresServer, ValkeyServer]]:
    """Postgres, migrated, and Valkey, for the tests of this folder only."""
    place = folder / "processes"
    with PostgresServer(place, options=POSTGRES_OPTIONS) as postgres, ValkeyServer(place) as valkey:
        asyncio.run(_migrate(postgres.url))
        yield postgres, valkey


@pytest.fixture(scope="session")
def environment(servers: tuple[PostgresServer, ValkeyServer], simulator_process: Simulator) -> dict[str, str]:
    """Settings of the product: short periods, the servers of this folder, the simulator."""
    postgres, valkey = servers
    return {
        "PATH": os.environ["PATH"],
        "DATABASE_URL": postgres.url,
        "REDIS_URL": valkey.url,
        "WISELY_BASE_URL": simulator_process.url,
        "WISELY_TIMEOUT_SECONDS": "2",
        "UPSTREAM_RATE_MEAN": "10",
        # Calls come from watches only.
        "BROWSE_DAYS": "0",
        "DISPATCH_SECONDS": "1",
        "RELAY_SECONDS": "1",
        "URGENT_SCAN_SECONDS": "5",
        "NORMAL_SCAN_SECONDS": "5",
        "SMTP_HOST": "127.0.0.1",
        "SMTP_PORT": str(simulator_process.smtp_port),
        "SMTP_USER": SMTP_USER,
        "SMTP_PASS": SMTP_PASSWORD,
        "SMTP_FROM": "Tracker <tables@tracker.test>",
        "SMTP_CA_FILE": str(simulator_process.ca_file),
        "NOTIFICATION_EMAIL": "operator@tracker.test",
    }


@asynccontextmanager
async def running(
    environment: Mapping[str, str], folder: Path, *, workers: Mapping[str, str] = dict(WORKERS), schedulers: int = 1
) -> AsyncIterator[System]:
    """Workers, as name → queues, and so many schedulers; by default those of `houstons up`."""
    system = System(environment, folder / "processes")
    try:
        for name, queues in workers.items():
            system.start_worker(name, queues)
        for number in range(1, schedulers + 1):
            system.start_scheduler(f"scheduler-{number}")
        await system.ready()
        yield system
    finally:
        system.close()


@pytest.fixture(scope="module")
async def system(environment: dict[str, str], folder: Path) -> AsyncIterator[System]:
    """The usual processes, once for a module; a module that needs others has its own."""
    async with running(environment, folder) as system:
        yield system


@pytest.fixture
async def scene(
    system: System, servers: tuple[PostgresServer, ValkeyServer], simulator_process: Simulator
) -> AsyncIterator[Scene]:
    """The running product with nobody in it yet, and a full budget."""
    postgres, valkey = servers
    redis = Redis.from_url(valkey.url)
    scene = Scene(system, simulator_process, postgres, valkey, postgres.url, redis, [])
    simulator_process.send("POST", "/control/reset")
    await scene.begin_anew()
    simulator_process.send("POST", "/control/reset")
    columns = "key, merchant_id, booking_slug, timezone"
    rows = await scene.rows(f"SELECT {columns} FROM locations WHERE auto_book_allowed ORDER BY key")
    scene.places.extend(Place(*row) for row in rows)
    yield scene
    await redis.aclose()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failed test shows what the processes said meanwhile."""
    report = yield
    scene: Any = getattr(item, "funcargs", {}).get("scene")
    if report.failed and isinstance(scene, Scene):
        report.sections.append(("what the processes said", scene.system.report()))
    return report


async def _migrate(url: str) -> None:
    engine = open_engine(url, pool_size=1, name="tests")
    await migrate(engine)
    await engine.dispose()
