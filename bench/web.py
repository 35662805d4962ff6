"""What a request costs: the real web process on real servers, beside a plain handler. `python -m bench.web --help`.

Requests are sent in rounds, ours and the plain handler's by turns, so that a machine's noise hits both.
"""

import asyncio
import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

import asyncpg
import click

from backend.db.base import open_engine
from backend.db.migrations import migrate
from backend.local.ports import free_port
from bench.bare_web import MAX_ACTIVE_WATCHES
from bench.stage import Stage, StageError, Tree, deadline, python, stage
from bench.web_report import Result, as_json, percentiles, table
from bench.web_workload import ROUTES, Requests, Restaurant, seed

BARE_DATABASE = "bare"
# The plain handler asks the database for the whole grid each time.
_BARE_GRIDS_OF = 50
_LEAST = 20


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be measured."""

    requests: int
    rounds: int
    connections: int
    routes: Sequence[str]

    def a_round(self, route: str, *, is_bare: bool) -> int:
        """Requests of one round."""
        requests = self.requests // self.rounds
        return max(_LEAST, requests // _BARE_GRIDS_OF) if is_bare and route == "availability" else requests


@dataclass(slots=True)
class Server:
    """A process that answers, and what it has cost so far."""

    port: int
    tree: Tree
    is_bare: bool
    requests: Requests
    cpu_seconds: float = 0
    latencies: list[float] = field(default_factory=list)

    @property
    def cpu_us(self) -> float:
        return self.cpu_seconds * 1e6 / len(self.latencies)

    def forget(self) -> None:
        self.cpu_seconds, self.latencies = 0, []


class Load:
    """The process that calls."""

    def __init__(self, process: subprocess.Popen[bytes], connections: int) -> None:
        self._process, self._connections = process, connections

    def send(self, server: Server, requests: Sequence[str]) -> None:
        """Send requests, and count what they cost."""
        self._write(json.dumps({"port": server.port, "requests": requests, "connections": self._connections}))
        ready = self._read()
        if ready.strip() != b"ready":
            raise StageError(json.loads(ready)["error"])
        before = server.tree.cpu_seconds
        self._write("go")
        answer = json.loads(self._read())
        if "error" in answer:
            raise StageError(answer["error"])
        server.cpu_seconds += server.tree.cpu_seconds - before
        server.latencies += answer["latencies"]

    def _write(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line.encode() + b"\n")
        self._process.stdin.flush()

    def _read(self) -> bytes:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise StageError("the process that calls ended")
        return line


def measure(plan: Plan, place: Stage) -> list[Result]:
    """All routes, one after the other."""
    restaurants = asyncio.run(_prepare(place))
    with ExitStack() as processes:
        load = Load(
            processes.enter_context(python(place.folder, ("-m", "bench.load"), {}, stdout=subprocess.PIPE)),
            plan.connections,
        )
        servers = (_ours(processes, place, restaurants), _bare(processes, place, restaurants))
        return [_measure(plan, load, servers, route) for route in plan.routes]


def _measure(plan: Plan, load: Load, servers: tuple[Server, Server], route: str) -> Result:
    for server in servers:
        load.send(server, server.requests.to(route, plan.a_round(route, is_bare=server.is_bare) // 2 + 1))
        server.forget()
    for number in range(plan.rounds):
        for server in servers if number % 2 else reversed(servers):
            load.send(server, server.requests.to(route, plan.a_round(route, is_bare=server.is_bare)))
    ours, bare = servers
    return Result(route, ours.cpu_us, bare.cpu_us, *percentiles(ours.latencies), *percentiles(bare.latencies))


def _ours(processes: ExitStack, place: Stage, restaurants: Sequence[Restaurant]) -> Server:
    port = free_port()
    environment = {
        "DATABASE_URL": place.postgres_url,
        "REDIS_URL": place.redis_url,
        "WISELY_BASE_URL": place.simulator_url,
        "PORT": str(port),
        "MAX_ACTIVE_WATCHES": str(MAX_ACTIVE_WATCHES),
        "LOG_LEVEL": "warning",
    }
    process = processes.enter_context(python(place.folder, ("-m", "backend.cli", "web"), environment))
    for _ in deadline(60):
        if process.poll() is not None:
            raise StageError("the web process ended")
        if _is_live(port):
            break
        time.sleep(0.1)
    return Server(port, Tree(process.pid), False, Requests(restaurants))


def _bare(processes: ExitStack, place: Stage, restaurants: Sequence[Restaurant]) -> Server:
    port = free_port()
    command = ("-m", "bench.bare_web", str(port), place.database(BARE_DATABASE), place.redis_url)
    process = processes.enter_context(python(place.folder, command, {}, stdout=subprocess.PIPE))
    if process.stdout is None or b"ready" not in process.stdout.readline():
        raise StageError("the plain handler did not start")
    return Server(port, Tree(process.pid), True, Requests(restaurants))


def _is_live(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health/live", timeout=5) as response:
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False


async def _prepare(place: Stage) -> list[Restaurant]:
    """The schema and the data, in two databases."""
    engine = open_engine(place.postgres_url, pool_size=1, name="bench")
    await migrate(engine)
    await engine.dispose()
    connection = await asyncpg.connect(place.postgres_url)
    restaurants = await seed(connection)
    await connection.close()
    admin = await asyncpg.connect(place.database("postgres"))
    await admin.execute(f"CREATE DATABASE {BARE_DATABASE} TEMPLATE houstons")
    await admin.close()
    return restaurants


@click.command(context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
@click.option("--requests", type=click.IntRange(40, 20_000), default=6_000, help="Measured requests a route.")
@click.option("--rounds", type=click.IntRange(1, 20), default=6, help="Turns that ours and the plain handler take.")
@click.option("--connections", type=click.IntRange(1, 256), default=64)
@click.option("--route", "routes", type=click.Choice(ROUTES), multiple=True, help="Only this one; may be repeated.")
@click.option("--json", "json_lines", is_flag=True, help="Print a line of JSON a route at the end.")
def cli(requests: int, rounds: int, connections: int, routes: tuple[str, ...], json_lines: bool) -> None:
    """Measure what requests cost, on servers that are started for it and thrown away."""
    try:
        with stage() as place:
            results = measure(Plan(requests, rounds, connections, routes or ROUTES), place)
    except StageError as error:
        click.echo(str(error), err=True)
        sys.exit(1)
    click.echo(table(results))
    if json_lines:
        click.echo("\n".join(map(as_json, results)))


if __name__ == "__main__":
    cli()
