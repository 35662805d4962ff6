"""A worker is killed before and after every step of a look, a message and a booking; then the product goes on."""

from collections.abc import Awaitable, Callable
from datetime import time
from itertools import count
from typing import Any

import pytest
from dramatiq import Message

from tests.conftest import fill_budget
from tests.pressure import outside
from tests.pressure.passing_time import forget_work
from tests.pressure.recovery import recover
from tests.pressure.worker import Worker
from tests.pressure.zygote import Zygote
from tests.services.conftest import PASADENA, Loop

# A sweep is many short lives; on a busy machine each takes longer.
pytestmark = pytest.mark.timeout(600)
# No actor takes as many steps; a sweep that gets there would never end.
MOST_STEPS = 400

_IN_FLIGHT = """
    SELECT (SELECT coalesce(array_agg(id), '{}') FROM notification_log WHERE status = 'sending') AS messages,
           (SELECT coalesce(array_agg(id), '{}') FROM bookings WHERE state = 'attempting') AS attempts
"""
# All of these stay open: there are more tables than guests.
_WANTED = """
    SELECT w.id AS watch_id, d.id AS drop_id
    FROM watches w JOIN scan_groups g USING (location_key, target_date, party_size)
    JOIN slot_drops d ON d.group_id = g.id AND d.gone_at IS NULL
"""


async def sweep(
    loop: Loop,
    worker: Worker,
    mortal: Zygote,
    *,
    prepare: Callable[[], Awaitable[Message[Any]]],
    ends_well: Callable[[bool], Awaitable[list[str]]],
) -> int:
    """Kill one actor at one step after the other, until one lives to its end; returns the number of steps.

    `ends_well` gets whether an attempt to book was under way, and returns what is wrong in the end.
    """
    found: list[str] = []
    for number in count(1):
        assert number < MOST_STEPS
        await start_anew(loop)
        message = await prepare()

        life = mortal.run(message, die_at=number)
        assert life.end != "failed", life.error
        in_flight = await loop.one(_IN_FLIGHT)
        # What is stored before a step was stored after the one before it: Redis brings the message again in one case,
        # and has lost it in the other.
        again = life.end == "killed" and life.steps[-1].startswith("before")
        await recover(loop, worker, redelivered=message if again else None)

        sentences = await wrong_in_the_end(loop, in_flight) + await ends_well(bool(in_flight.attempts))
        found += [f"{life.end} at step {number}, {life.steps[-1]}: {sentence}" for sentence in sentences]
        if life.end == "ended":
            break
    assert not found, "\n" + "\n".join(found)
    return number


async def start_anew(loop: Loop) -> None:
    await forget_work(loop.r.engine)
    await loop.r.redis.flushdb()
    await fill_budget(loop.r.redis)
    loop.simulator.send("POST", "/control/reset")


async def wrong_in_the_end(loop: Loop, in_flight: Any) -> list[str]:
    """What is promised of every crash: nothing lost, nothing said twice that was not under way, nothing asked twice."""
    owed = [(row.watch_id, row.drop_id) for row in await loop.rows(_WANTED)]
    found = await outside.contradictions(loop)
    found += await outside.loose_ends(loop, owed=owed, operators=loop.r.settings.operators)
    for message_id, times in (await outside.mails_by_message(loop)).items():
        if times > (2 if message_id in in_flight.messages else 1):
            found.append(f"message {message_id} came {times} times")
    for row in await loop.rows("SELECT id, state FROM bookings WHERE id = ANY(:ids)", ids=in_flight.attempts):
        if row.state != "unknown":
            found.append(f"booking {row.id} was being attempted, and became {row.state}")
    return found


async def states_of(loop: Loop, user: Any) -> list[str]:
    """A guest's bookings that came to something."""
    statement = "SELECT state FROM bookings WHERE user_id = :id AND attempted_at IS NOT NULL ORDER BY attempted_at"
    return [row.state for row in await loop.rows(statement, id=user.id)]


async def test_a_look_that_dies_at_any_step_loses_and_repeats_nothing(
    loop: Loop, worker: Worker, mortal: Zygote
) -> None:
    ann, bob = await loop.guest("ann"), await loop.guest("bob")

    async def prepare() -> Message[Any]:
        await loop.watch(ann, time_start=time(18, 15))
        loop.open("18:00")
        await worker.tick("scan_due_groups")
        await worker.drain()
        await loop.watch(ann, "houston_s_pasadena")
        await loop.watch(bob, auto_book=True)
        loop.close("18:00")
        loop.open("18:30", "19:00", tables=2)
        loop.open("19:30", merchant=PASADENA)
        await worker.tick("scan_due_groups")
        return await worker.take("scan")

    async def ends_well(_: bool) -> list[str]:
        states = await states_of(loop, bob)
        return [] if states == ["booked"] else [f"the chance to book came to {states}"]

    steps = await sweep(loop, worker, mortal, prepare=prepare, ends_well=ends_well)

    assert steps > 20


async def test_a_message_whose_sender_dies_at_any_step_arrives(loop: Loop, worker: Worker, mortal: Zygote) -> None:
    ann = await loop.guest("ann")

    async def prepare() -> Message[Any]:
        await loop.watch(ann)
        loop.open("18:30", "19:00")
        await worker.tick("scan_due_groups")
        await worker.run(await worker.take("scan"))
        return await worker.take("notify")

    async def ends_well(_: bool) -> list[str]:
        row = await loop.one("SELECT status FROM notification_log")
        return [] if row.status == "sent" else [f"the message is {row.status}"]

    steps = await sweep(loop, worker, mortal, prepare=prepare, ends_well=ends_well)

    assert steps > 20


@pytest.mark.parametrize("refusals", [0, 1])
async def test_a_booking_whose_worker_dies_at_any_step_is_asked_for_once_and_never_forgotten(
    loop: Loop, worker: Worker, mortal: Zygote, refusals: int
) -> None:
    ann, bob = await loop.guest("ann"), await loop.guest("bob")

    async def prepare() -> Message[Any]:
        for guest in (ann, bob):
            await loop.watch(guest, auto_book=True)
        loop.open("18:30", "19:00", tables=3)
        if refusals:
            order = {"kind": "refuse", "operation": "booking", "count": refusals}
            loop.simulator.send("POST", "/control/trouble", order)
        await worker.tick("scan_due_groups")
        await worker.run(await worker.take("scan"))
        return await worker.take("book")

    async def ends_well(was_attempting: bool) -> list[str]:
        anns, bobs = await states_of(loop, ann), await states_of(loop, bob)
        # The refusal meets whoever asks first.
        is_well = anns[-1:] == ["unknown" if was_attempting else "booked"] and bobs[-1:] == ["booked"]
        is_well &= set(anns[:-1] + bobs[:-1]) <= {"refused"} and len(anns + bobs) <= 2 + refusals
        return [] if is_well else [f"the first guest's attempts came to {anns}, the second's to {bobs}"]

    steps = await sweep(loop, worker, mortal, prepare=prepare, ends_well=ends_well)

    assert steps > 20
