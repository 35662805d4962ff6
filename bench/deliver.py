"""What a delivery costs: a real worker empties a long queue while urgent messages come in. See docs/benchmarks.md.

`python -m bench.deliver --help`. Every second a new message is written and dispatched; it must not wait for the others.
"""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import asyncpg
import click
from redis.asyncio import Redis

from backend.clients.channels.outgoing import Outgoing
from backend.clients.jobs import Jobs
from backend.db.base import Sessions, open_engine, sessions_of
from backend.db.migrations import migrate
from backend.local.ports import free_port
from backend.services.delivery import deliver
from backend.services.outbox import dispatch, relay
from backend.services.preparation import Preparation
from backend.services.work import Work
from bench.backlog import lay_out, queue, write
from bench.stage import Stage, StageError, Tree, deadline, python, stage
from bench.web_report import percentiles

RELAY_SECONDS = 10.0
URGENT_SECONDS = 1.0
BARE_MESSAGES = 500
GOAL_PER_SECOND = 100.0
GOAL_CPU_MS = 12.0
GOAL_URGENT_MS = 1000.0
SAMPLE = "sample@guests.test"
_SENT = "SELECT count(*) FROM notification_log WHERE status = 'sent' AND recipient <> $1"
_LEFT = "SELECT count(*) FROM notification_log WHERE status IN ('queued', 'sending')"
_TROUBLE = "SELECT status, error_message FROM notification_log WHERE error_message IS NOT NULL LIMIT 1"


@dataclass(frozen=True, slots=True)
class Result:
    """One measurement; the names are those of the JSON. The worker's CPU time, and that of plain MIME and SMTP."""

    messages: int
    seconds: float
    per_second: float
    cpu_ms_per_mail: float
    urgent_p99_ms: float
    urgent: int
    bare_cpu_ms_per_mail: float
    times_bare: float


class Mailbox:
    """What the mail server says that it accepted: how many, and when those for whom somebody waits."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self.count = 0
        self.accepted_at: dict[str, float] = {}
        self._reading = asyncio.create_task(asyncio.to_thread(self._read))

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            recipient, at = line.decode().split()
            self.count += 1
            if recipient.startswith("urgent"):
                self.accepted_at[recipient] = float(at)


@dataclass(frozen=True, slots=True)
class Urgent:
    """Writes a message and dispatches it as the product does, once a second, and remembers when."""

    sessions: Sessions
    jobs: Jobs
    rows: Sequence[Any]
    written_at: dict[str, float]

    async def run(self) -> None:
        for number, row in enumerate(self.rows):
            recipient = f"urgent{number}@guests.test"
            self.written_at[recipient] = time.time()
            async with self.sessions.begin() as session:
                added = await write(session, row, recipient=recipient)
            await dispatch(self.sessions, self.jobs, Work(tuple(added)))
            await asyncio.sleep(URGENT_SECONDS)


async def measure(messages: int, place: Stage) -> Result:
    """One measurement on servers of its own."""
    engine = open_engine(place.postgres_url, pool_size=2, name="bench")
    await migrate(engine)
    redis = Redis.from_url(place.redis_url)
    connection = await asyncpg.connect(place.postgres_url)
    port, ca_file = free_port(), place.folder / "ca.pem"
    try:
        with ExitStack() as processes:
            server = ("-m", "bench.mail_server", str(port), str(ca_file))
            mail = processes.enter_context(python(place.folder, server, {}, stdout=subprocess.PIPE))
            if mail.stdout is None or b"ready" not in mail.stdout.readline():
                raise StageError("the mail server did not start")
            most_urgent = max(3, messages // 20)
            rows = await lay_out(connection, messages + most_urgent)
            sessions, jobs = sessions_of(engine), Jobs(redis)
            sample = await _sample(sessions, rows[0])
            bare = _bare(place, port, sample, min(messages, BARE_MESSAGES))
            for _ in range(min(messages, BARE_MESSAGES)):
                mail.stdout.readline()
            worker = ("-m", "backend.cli", "worker", "--queues", "notify")
            tree = Tree(processes.enter_context(python(place.folder, worker, _environment(place, port))).pid)
            await _boot(jobs, redis)
            mailbox = Mailbox(mail)
            await queue(connection, rows[:messages])
            urgent = Urgent(sessions, jobs, rows[messages:], {})
            cpu, started = tree.cpu_seconds, time.monotonic()
            ticking = asyncio.create_task(_relay(sessions, redis, jobs))
            writing = asyncio.create_task(urgent.run())
            try:
                await _until_sent(connection, messages)
            finally:
                writing.cancel()
                ticking.cancel()
            seconds, cpu = time.monotonic() - started, tree.cpu_seconds - cpu
            sent = int(await connection.fetchval(_SENT, SAMPLE))
            for _ in deadline(10):
                if mailbox.count >= sent:
                    break
                await asyncio.sleep(0.05)
            if mailbox.count != sent:
                raise StageError(f"{sent} messages were sent, and {mailbox.count} mails came")
            waited = [at - urgent.written_at[name] for name, at in mailbox.accepted_at.items()]
            cpu_ms = cpu * 1000 / sent
            _, p99 = percentiles(waited if len(waited) > 1 else waited * 2)
            return Result(
                messages, seconds, messages / seconds, cpu_ms, p99, len(waited), bare, cpu_ms / bare if bare else 0.0
            )
    finally:
        await connection.close()
        await redis.aclose()
        await engine.dispose()


async def _boot(jobs: Jobs, redis: Redis) -> None:
    """Until the worker has taken a message; nothing is queued."""
    await jobs.send([("drain_notifications", ("email",))])
    for _ in deadline(60):
        if not await redis.hlen("dramatiq:notify.msgs"):
            break
        await asyncio.sleep(0.05)
    await asyncio.sleep(1)


async def _relay(sessions: Sessions, redis: Redis, jobs: Jobs) -> None:
    while True:
        await relay(sessions, redis, jobs, operators=(), now=datetime.now(UTC))
        await asyncio.sleep(RELAY_SECONDS)


async def _until_sent(connection: Any, messages: int) -> None:
    for _ in deadline(120 + messages / 10):
        if trouble := await connection.fetchrow(_TROUBLE):
            raise StageError(f"a message was not sent: {trouble['status']}, {trouble['error_message']}")
        # Of the urgent ones a last one may be on its way.
        if await connection.fetchval(_LEFT) <= 1:
            return
        await asyncio.sleep(0.1)


class _Catch:
    """A channel that keeps what it is given."""

    def __init__(self) -> None:
        self.caught: list[Outgoing] = []

    async def send(self, message: Outgoing) -> str:
        self.caught.append(message)
        return "caught"

    async def close(self) -> None:
        """Nothing is held."""


async def _sample(sessions: Sessions, row: Any) -> Outgoing:
    """A message as the product composes it, which the mail server never sees."""
    catch = _Catch()
    async with sessions.begin() as session:
        ((message_id, _),) = await write(session, row, recipient=SAMPLE)

    async def send_on(_work: Work) -> None:
        """Nothing follows."""

    preparation = Preparation(
        sessions,
        {"email": catch},
        public_url="http://tracker.test",
        deployment="production",
        auto_book="on",
        clock=lambda: datetime.now(UTC),
    )
    await deliver(preparation, [message_id], send_on=send_on)
    return catch.caught[0]


def _bare(place: Stage, port: int, sample: Outgoing, messages: int) -> float:
    """CPU milliseconds a mail by the plain way."""
    order = {"subject": sample.subject, "text": sample.text, "html": sample.html, "messages": messages}
    command = ("-m", "bench.bare_mail", str(port), str(place.folder / "ca.pem"))
    with python(place.folder, command, {}, stdout=subprocess.PIPE) as process:
        answer, _ = process.communicate(json.dumps(order).encode() + b"\n", timeout=120)
        if not answer:
            raise StageError("the plain sender ended")
        return float(json.loads(answer)["cpu_seconds"]) * 1000 / messages


def _environment(place: Stage, port: int) -> dict[str, str]:
    return {
        "DATABASE_URL": place.postgres_url,
        "REDIS_URL": place.redis_url,
        "WISELY_BASE_URL": place.simulator_url,
        "SMTP_HOST": "127.0.0.1",
        "SMTP_PORT": str(port),
        "SMTP_FROM": "Tracker <tables@tracker.test>",
        "SMTP_CA_FILE": str(place.folder / "ca.pem"),
        "LOG_LEVEL": "warning",
    }


def table(result: Result) -> str:
    """The numbers, those with a goal beside it."""
    rows = [
        ("messages", f"{result.messages:,}", f"and {result.urgent} urgent ones meanwhile"),
        ("time", f"{result.seconds:.1f} s", ""),
        ("  a second", f"{result.per_second:.0f}", f"goal: at least {GOAL_PER_SECOND:g}"),
        ("CPU a mail", f"{result.cpu_ms_per_mail:.2f} ms", f"goal: at most {GOAL_CPU_MS:g} ms"),
        ("  plain", f"{result.bare_cpu_ms_per_mail:.2f} ms", "EmailMessage and smtplib"),
        ("  times plain", f"{result.times_bare:.2f}", ""),
        ("urgent, p99", f"{result.urgent_p99_ms:.0f} ms", f"goal: at most {GOAL_URGENT_MS:g} ms"),
    ]
    return "\n".join(f"{name:<16}{value:>12}   {note}".rstrip() for name, value, note in rows)


@click.command(context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
@click.option("--messages", type=click.IntRange(20, 100_000), default=10_000, help="Messages in the queue.")
@click.option("--json", "json_line", is_flag=True, help="Print a line of JSON at the end.")
def cli(messages: int, json_line: bool) -> None:
    """Measure what deliveries cost, on servers that are started for it and thrown away."""
    try:
        with stage() as place:
            result = asyncio.run(measure(messages, place))
    except StageError as error:
        click.echo(str(error), err=True)
        sys.exit(1)
    click.echo(table(result))
    if json_line:
        click.echo(json.dumps({name: round(value, 3) for name, value in asdict(result).items()}))


if __name__ == "__main__":
    cli()
