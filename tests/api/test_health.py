"""Alive, ready, measured, and within its share of database connections."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import httpx
from pydantic import SecretStr
from sqlalchemy import text as sql

from backend.app import OPENED_AT_START, POOL_SIZE
from backend.settings import Settings
from tests.api.conftest import refusal, scalar
from tests.conftest import eventually, serving
from workers.resources import Resources

NAMES = ("watches_scanned", "watches_skipped", "matches", "booked")


async def test_the_process_says_that_it_is_alive(client: httpx.AsyncClient) -> None:
    answer = await client.get("/health/live")

    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


async def test_it_is_ready_when_everything_is_there(client: httpx.AsyncClient) -> None:
    answer = await client.get("/health/ready")

    assert answer.status_code == 200
    assert answer.json() == {"status": "ok", "database": "ok", "migrations": "ok", "redis": "ok"}


async def test_it_is_not_ready_and_says_why_when_redis_is_away(settings: Settings, resources: Resources) -> None:
    away = settings.model_copy(update={"redis_url": "redis://127.0.0.1:1"})

    with serving(away) as url:
        async with httpx.AsyncClient(base_url=url) as http:
            answer = await http.get("/health/ready")
            alive = await http.get("/health/live")

    assert answer.status_code == 503
    assert answer.json().items() >= {"status": "not ready", "database": "ok", "redis": "not reachable"}.items()
    assert alive.status_code == 200


async def test_the_metrics_show_every_counter_from_zero(client: httpx.AsyncClient) -> None:
    answer = await client.get("/metrics")

    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    samples = answer.text.splitlines()
    for name in NAMES:
        for tier in ("urgent", "normal"):
            assert f'houstons_{name}_total{{tier="{tier}"}} 0.0' in samples


async def test_the_metrics_equal_the_ledger(client: httpx.AsyncClient, resources: Resources) -> None:
    statement = (
        "INSERT INTO scan_runs (tier, groups, groups_done, scanned, skipped, matches, booked) "
        "VALUES ('urgent', 2, 2, 5, 1, 3, 1), ('urgent', 1, 1, 2, 0, 0, 0) RETURNING 1"
    )
    async with resources.sessions.begin() as session:
        await session.execute(sql(statement))

    samples = (await client.get("/metrics")).text.splitlines()

    for name, value in zip(NAMES, (7, 1, 3, 1), strict=True):
        assert f'houstons_{name}_total{{tier="urgent"}} {value}.0' in samples


async def test_the_metrics_are_for_this_machine(client: httpx.AsyncClient) -> None:
    answer = await client.get("/metrics", headers={"X-Forwarded-For": "203.0.113.7"})

    assert refusal(answer) == (403, None)


async def test_the_metrics_are_for_the_holder_of_the_token_when_there_is_one(
    settings: Settings, resources: Resources
) -> None:
    guarded = settings.model_copy(update={"metrics_token": SecretStr("a-token")})

    with serving(guarded) as url:
        async with httpx.AsyncClient(base_url=url) as http:
            without = await http.get("/metrics")
            wrong = await http.get("/metrics", headers={"Authorization": "Bearer another"})
            right = await http.get("/metrics", headers={"Authorization": "Bearer a-token"})

    assert refusal(without) == refusal(wrong) == (401, None)
    assert right.status_code == 200


def connections(resources: Resources, is_right: Callable[[int], bool]) -> Callable[[], Coroutine[Any, Any, bool]]:
    statement = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'houstons-web'"

    async def ask() -> bool:
        return is_right(await scalar(resources, statement))

    return ask


async def test_the_web_process_starts_with_two_connections(client: httpx.AsyncClient, resources: Resources) -> None:
    await eventually(connections(resources, lambda count: count == OPENED_AT_START == 2))


async def test_many_requests_at_once_share_ten_connections(client: httpx.AsyncClient, resources: Resources) -> None:
    answers = await asyncio.gather(*(client.get("/api/locations") for _ in range(30)))

    # The pool keeps what it has opened, so this is the most there ever was.
    assert await connections(resources, lambda count: count <= POOL_SIZE == 10)()
    assert [answer.status_code for answer in answers] == [200] * 30


async def test_the_metrics_show_what_holds_calls_back(client: httpx.AsyncClient, resources: Resources) -> None:
    await resources.redis.hset("budget:state", "open_until", 2**52)

    samples = (await client.get("/metrics")).text.splitlines()

    assert 'houstons_upstream_breaker{state="open"} 1.0' in samples
    assert 'houstons_upstream_breaker{state="closed"} 0.0' in samples
    assert "houstons_upstream_calls_in_flight 0.0" in samples


async def test_without_redis_the_metrics_of_the_ledgers_are_there(settings: Settings, resources: Resources) -> None:
    away = settings.model_copy(update={"redis_url": "redis://127.0.0.1:1"})

    with serving(away) as url:
        async with httpx.AsyncClient(base_url=url) as http:
            answer = await http.get("/metrics")

    assert answer.status_code == 200
    assert "houstons_matches_total" in answer.text
    assert "houstons_upstream_breaker{" not in answer.text
