"""Everything that dashboards and rules ask is asked of a real Prometheus, of a system that has an answer."""

import asyncio
import json
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from pydantic import SecretStr

from backend.app import create_app
from backend.db.queries import heartbeats
from backend.local.observe import lay_out, prometheus_child
from backend.local.ports import free_port
from observability import metrics
from observability.exposition import name_build, show_metrics
from observability.http_hooks import CountedHttp
from tests.conftest import serving_app
from tests.observability.expressions import (
    Expression,
    alert_expressions,
    binary,
    panel_expressions,
    recording_expressions,
    selectors_in,
)
from tests.services.conftest import Loop
from workers.counting import count_booking, count_scan
from workers.schedule import schedule
from workers.scheduler import fire

TOKEN = "a token for tests"


async def test_everything_that_is_asked_has_an_answer_when_there_is_something_to_tell(
    loop: Loop, tmp_path: Path
) -> None:
    settings = loop.r.settings.model_copy(update={"metrics_token": SecretStr(TOKEN)})
    await set_up(loop)
    with (
        serving_app(CountedHttp(create_app(settings))) as web,
        showing_a_worker() as worker_port,
        asking({"web": int(web.rpartition(":")[2]), "worker-1": worker_port}, tmp_path) as prometheus,
    ):
        async with httpx.AsyncClient(base_url=prometheus) as http, httpx.AsyncClient(base_url=web) as guest:
            wanted = [*panel_expressions(), *recording_expressions()]
            parts = [
                Expression(expression.place, selector)
                for expression in (*wanted, *alert_expressions())
                for selector in sorted(selectors_in(expression.text))
            ]
            deadline = time.monotonic() + 60
            while wanted or parts:
                assert time.monotonic() < deadline, "nothing came of:\n" + "\n".join(map(str, (*wanted, *parts)))
                await work(loop, guest)
                wanted = await unanswered(http, wanted)
                parts = await unanswered(http, parts)

            assert await rules_with_errors(http) == []
            assert [target["lastError"] for target in await targets(http)] == ["", ""]
            (unknown,) = await query(http, 'ALERTS{alertname="BookingUnknown", alertstate="firing"}')
            assert unknown["metric"]["severity"] == "page"
            # A heartbeat is of whom it names, and not of the web process that told of it.
            assert {row["metric"]["part"] for row in await query(http, "houstons_heartbeat_age_seconds")} == {
                *("worker", "scheduler")
            }


async def set_up(loop: Loop) -> None:
    """Looks, an urgent watch, a message that is due, an unclear booking, signs of life, a job that failed."""
    watches = [
        await loop.watch(await loop.guest(name), location, auto_book=auto_book)
        for name, location, auto_book in (("alice", "peachtree", True), ("bob", "houston_s_pasadena", False))
    ]
    loop.open("19:15")
    look = await loop.look()
    for outcome in await loop.book_all(look.work.bookings):
        count_booking(outcome)
    await loop.execute("UPDATE bookings SET state = 'unknown' WHERE watch_id = :id", id=watches[0])
    await loop.execute("UPDATE scan_groups SET tier = 'urgent' WHERE location_key <> 'peachtree'")
    await loop.execute("UPDATE notification_log SET status = 'queued', next_attempt_at = now() - interval '1 minute'")
    async with loop.r.sessions.begin() as session:
        for part, queues in (("worker", "scan,notify,book,upkeep"), ("scheduler", "")):
            await heartbeats.beat(session, process=f"{part}:1", part=part, queues=queues, version="1.2.3")
    await loop.r.redis.zadd("dramatiq:book.XQ", {"a job that failed": 1})
    for part in ("web", "worker", "scheduler"):
        name_build("1.2.3", part)


async def work(loop: Loop, guest: httpx.AsyncClient) -> None:
    """One more of everything that is counted."""
    count_scan(await loop.look())
    await loop.execute("UPDATE scan_groups SET next_scan_at = now() - interval '1 minute'")
    await guest.get("/api/locations")
    await guest.get("/api/watches")
    for tick in schedule(loop.r.settings):
        await loop.r.redis.delete(*[key async for key in loop.r.redis.scan_iter(f"tick:{tick.actor}:*")] or ["none"])
        await fire(loop.r.redis, loop.r.jobs, tick)
    metrics.HTTP_REQUESTS.labels("GET", "/api/locations", "503").inc()
    metrics.SIGN_INS.labels("password", "refused").inc()
    metrics.LIMITED.labels("login").inc()
    # A real one would hold back all looks that follow.
    metrics.UPSTREAM_CALLS.labels("look", "rate_limited").inc()
    metrics.UPSTREAM_CALLS.labels("book", "ok").inc()
    metrics.UPSTREAM_SECONDS.labels("book").observe(0.3)
    metrics.BOOKING_ATTEMPTS.labels("booked").inc()
    for outcome in ("sent", "failed"):
        metrics.DELIVERIES.labels("email", "table_open", outcome).inc()
    for seconds in (1, 12):
        metrics.OPEN_TO_SENT.labels("email").observe(seconds)
    metrics.MESSAGES.labels("auto_book_reservation", "done").inc()
    metrics.MESSAGE_SECONDS.labels("auto_book_reservation").observe(0.4)
    metrics.MESSAGE_AGE.labels("auto_book_reservation").observe(0.1)


@contextmanager
def showing_a_worker() -> Iterator[int]:
    port = free_port()
    server, thread = show_metrics(host="127.0.0.1", port=port, token=TOKEN)
    yield port
    server.shutdown()
    server.server_close()
    thread.join(5)


@contextmanager
def asking(ports: dict[str, int], folder: Path) -> Iterator[str]:
    """A Prometheus as `houstons observe` starts it, but in more of a hurry; yields its address."""
    targets = folder / "metrics-targets.json"
    targets.write_text(
        json.dumps([{"targets": [f"127.0.0.1:{port}"], "labels": {"part": part}} for part, port in ports.items()])
    )
    config = lay_out(folder, targets=targets, token=TOKEN, interval="1s")
    child = prometheus_child(binary("prometheus"), config, folder / "data", free_port())
    with (folder / "log").open("w+") as log:
        process = subprocess.Popen(child.command, env=dict(child.environment), stdout=log, stderr=log)
        try:
            assert child.ready_url is not None
            deadline = time.monotonic() + 15
            while not is_ready(child.ready_url):
                assert process.poll() is None, (folder / "log").read_text()
                assert time.monotonic() < deadline, "Prometheus was not ready"
                time.sleep(0.05)
            yield child.ready_url.removesuffix("/-/ready")
        finally:
            process.terminate()
            process.wait(10)


def is_ready(url: str) -> bool:
    try:
        return httpx.get(url).status_code == 200
    except httpx.HTTPError:
        return False


async def query(http: httpx.AsyncClient, text: str) -> list[dict[str, Any]]:
    response = await http.post("/api/v1/query", data={"query": text})
    answer = response.json()
    assert answer["status"] == "success", f"{text}: {answer.get('error')}"
    found: list[dict[str, Any]] = answer["data"]["result"]
    return found


async def unanswered(http: httpx.AsyncClient, expressions: Sequence[Expression]) -> list[Expression]:
    """Those without a number, or without a label that is shown."""
    answers = await asyncio.gather(*(query(http, expression.text) for expression in expressions))
    return [
        expression
        for expression, rows in zip(expressions, answers, strict=True)
        if not any(
            row["value"][1] not in ("NaN", "+Inf", "-Inf") and expression.shown <= row["metric"].keys() for row in rows
        )
    ]


async def rules_with_errors(http: httpx.AsyncClient) -> list[str]:
    groups = (await http.get("/api/v1/rules")).json()["data"]["groups"]
    return [
        f"{rule['name']}: {rule.get('lastError')}"
        for group in groups
        for rule in group["rules"]
        if rule["health"] != "ok"
    ]


async def targets(http: httpx.AsyncClient) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await http.get("/api/v1/targets")).json()["data"]["activeTargets"]
    return found
