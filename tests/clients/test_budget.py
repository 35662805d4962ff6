"""The budget holds whatever is asked of it, and without Redis there is no call."""

import asyncio
from datetime import date, datetime, timedelta

import pytest
from redis.asyncio import Redis

from backend.clients.budget import Budget, Priority
from backend.clients.errors import BudgetUnavailable, LookFailed
from backend.domain.types import Trouble
from tests.conftest import Simulator
from workers.resources import Resources

NO_WAIT = timedelta()
PATIENT = timedelta(seconds=20)


async def granted_at(budget: Budget, priority: Priority = "normal", *, patience: timedelta = PATIENT) -> datetime:
    async with budget.call(priority, patience=patience) as grant:
        return grant.at


async def fail(budget: Budget, trouble: Trouble, retry_after: timedelta | None = None) -> None:
    with pytest.raises(LookFailed):
        async with budget.call("normal", patience=PATIENT):
            raise LookFailed(trouble, "simulated", retry_after)


async def test_grants_never_exceed_ten_in_any_window_of_a_second(resources: Resources) -> None:
    moments = sorted(await asyncio.gather(*(granted_at(resources.budget) for _ in range(35))))

    spans = [last - first for first, last in zip(moments, moments[10:], strict=False)]
    assert min(spans) > timedelta(seconds=1.05)


async def test_the_service_never_sees_more_than_its_share(resources: Resources, simulator: Simulator) -> None:
    simulator.send("POST", "/control/latency", {"seconds": 0.3, "jitter_seconds": 0.3})

    await asyncio.gather(
        *(
            resources.wisely.look(
                278258, date(2027, 1, 5), 2, timezone="America/New_York", priority="normal", patience=PATIENT
            )
            for _ in range(30)
        )
    )

    statistics = simulator.get("/control/statistics")
    assert statistics["requests"] == 30
    assert statistics["most_at_once"] <= 10
    assert statistics["most_in_sliding_second"] <= 11


async def test_looks_leave_a_place_for_a_booking(resources: Resources) -> None:
    holders = [resources.budget.call("normal", patience=PATIENT) for _ in range(9)]
    for holder in holders:
        await holder.__aenter__()

    with pytest.raises(BudgetUnavailable):
        await granted_at(resources.budget, "urgent", patience=NO_WAIT)
    await granted_at(resources.budget, "booking", patience=NO_WAIT)

    for holder in holders:
        await holder.__aexit__(None, None, None)


async def test_an_empty_bucket_stops_looks_but_not_a_booking(resources: Resources) -> None:
    await resources.redis.hset("budget:state", "tokens", 0)
    frugal = Budget(resources.redis, cap=10, mean=0.01, lease=timedelta(seconds=5))

    with pytest.raises(BudgetUnavailable):
        await granted_at(frugal, patience=NO_WAIT)
    await granted_at(frugal, "booking", patience=NO_WAIT)


async def test_after_a_flush_everybody_waits_and_nobody_bursts(resources: Resources) -> None:
    await resources.redis.flushall()

    with pytest.raises(BudgetUnavailable):
        await granted_at(resources.budget, "booking", patience=NO_WAIT)
    assert float(await resources.redis.hget("budget:state", "tokens")) == 0


async def test_retry_after_pauses_every_caller(resources: Resources) -> None:
    await fail(resources.budget, Trouble.RATE_LIMITED, timedelta(seconds=60))

    for priority in ("booking", "urgent", "normal"):
        with pytest.raises(BudgetUnavailable):
            await granted_at(resources.budget, priority, patience=NO_WAIT)


async def test_the_breaker_opens_probes_once_and_closes(resources: Resources) -> None:
    for _ in range(8):
        await fail(resources.budget, Trouble.SERVER_ERROR)
    with pytest.raises(BudgetUnavailable):
        await granted_at(resources.budget, patience=NO_WAIT)

    await resources.redis.hset("budget:state", "open_until", 1)
    async with resources.budget.call("normal", patience=PATIENT):
        with pytest.raises(BudgetUnavailable):
            await granted_at(resources.budget, patience=NO_WAIT)

    await granted_at(resources.budget, patience=PATIENT)
    assert await resources.redis.hget("budget:state", "open_until") is None


async def test_a_failed_probe_opens_the_breaker_for_longer(resources: Resources) -> None:
    for _ in range(8):
        await fail(resources.budget, Trouble.TIMEOUT)
    await resources.redis.hset("budget:state", "open_until", 1)

    await fail(resources.budget, Trouble.TIMEOUT)

    clock, _ = await resources.redis.time()
    until = int(await resources.redis.hget("budget:state", "open_until")) / 1000
    assert 28 <= until - clock <= 31


async def test_a_caller_that_died_gives_its_place_back_when_its_lease_ends(resources: Resources) -> None:
    single = Budget(resources.redis, cap=1, mean=10, lease=timedelta(seconds=1.5))
    await single.call("normal", patience=PATIENT).__aenter__()

    with pytest.raises(BudgetUnavailable):
        await granted_at(single, patience=timedelta(seconds=0.2))
    await granted_at(single, patience=PATIENT)


async def test_without_redis_there_is_no_call() -> None:
    nowhere = Budget(Redis.from_url("redis://127.0.0.1:1/0"), cap=10, mean=10, lease=timedelta(seconds=5))

    with pytest.raises(BudgetUnavailable, match="without Redis"):
        await granted_at(nowhere)
    assert await nowhere.allowance(10) == 0
