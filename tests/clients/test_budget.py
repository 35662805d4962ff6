"""The budget holds whatever is asked of it, and without Redis there is no call."""

import asyncio
from datetime import date, datetime, timedelta

import pytest
from redis.asyncio import Redis

from backend.clients.budget import Allowance, Budget, Priority
from backend.clients.errors import BudgetUnavailable, LookFailed
from backend.domain.types import Trouble
from tests.conftest import Simulator, eventually
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
    await eventually(lambda: _nothing_in_flight(budget))


async def empty_bucket(redis: Redis) -> None:
    seconds, micros = await redis.time()
    await redis.hset("budget:state", mapping={"tokens": 0, "at": seconds * 1000 + micros // 1000})


async def _is_over(value: bool) -> bool:
    return value


async def _nothing_in_flight(budget: Budget) -> bool:
    return (await budget.state()).in_flight == 0


async def _breaker_is(budget: Budget, breaker: str) -> bool:
    return (await budget.state()).breaker == breaker


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
    await empty_bucket(resources.redis)
    frugal = Budget(resources.redis, cap=10, mean=0.01, longest_call=timedelta(seconds=5))

    with pytest.raises(BudgetUnavailable):
        await granted_at(frugal, patience=NO_WAIT)
    await granted_at(frugal, "booking", patience=NO_WAIT)


async def test_after_a_flush_everybody_waits_as_long_as_a_call_may_take(resources: Resources) -> None:
    await resources.redis.flushall()

    with pytest.raises(BudgetUnavailable):
        await granted_at(resources.budget, "booking", patience=timedelta(seconds=2.5))
    assert float(await resources.redis.hget("budget:state", "tokens")) == 0
    before = await resources.redis.hget("budget:state", "born")
    granted = await granted_at(resources.budget, "booking")
    assert granted.timestamp() * 1000 >= int(before) + 3000


async def test_after_a_new_start_of_the_server_everybody_waits_too(resources: Resources) -> None:
    await resources.redis.script_flush()

    with pytest.raises(BudgetUnavailable):
        await granted_at(resources.budget, "booking", patience=NO_WAIT)
    state = await resources.budget.state()
    assert 2 < state.blocked_seconds <= 3
    assert state.tokens > 900


async def test_callers_that_come_together_share_a_round_trip(resources: Resources) -> None:
    before = (await resources.redis.info("commandstats"))["cmdstat_evalsha"]["calls"]

    await asyncio.gather(*(granted_at(resources.budget) for _ in range(9)))

    after = (await resources.redis.info("commandstats"))["cmdstat_evalsha"]["calls"]
    assert after - before <= 3


async def test_a_booking_goes_before_looks_that_have_waited_for_long(resources: Resources) -> None:
    order: list[str] = []

    async def caller(priority: Priority) -> None:
        async with resources.budget.call(priority, patience=PATIENT):
            order.append(priority)

    looks = [asyncio.create_task(caller("normal")) for _ in range(30)]
    await eventually(lambda: _is_over(len(order) >= 9))
    bookings = [asyncio.create_task(caller("booking")) for _ in range(3)]
    await asyncio.gather(*looks, *bookings)

    assert order.index("booking") <= 10
    assert max(i for i, priority in enumerate(order) if priority == "booking") <= 14


async def test_urgent_looks_go_before_normal_ones_of_another_process(resources: Resources) -> None:
    frugal = [Budget(resources.redis, cap=10, mean=4, longest_call=timedelta(seconds=3)) for _ in range(2)]
    await empty_bucket(resources.redis)
    order: list[str] = []

    async def caller(budget: Budget, priority: Priority) -> None:
        async with budget.call(priority, patience=PATIENT):
            order.append(priority)

    normal = [asyncio.create_task(caller(frugal[0], "normal")) for _ in range(4)]
    urgent = [asyncio.create_task(caller(frugal[1], "urgent")) for _ in range(4)]
    await asyncio.gather(*normal, *urgent)

    assert order == ["urgent"] * 4 + ["normal"] * 4


async def test_browsing_has_a_fifth_of_the_mean_and_no_more(resources: Resources) -> None:
    await empty_bucket(resources.redis)
    await resources.redis.hset("budget:state", mapping={"tokens": 1000, "browse": 2})

    async def granted(count: int) -> int:
        answers = await asyncio.gather(
            *(granted_at(resources.budget, "browse", patience=NO_WAIT) for _ in range(count)), return_exceptions=True
        )
        return sum(isinstance(answer, datetime) for answer in answers)

    assert await granted(5) == 2
    state = await resources.budget.state()
    assert state.tokens > 900


async def test_a_caller_that_gives_up_while_it_waits_takes_no_place(resources: Resources) -> None:
    await resources.redis.hset("budget:state", "pause_until", 2**52)
    waiting = asyncio.create_task(granted_at(resources.budget, patience=timedelta(days=10**6)))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait({waiting})
    await resources.redis.hset("budget:state", "pause_until", 0)

    await granted_at(resources.budget)

    await eventually(lambda: _nothing_in_flight(resources.budget))


async def test_a_pause_that_could_not_be_reported_is_reported_with_the_next_call(resources: Resources) -> None:
    failure = LookFailed(Trouble.RATE_LIMITED, "simulated", timedelta(seconds=60))
    call = resources.budget.call("normal", patience=PATIENT)
    await call.__aenter__()

    await resources.redis.execute_command("ACL", "SETUSER", "default", "-evalsha", "-eval")
    try:
        assert not await call.__aexit__(LookFailed, failure, None)
        with pytest.raises(BudgetUnavailable, match="without Redis"):
            await granted_at(resources.budget)
    finally:
        await resources.redis.execute_command("ACL", "SETUSER", "default", "+evalsha", "+eval")
    with pytest.raises(BudgetUnavailable, match="would have to wait"):
        await granted_at(resources.budget, patience=NO_WAIT)

    assert (await resources.budget.state()).blocked_seconds > 50


async def test_what_holds_everybody_back_can_be_seen(resources: Resources) -> None:
    calm = await resources.budget.state()
    for _ in range(8):
        await fail(resources.budget, Trouble.SERVER_ERROR)
    await eventually(lambda: _breaker_is(resources.budget, "open"))
    await resources.redis.hset("budget:state", "open_until", 1)

    assert (calm.breaker, calm.blocked_seconds) == ("closed", 0)
    assert (await resources.budget.state()).breaker == "probing"
    assert await resources.budget.allowance(10) == Allowance(1, 0)


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
    single = Budget(resources.redis, cap=1, mean=10, longest_call=timedelta(seconds=0.1))
    await single.call("normal", patience=PATIENT).__aenter__()

    with pytest.raises(BudgetUnavailable):
        await granted_at(single, patience=timedelta(seconds=0.2))
    await granted_at(single, patience=PATIENT)


async def test_without_redis_there_is_no_call() -> None:
    nowhere = Budget(Redis.from_url("redis://127.0.0.1:1/0"), cap=10, mean=10, longest_call=timedelta(seconds=5))

    with pytest.raises(BudgetUnavailable, match="without Redis"):
        await granted_at(nowhere)
    assert await nowhere.allowance(10) == Allowance(0, 0)
    await nowhere.close()
