"""Valkey is emptied, stopped or killed under work: nobody calls meanwhile, everything is found again, nothing twice."""

import asyncio

import pytest

from tests.processes.scene import Guest, Scene


async def readers_of_a_table(scene: Scene, count: int = 20) -> list[Guest]:
    """Guests who wait for tables at the first restaurant, in the ledger since the first look."""
    readers = await scene.add_guests(count)
    await scene.add_watches([(reader, scene.places[0], scene.day(3)) for reader in readers])
    return readers


async def some_mail_is_under_way(scene: Scene) -> None:
    """Until mails are being sent, and others wait behind them."""

    async def missing() -> list[str]:
        states = {row["status"] for row in await scene.rows("SELECT DISTINCT status FROM notification_log")}
        return sorted({"queued", "sending"} - states)

    await scene.until_none(missing)


async def everybody_is_told_once(scene: Scene, readers: list[Guest], openings: list[object]) -> None:
    async def missing() -> list[object]:
        return [*scene.untold(readers, openings), *await scene.unfinished()]  # type: ignore[arg-type]

    await scene.until_none(missing, growing_old=True)
    assert set(scene.mails_per_message().values()) == {1}
    assert len(scene.simulator.mails) == len(readers) * len(openings)


async def test_after_flushes_everything_is_found_again_and_nothing_is_sent_twice(scene: Scene) -> None:
    readers = await readers_of_a_table(scene)
    scene.take_mail_slowly(0.5)
    first = scene.open(scene.places[0], scene.day(3), "19:00")
    await some_mail_is_under_way(scene)

    for _ in range(3):
        await scene.redis.flushall()
        await asyncio.sleep(0.2)
    second = scene.open(scene.places[0], scene.day(3), "20:00")

    await everybody_is_told_once(scene, readers, [first, second])


async def test_a_flush_lets_no_more_calls_through_than_are_allowed_at_once(scene: Scene) -> None:
    await scene.add_groups(100)
    # Byte by byte, each answer takes almost as long as a call may.
    scene.simulator.send("POST", "/control/trouble", {"kind": "drip", "seconds_between_bytes": 0.015})

    async def calls_at_once() -> int:
        return max(0, 9 - int(scene.statistics["now_at_once"]))

    await scene.until_none(calls_at_once)
    # The calls of the last second are what the budget remembers longest; those under way, it must not forget either.
    await asyncio.sleep(1.2)
    before = scene.statistics["requests"]
    await scene.redis.flushall()

    async def calls_after_the_flush() -> int:
        return max(0, int(before) + 15 - int(scene.statistics["requests"]))

    await scene.until_none(calls_after_the_flush, growing_old=True)
    scene.assert_within_the_cap()


@pytest.mark.parametrize("how", ["stopped", "killed"])
async def test_without_valkey_nobody_calls_and_afterwards_everything_goes_on(scene: Scene, how: str) -> None:
    readers = await readers_of_a_table(scene)
    await scene.add_groups(40)
    scene.answer_after(0.2)
    scene.take_mail_slowly(0.5)
    first = scene.open(scene.places[0], scene.day(3), "19:00")
    await some_mail_is_under_way(scene)
    workers = scene.system.pids

    async def calls_under_way() -> int:
        return int(scene.statistics["now_at_once"])

    async with scene.without(scene.valkey, how):
        # A call that was allowed before may just be on its way.
        await asyncio.sleep(0.5)
        await scene.until_none(calls_under_way)
        second = scene.open(scene.places[0], scene.day(3), "20:00")
        await scene.stands_still(3)
    before = scene.statistics["requests"]

    await everybody_is_told_once(scene, readers, [first, second])
    assert scene.statistics["requests"] > before
    assert scene.system.pids == workers
