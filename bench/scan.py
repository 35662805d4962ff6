"""What a look costs: real scan workers on real servers, beside a plain loop. `python -m bench.scan --help`.

Groups are looked at in rounds, ours and the plain loop's by turns, so that a machine's noise hits both.
"""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import asyncpg
import click
from redis.asyncio import Redis

from backend.clients.budget import SCRIPT
from backend.clients.jobs import Jobs
from backend.db.base import open_engine
from backend.db.migrations import migrate
from bench.report import Circumstances, Result, as_json, median_of, table
from bench.stage import Stage, StageError, Tree, deadline, python, stage
from bench.workload import Workload, WorkloadError, seed, tables

TICK_SECONDS = 5
IDLE_SECONDS = 4.0
BARE_DATABASE = "bare"
# As good as no cap.
NO_CAP = 1000

_LEFT = """
    SELECT (SELECT count(*) FROM scan_groups
            WHERE id = ANY($1) AND (applied_look_at IS NULL OR lease_until IS NOT NULL))
         + (SELECT count(*) FROM scan_runs WHERE closed_at IS NULL)
         + (SELECT count(*) FROM notification_log WHERE dispatched_at IS NULL)
"""
_TROUBLE = "SELECT last_error FROM scan_groups WHERE last_error IS NOT NULL LIMIT 1"


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be measured."""

    work: Workload
    latency_ms: float
    rate: int
    workers: int

    @property
    def rounds(self) -> int:
        """Each ends with a wait for the last answers; under a cap, which makes for long ones, a few do."""
        return 2 if self.rate else 6


class Ours:
    """Scan workers, and what they have cost so far."""

    def __init__(self, plan: Plan, place: Stage, connection: Any, redis: Redis, trees: Sequence[Tree]) -> None:
        self._plan, self._place, self._connection, self._redis, self._trees = plan, place, connection, redis, trees
        self._jobs = Jobs(redis)
        self.cpu_seconds = self.wall_seconds = 0.0
        self.requests = self.most_at_once = self.most_in_second = 0

    async def boot(self) -> None:
        """Until the workers have booted and worked on a few ticks, with nothing due."""
        for _ in range(3 * len(self._trees)):
            await self._jobs.send([("scan_due_groups", ())])
            for _ in deadline(60):
                if not await self._messages():
                    break
                await asyncio.sleep(0.05)
        await asyncio.sleep(1)

    async def idle_cpu_per_second(self) -> float:
        before = self._cpu()
        await asyncio.sleep(IDLE_SECONDS)
        return (self._cpu() - before) / IDLE_SECONDS

    async def look_at(self, ids: Sequence[int]) -> None:
        """Make groups due, tick as the scheduler does, and wait until all that follows is written and sent on."""
        self._place.tell_simulator("DELETE", "/control/statistics")
        cpu, started = self._cpu(), time.monotonic()
        await self._connection.execute("UPDATE scan_groups SET next_scan_at = now() WHERE id = ANY($1)", ids)
        ticks = 0
        for _ in deadline(120 + len(ids)):
            if time.monotonic() - started >= ticks * TICK_SECONDS:
                await self._jobs.send([("scan_due_groups", ())])
                ticks += 1
            if not await self._connection.fetchval(_LEFT, ids) and not await self._messages():
                break
            if trouble := await self._connection.fetchval(_TROUBLE):
                raise StageError(f"a look failed: {trouble}")
            await asyncio.sleep(0.05)
        self.wall_seconds += time.monotonic() - started
        self.cpu_seconds += self._cpu() - cpu
        counted = self._place.tell_simulator("GET", "/control/statistics")
        self.requests += counted["requests"]
        self.most_at_once = max(self.most_at_once, counted["most_at_once"])
        self.most_in_second = max(self.most_in_second, counted["most_in_sliding_second"])

    async def matches(self) -> int:
        return int(await self._connection.fetchval("SELECT sum(matches) FROM scan_runs"))

    @property
    def peak_rss_mb(self) -> float:
        return max(tree.peak_rss_mb for tree in self._trees)

    async def _messages(self) -> int:
        """Messages of the scan queue that are waiting or being worked on."""
        return int(await self._redis.hlen("dramatiq:scan.msgs"))

    def _cpu(self) -> float:
        return sum(tree.cpu_seconds for tree in self._trees)


class Bare:
    """The plain loop's process, and what it has cost so far."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self.cpu_seconds = 0.0
        self.matches = 0
        self._answer()

    def look_at(self, ids: Sequence[int]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(ids).encode() + b"\n")
        self._process.stdin.flush()
        cost = self._answer()
        self.cpu_seconds += cost["cpu_seconds"]
        self.matches += cost["matches"]

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise StageError("the plain loop ended")
        return json.loads(line)


async def measure(plan: Plan, place: Stage) -> tuple[Result, Circumstances]:
    """One measurement on servers of its own."""
    await _prepare(plan, place)
    redis = Redis.from_url(place.redis_url)
    connection = await asyncpg.connect(place.postgres_url)
    try:
        with ExitStack() as processes:
            trees = [
                Tree(processes.enter_context(python(place.folder, _worker(plan), _environment(plan, place))).pid)
                for _ in range(plan.workers)
            ]
            loop = ("-m", "bench.bare", place.database(BARE_DATABASE), place.simulator_url)
            bare = Bare(
                processes.enter_context(python(place.folder, loop, {}, stdout=subprocess.PIPE)),
            )
            ours = Ours(plan, place, connection, redis, trees)
            await ours.boot()
            idle = await ours.idle_cpu_per_second()
            for number in range(plan.rounds):
                ids = list(range(1 + number, plan.work.groups + 1, plan.rounds))
                if number % 2:
                    bare.look_at(ids)
                await ours.look_at(ids)
                if not number % 2:
                    bare.look_at(ids)
            return await _result(plan, ours, bare, idle)
    finally:
        await connection.close()
        await redis.aclose()


async def _result(plan: Plan, ours: Ours, bare: Bare, idle: float) -> tuple[Result, Circumstances]:
    groups = plan.work.groups
    result = Result(
        watches=plan.work.watches,
        groups=groups,
        matches=await ours.matches(),
        requests=ours.requests,
        wall_seconds=ours.wall_seconds,
        cpu_seconds=ours.cpu_seconds,
        cpu_ms_per_group=ours.cpu_seconds * 1000 / groups,
        peak_rss_mb=ours.peak_rss_mb,
        max_concurrency=ours.most_at_once,
        max_per_second=ours.most_in_second,
        bare_cpu_ms_per_group=bare.cpu_seconds * 1000 / groups,
    )
    return result, Circumstances(plan.latency_ms, plan.rate, plan.workers, idle * 1000, bare.matches)


async def _prepare(plan: Plan, place: Stage) -> None:
    """The schema, the workload in two databases, the open tables, and a budget that is full."""
    engine = open_engine(place.postgres_url, pool_size=1, name="bench")
    await migrate(engine)
    await engine.dispose()
    connection = await asyncpg.connect(place.postgres_url)
    groups = await seed(connection, plan.work)
    await connection.close()
    admin = await asyncpg.connect(place.database("postgres"))
    await admin.execute(f"CREATE DATABASE {BARE_DATABASE} TEMPLATE houstons")
    await admin.close()
    for order in tables(groups):
        place.tell_simulator("POST", "/control/slots/open", order)
    place.tell_simulator("POST", "/control/latency", {"seconds": plan.latency_ms / 1000})
    async with Redis.from_url(place.redis_url) as redis:
        clock, _ = await redis.time()
        full = 7200 * (plan.rate or NO_CAP)
        # As if the server had been up for long.
        await redis.script_load(SCRIPT)
        await redis.hset("budget:state", mapping={"tokens": full, "at": clock * 1000, "born": 0, "failures": 0})


def _worker(plan: Plan) -> tuple[str, ...]:
    """The product's command; without a cap, the same command line by way of bench.worker."""
    if plan.rate:
        return ("-m", "backend.cli", "worker", "--queues", "scan,upkeep")
    options = ("-p", "1", "-t", "8", "--worker-shutdown-timeout", "20000", "-Q", "scan", "upkeep")
    return ("-m", "dramatiq", "bench.worker", *options)


def _environment(plan: Plan, place: Stage) -> dict[str, str]:
    rate = {"BENCH_RATE_CAP": str(NO_CAP)}
    if plan.rate:
        rate = {"UPSTREAM_RATE_CAP": str(plan.rate), "UPSTREAM_RATE_MEAN": str(plan.rate)}
    return {
        "DATABASE_URL": place.postgres_url,
        "REDIS_URL": place.redis_url,
        "WISELY_BASE_URL": place.simulator_url,
        "DISPATCH_SECONDS": str(TICK_SECONDS),
        "LOG_LEVEL": "warning",
        "dramatiq_worker_timeout": "100",
        **rate,
    }


@click.command(context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
@click.option("--watches", type=click.IntRange(1), default=10_000)
@click.option("--groups", type=click.IntRange(1), default=1_890)
@click.option("--latency-ms", type=click.FloatRange(0), default=0.0, help="How long the simulator takes to answer.")
@click.option("--rate", type=click.IntRange(0, 10), default=0, help="Calls a second at most; 0: no cap.")
@click.option("--workers", type=click.IntRange(1), default=1, help="Scan workers.")
@click.option("--repeat", type=click.IntRange(1), default=1, help="Measurements; the median one is told.")
@click.option("--json", "json_line", is_flag=True, help="Print a line of JSON at the end.")
def cli(watches: int, groups: int, latency_ms: float, rate: int, workers: int, repeat: int, json_line: bool) -> None:
    """Measure what looks cost, on servers that are started for it and thrown away."""
    try:
        plan = Plan(Workload(watches, groups), latency_ms, rate, workers)
        measured = []
        for _ in range(repeat):
            with stage() as place:
                measured.append(asyncio.run(measure(plan, place)))
    except (StageError, WorkloadError) as error:
        click.echo(str(error), err=True)
        sys.exit(1)
    result = median_of([result for result, _ in measured])
    how = next(how for found, how in measured if found is result)
    click.echo(table(result, how))
    if json_line:
        click.echo(as_json(result))


if __name__ == "__main__":
    cli()
