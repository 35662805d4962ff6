"""The budget, as the reservation service sees it: however many workers there are, they call as one."""

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from backend.local.system import WORKERS
from tests.processes.conftest import running
from tests.processes.scene import Scene
from tests.processes.system import System

MEAN = 3
PLENTY = 150
# Three more of those that look.
MORE = ("more-looks-1", "more-looks-2", "more-looks-3")


@pytest.fixture(scope="module")
async def system(environment: dict[str, str], folder: Path) -> AsyncIterator[System]:
    """Four workers that look, and a small mean."""
    workers = dict(WORKERS) | dict.fromkeys(MORE, "scan")
    async with running({**environment, "UPSTREAM_RATE_MEAN": str(MEAN)}, folder, workers=workers) as system:
        yield system


async def until_calls(scene: Scene, count: int, *, seconds: float = 30) -> None:
    async def calls() -> int:
        return max(0, count - int(scene.statistics["requests"]))

    await scene.until_none(calls, seconds=seconds)


def moments(scene: Scene) -> list[float]:
    return [call["seconds"] for call in scene.statistics["timestamps"]]


async def rush(scene: Scene) -> None:
    scene.answer_after(0.2, jitter=0.3)
    await scene.add_groups(PLENTY)
    await until_calls(scene, 36)


async def test_a_rush_of_one_worker_stays_within_the_cap(scene: Scene) -> None:
    with scene.system.frozen(MORE):
        await rush(scene)

    scene.assert_within_the_cap()


async def test_a_rush_of_four_workers_stays_within_the_cap(scene: Scene) -> None:
    await rush(scene)

    scene.assert_within_the_cap()


async def test_calls_that_arrive_late_are_no_more_than_the_cap_either(scene: Scene) -> None:
    """As when connections are set up first, or the service takes a moment to take calls in."""
    await scene.add_groups(PLENTY)

    async def a_dispatch() -> bool:
        return not await scene.value("SELECT count(*) FROM scan_runs")

    with scene.simulator_frozen():
        await scene.until_none(a_dispatch)
        await asyncio.sleep(0.9)
    await until_calls(scene, 30)

    scene.assert_within_the_cap()


async def test_with_nothing_saved_up_four_workers_keep_to_the_mean_together(scene: Scene) -> None:
    began = time.monotonic()
    await scene.redis.flushall()

    await scene.add_groups(PLENTY)
    await until_calls(scene, 10 * MEAN)

    # Whoever just arrived is counted before the clock is read, so the bound is the strict one.
    calls = scene.statistics["requests"]
    passed = time.monotonic() - began
    assert calls <= passed * MEAN + 1
    assert calls >= passed * MEAN / 2


async def test_when_the_service_says_retry_after_all_workers_wait_so_long(scene: Scene) -> None:
    scene.answer_after(0.2, jitter=0.1)
    await scene.add_groups(PLENTY)
    await until_calls(scene, 12)
    scene.simulator.send("POST", "/control/trouble", {"kind": "429", "count": 1, "retry_after_seconds": 4})
    not_yet = refused = 0.0

    async def refusal() -> bool:
        nonlocal not_yet, refused
        statistics = scene.statistics
        not_yet, refused = refused, statistics["elapsed_seconds"]
        return "429" not in statistics["answers"]

    await scene.until_none(refusal)
    before = scene.statistics["requests"]
    await until_calls(scene, before + 10)

    # A call that was allowed before the refusal came may be on its way for some moments.
    too_soon = [moment for moment in moments(scene) if refused + 1 < moment < not_yet + 4]
    assert too_soon == []


async def test_after_eight_failures_nobody_calls_until_a_single_probe_goes_well(scene: Scene) -> None:
    scene.answer_after(0.5)
    scene.simulator.send("POST", "/control/trouble", {"kind": "500"})
    await scene.add_groups(PLENTY)
    await until_calls(scene, 8)

    async def an_end_of_calls() -> bool:
        statistics = scene.statistics
        return bool(statistics["elapsed_seconds"] - statistics["timestamps"][-1]["seconds"] < 3)

    await scene.until_none(an_end_of_calls)
    failed = scene.statistics["requests"]
    scene.simulator.send("DELETE", "/control/trouble")
    await until_calls(scene, failed + 2)

    *_, last, probe, following = moments(scene)[: failed + 2]
    # Eight in a row, and those that were under way when the eighth came back.
    assert failed <= 8 + 10
    assert probe - last > 12
    assert following - probe >= 0.5


@pytest.mark.parametrize("saved_up", [1000, 0], ids=["with a full budget", "with an empty budget"])
async def test_urgent_looks_that_wait_for_the_budget_hold_up_no_booking(scene: Scene, saved_up: int) -> None:
    bookers = await scene.add_guests(4)
    places = scene.places[: len(bookers)]
    wishes = [(booker, place, place.soon) for booker, place in zip(bookers, places, strict=True)]
    await scene.add_watches(wishes, auto_book=True)
    scene.answer_after(0.2, jitter=0.3)
    await scene.add_urgent_groups(PLENTY)
    await scene.fill_budget(saved_up)
    await until_calls(scene, 12)

    for place in places:
        scene.open(place, place.soon, "19:00")
    # First among all that are due, so that the test need not wait for their looks.
    await scene.execute(
        "UPDATE scan_groups SET next_scan_at = now() - interval '1 day', lease_until = NULL "
        "WHERE id IN (SELECT g.id FROM scan_groups g JOIN watches USING (location_key, target_date, party_size) "
        "WHERE auto_book)"
    )

    async def bookings() -> int:
        return len(bookers) - len(scene.simulator.bookings)

    await scene.until_none(bookings, seconds=60)
    wanted = {row["phone"]: row["wanted_at"] for row in await scene.rows("SELECT phone, wanted_at FROM bookings")}
    waits = [datetime.fromisoformat(b["at"]) - wanted[b["body"]["phone"]] for b in scene.simulator.bookings]
    # A booking takes half a second; behind the looks that wait it would have no turn at all.
    assert max(waits) < timedelta(seconds=5)
