"""Valkey is emptied, Valkey or Postgres is stopped or killed under work: nothing is lost, nothing happens twice."""

import asyncio
from collections.abc import Sequence

import pytest

from tests.processes.scene import Guest, Opening, Scene


async def add_readers(scene: Scene) -> list[Guest]:
    """Guests who all wait for the same tables: more than mails are sent at a time."""
    readers = await scene.add_guests(20)
    await scene.add_watches([(reader, scene.places[0], scene.day(3)) for reader in readers])
    return readers


async def until_mails_are_under_way(scene: Scene) -> None:
    """More than have a connection to the mail server: some are being sent, and others wait behind them in a worker."""

    async def missing() -> int:
        return 10 - int(await scene.value("SELECT least(count(*), 10) FROM notification_log WHERE status = 'sending'"))

    await scene.until_none(missing)


async def everybody_is_told_once(scene: Scene, readers: Sequence[Guest], openings: Sequence[Opening]) -> None:
    async def missing() -> list[object]:
        return [*scene.untold(readers, openings), *await scene.unfinished()]

    await scene.until_none(missing, growing_old=True)
    assert set(scene.mails_per_message().values()) == {1}
    assert set(scene.times_told(readers, openings).values()) == {1}


async def test_after_flushes_everything_is_found_again_and_nothing_is_sent_twice(scene: Scene) -> None:
    # So slowly that many still wait in a worker when they are found again.
    scene.take_mail_slowly(1)
    first = scene.open(scene.places[0], scene.day(3), "19:00")
    readers = await add_readers(scene)
    await until_mails_are_under_way(scene)

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
    # Then these calls are no longer those of the last second, but still under way.
    await asyncio.sleep(1.2)
    before = scene.statistics["requests"]
    await scene.redis.flushall()

    async def calls_after_the_flush() -> int:
        return max(0, int(before) + 15 - int(scene.statistics["requests"]))

    await scene.until_none(calls_after_the_flush, growing_old=True)
    scene.assert_within_the_cap()


@pytest.mark.parametrize("how", ["stopped", "killed"])
async def test_without_valkey_nobody_calls_and_afterwards_everything_goes_on(scene: Scene, how: str) -> None:
    scene.answer_after(0.2)
    scene.take_mail_slowly(0.5)
    first = scene.open(scene.places[0], scene.day(3), "19:00")
    readers = await add_readers(scene)
    await scene.add_groups(40)
    await until_mails_are_under_way(scene)
    processes = scene.system.pids

    async def calls_under_way() -> int:
        return int(scene.statistics["now_at_once"])

    async with scene.without(scene.valkey, how):
        # A call that was allowed before may just be on its way.
        await asyncio.sleep(0.5)
        await scene.until_none(calls_under_way)
        second = scene.open(scene.places[0], scene.day(3), "20:00")
        await scene.stands_still(2)

    await everybody_is_told_once(scene, readers, [first, second])
    assert scene.system.pids == processes


@pytest.mark.parametrize("how", ["stopped", "killed"])
async def test_a_restart_of_postgres_loses_nothing_and_repeats_nothing(scene: Scene, how: str) -> None:
    scene.answer_after(1.2)
    scene.take_mail_slowly(0.8)
    first = scene.open(scene.places[0], scene.day(3), "19:00")
    scene.open(scene.places[1], scene.day(3), "19:00")
    readers, (booker,) = await add_readers(scene), await scene.add_guests(1)
    await scene.add_watches([(booker, scene.places[1], scene.day(3))], auto_book=True)
    processes = scene.system.pids

    async def mails_and_a_booking_under_way() -> set[str]:
        return {"sending", "attempting"} - {state for _, _, state in await scene.under_way()}

    await scene.until_none(mails_and_a_booking_under_way)
    async with scene.without(scene.postgres, how):
        # The answer comes, and mails leave, while nobody can write it down.
        await asyncio.sleep(2)

    async def verdicts() -> list[tuple[object, ...]]:
        rows = await scene.rows("SELECT state, reason FROM bookings WHERE state <> 'booked'")
        return [tuple(row) for row in rows] + await scene.under_way()

    # Long before a lease would be over.
    await scene.until_none(verdicts)
    assert len(scene.simulator.bookings) == 1
    second = scene.open(scene.places[0], scene.day(3), "20:00")

    await everybody_is_told_once(scene, readers, [first, second])
    assert scene.system.pids == processes
