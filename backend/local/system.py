"""The whole system on one machine: embedded servers where no address is set, then web, workers and scheduler."""

import asyncio
import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy.exc import SQLAlchemyError

from backend.db.base import open_engine
from backend.db.migrations import migrate
from backend.local.account import server_account
from backend.local.child import Child
from backend.local.errors import LocalError
from backend.local.folders import prepare_data_folder
from backend.local.ports import free_port, require_free_port
from backend.local.postgres import PostgresServer
from backend.local.server import ServerProcess
from backend.local.valkey import ValkeyServer
from backend.settings import Settings

# Looks that wait for the budget must never hold up a message, and a mail server that hangs never a booking.
TARGETS = "metrics-targets.json"
WORKERS = (("worker-1", "book,upkeep"), ("worker-2", "notify"), ("worker-3", "scan"))


@dataclass(frozen=True, slots=True)
class Running:
    """Servers that were started, and the settings that lead to them."""

    settings: Settings
    servers: tuple[ServerProcess, ...]


@contextmanager
def servers(settings: Settings, *, postgres_options: Sequence[str] = ()) -> Iterator[Running]:
    """Start what is not configured; stop it at the end. Raises LocalError with a sentence."""
    require_free_port(settings.host, settings.port, setting="PORT")
    started: list[ServerProcess] = []
    changes: dict[str, str] = {}
    try:
        if settings.database_url is None or settings.redis_url is None:
            account = server_account()
            data = prepare_data_folder(settings.houstons_data, account)
            if settings.database_url is None:
                postgres = PostgresServer(data, options=postgres_options, account=account)
                postgres.start()
                started.append(postgres)
                changes["database_url"] = postgres.url
            if settings.redis_url is None:
                valkey = ValkeyServer(data)
                valkey.start()
                started.append(valkey)
                changes["redis_url"] = valkey.url
        running = settings.model_copy(update=changes)
        asyncio.run(_migrate(running))
        yield Running(running, tuple(started))
    finally:
        for server in reversed(started):
            server.stop()


def environment_of(settings: Settings) -> dict[str, str]:
    """The environment of a child: ours, with the addresses of what was started."""
    return {
        **os.environ,
        "DATABASE_URL": settings.require_database_url,
        "REDIS_URL": settings.require_redis_url,
        "PYTHONUNBUFFERED": "1",
    }


def product_children(settings: Settings, environment: dict[str, str]) -> list[Child]:
    """Web, workers and scheduler, each with a port for its metrics; `metrics-targets.json` tells Prometheus of them."""
    houstons = (sys.executable, "-m", "backend.cli")
    ports = {name: free_port() for name in (*(name for name, _ in WORKERS), "scheduler")}
    env = {
        name: {**environment, "METRICS_HOST": "127.0.0.1", "METRICS_PORT": str(port)} for name, port in ports.items()
    }
    write_targets(settings, {"web": settings.port, **ports})
    return [
        Child("web", (*houstons, "web"), environment),
        *(Child(name, (*houstons, "worker", "--queues", queues), env[name], 30.0) for name, queues in WORKERS),
        Child("scheduler", (*houstons, "scheduler"), env["scheduler"]),
    ]


def write_targets(settings: Settings, ports: Mapping[str, int]) -> None:
    """What Prometheus is to ask, in the form of its `file_sd_configs`."""
    targets = [{"targets": [f"127.0.0.1:{port}"], "labels": {"part": name}} for name, port in ports.items()]
    path = settings.houstons_data / TARGETS
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(targets, indent=1))


async def _migrate(settings: Settings) -> None:
    engine = open_engine(settings.require_database_url, pool_size=1, name="migrate")
    try:
        try:
            async with engine.connect():
                pass
        except (SQLAlchemyError, OSError) as error:
            # A wrong password or database comes wrapped, with a link to the wrapper's documentation.
            reason = getattr(error, "orig", None) or error
            raise LocalError(f"Postgres at DATABASE_URL cannot be reached: {reason}") from None
        await migrate(engine)
    finally:
        await engine.dispose()
