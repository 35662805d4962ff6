"""Postgres is stopped or killed under work: workers come back by themselves, nothing is lost, nothing done twice."""

import asyncio
from typing import Any

import pytest

from tests.processes.scene import Scene


@pytest.mark.parametrize("how", ["stopped", "killed"])
async def test_a_restart_of_postgres_loses_nothing_and_repeats_nothing(scene: Scene, how: str) -> None:
    readers, (booker,) = await scene.add_guests(20), await scene.add_guests(1)
    await scene.add_watches([(reader, scene.places[0], scene.day(3)) for reader in readers])
    await scene.add_watches([(booker, scene.places[1], scene.day(3))], auto_book=True)
    scene.answer_after(1.2)
    scene.take_mail_slowly(0.8)
    first = scene.open(scene.places[0], scene.day(3), "19:00")
    scene.open(scene.places[1], scene.day(3), "19:00")
    workers = scene.system.pids

    async def a_booking_under_way() -> bool:
        statistics = scene.statistics
        return not (statistics["requests_by_operation"]["booking"] and statistics["now_at_once"])

    await scene.until_none(a_booking_under_way)
    async with scene.without(scene.postgres, how):
        await asyncio.sleep(2)

    async def a_booking() -> list[Any]:
        return [tuple(row) for row in await scene.rows("SELECT state, reason FROM bookings WHERE state <> 'booked'")]

    await scene.until_none(a_booking)
    assert len(scene.simulator.bookings) == 1
    second = scene.open(scene.places[0], scene.day(3), "20:00")

    async def mails() -> list[object]:
        return [*scene.untold(readers, [first, second]), *await scene.unfinished()]

    await scene.until_none(mails, seconds=45, growing_old=True)
    assert set(scene.mails_per_message().values()) == {1}
    assert scene.system.pids == workers


async def test_looks_go_on_after_a_restart_of_postgres_between_two_of_them(scene: Scene) -> None:
    await scene.add_groups(20)

    async def looks() -> list[int]:
        return [row["id"] for row in await scene.rows("SELECT id FROM scan_groups WHERE last_ok_at IS NULL")]

    await scene.until_none(looks)
    async with scene.without(scene.postgres, "stopped"):
        pass
    await scene.execute("UPDATE scan_groups SET last_ok_at = NULL")

    await scene.until_none(looks, growing_old=True)
