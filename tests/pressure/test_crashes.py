"""A worker is killed before and after every step of a look, a message and a booking; then the product goes on."""

from collections.abc import Awaitable, Callable
from datetime import time
from itertools import count
from typing import Any

import pytest
from dramatiq import Message

from tests.pressure.laboratory import Laboratory
from tests.pressure.zygote import Zygote
from tests.services.conftest import PASADENA

# A sweep is many short lives; on a busy machine each takes longer.
pytestmark = pytest.mark.timeout(600)
# No actor takes as many steps; a sweep that gets there would never end.
MOST_STEPS = 400

_ATTEMPTING = "SELECT id FROM bookings WHERE state = 'attempting'"
# All of these stay open: there are more tables than guests.
_WANTED = """
    SELECT w.id AS watch_id, d.id AS drop_id
    FROM watches w JOIN scan_groups g USING (location_key, target_date, party_size)
    JOIN slot_drops d ON d.group_id = g.id AND d.gone_at IS NULL
"""

Prepare = Callable[[], Awaitable[Message[Any]]]
# Gets whether an attempt to book was under way, and returns what is wrong in the end.
EndsWell = Callable[[bool], Awaitable[list[str]]]


async def sweep(lab: Laboratory, mortal: Zygote, *, prepare: Prepare, ends_well: EndsWell) -> int:
    """Kill one actor at one step after the other, until one lives to its end; returns the number of steps."""
    found: list[str] = []
    for number in count(1):
        assert number < MOST_STEPS
        await lab.start_anew()
        message = await prepare()

        life = mortal.run(message, die_at=number)
        assert life.end != "failed", life.error
        attempting = [row.id for row in await lab.loop.rows(_ATTEMPTING)]
        # What is stored before a step was stored after the one before it: Redis brings the message again in one case,
        # and has lost it in the other.
        if life.end == "killed" and life.steps[-1].startswith("before"):
            await lab.worker.run(message)
        await lab.settle()

        sentences = await wrong_in_the_end(lab, attempting) + await ends_well(bool(attempting))
        found += [f"{life.end} at step {number}, {life.steps[-1]}: {sentence}" for sentence in sentences]
        if life.end == "ended":
            break
    assert not found, "\n" + "\n".join(found)
    return number


async def wrong_in_the_end(lab: Laboratory, attempting: list[int]) -> list[str]:
    """What is promised of every crash: nothing lost, nothing said twice that was not under way, nothing asked twice."""
    lab.owed |= {(row.watch_id, row.drop_id) for row in await lab.loop.rows(_WANTED)}
    found = await lab.contradictions() + await lab.loose_ends()
    for row in await lab.loop.rows("SELECT id, state FROM bookings WHERE id = ANY(:ids)", ids=attempting):
        if row.state != "unknown":
            found.append(f"booking {row.id} was being attempted, and became {row.state}")
    return found


async def states_of(lab: Laboratory, user: Any) -> list[str]:
    """A guest's bookings that came to something."""
    statement = "SELECT state FROM bookings WHERE user_id = :id AND attempted_at IS NOT NULL ORDER BY attempted_at"
    return [row.state for row in await lab.loop.rows(statement, id=user.id)]


async def test_a_look_that_dies_at_any_step_loses_and_repeats_nothing(lab: Laboratory, mortal: Zygote) -> None:
    ann, bob = await lab.loop.guest("ann"), await lab.loop.guest("bob")

    async def prepare() -> Message[Any]:
        await lab.loop.watch(ann, time_start=time(18, 15))
        lab.loop.open("18:00")
        await lab.worker.tick("scan_due_groups")
        await lab.worker.drain()
        await lab.loop.watch(ann, "houston_s_pasadena")
        await lab.loop.watch(bob, auto_book=True)
        lab.loop.close("18:00")
        lab.loop.open("18:30", "19:00", tables=2)
        lab.loop.open("19:30", merchant=PASADENA)
        await lab.worker.tick("scan_due_groups")
        return await lab.worker.take("scan")

    async def ends_well(_: bool) -> list[str]:
        states = await states_of(lab, bob)
        return [] if states == ["booked"] else [f"the chance to book came to {states}"]

    steps = await sweep(lab, mortal, prepare=prepare, ends_well=ends_well)

    assert steps > 20


async def test_a_message_whose_sender_dies_at_any_step_arrives(lab: Laboratory, mortal: Zygote) -> None:
    ann = await lab.loop.guest("ann")

    async def prepare() -> Message[Any]:
        await lab.loop.watch(ann)
        lab.loop.open("18:30", "19:00")
        await lab.worker.tick("scan_due_groups")
        await lab.worker.run(await lab.worker.take("scan"))
        return await lab.worker.take("notify")

    async def ends_well(_: bool) -> list[str]:
        row = await lab.loop.one("SELECT status FROM notification_log")
        return [] if row.status == "sent" else [f"the message is {row.status}"]

    steps = await sweep(lab, mortal, prepare=prepare, ends_well=ends_well)

    assert steps > 20


@pytest.mark.parametrize("refusals", [0, 1])
async def test_a_booking_whose_worker_dies_at_any_step_is_asked_for_once_and_never_forgotten(
    lab: Laboratory, mortal: Zygote, refusals: int
) -> None:
    ann, bob = await lab.loop.guest("ann"), await lab.loop.guest("bob")

    async def prepare() -> Message[Any]:
        for guest in (ann, bob):
            await lab.loop.watch(guest, auto_book=True)
        lab.loop.open("18:30", "19:00", tables=3)
        if refusals:
            order = {"kind": "refuse", "operation": "booking", "count": refusals}
            lab.loop.simulator.send("POST", "/control/trouble", order)
        await lab.worker.tick("scan_due_groups")
        await lab.worker.run(await lab.worker.take("scan"))
        return await lab.worker.take("book")

    async def ends_well(was_attempting: bool) -> list[str]:
        anns, bobs = await states_of(lab, ann), await states_of(lab, bob)
        # The refusal meets whoever asks first.
        is_well = anns[-1:] == ["unknown" if was_attempting else "booked"] and bobs[-1:] == ["booked"]
        is_well &= set(anns[:-1] + bobs[:-1]) <= {"refused"} and len(anns + bobs) <= 2 + refusals
        return [] if is_well else [f"the first guest's attempts came to {anns}, the second's to {bobs}"]

    steps = await sweep(lab, mortal, prepare=prepare, ends_well=ends_well)

    assert steps > 20


async def test_a_dispatch_that_dies_at_any_step_costs_no_look(lab: Laboratory, mortal: Zygote) -> None:
    ann = await lab.loop.guest("ann")

    async def prepare() -> Message[Any]:
        await lab.loop.watch(ann)
        await lab.loop.watch(ann, "houston_s_pasadena")
        lab.loop.open("19:00")
        lab.loop.open("19:30", merchant=PASADENA)
        return lab.worker.message("scan_due_groups")

    async def ends_well(_: bool) -> list[str]:
        rows = await lab.loop.rows("SELECT status FROM notification_log")
        return [] if [row.status for row in rows] == ["sent", "sent"] else [f"the messages are {rows}"]

    steps = await sweep(lab, mortal, prepare=prepare, ends_well=ends_well)

    assert steps > 10


async def test_a_relay_that_dies_at_any_step_leaves_its_finds_to_the_next(lab: Laboratory, mortal: Zygote) -> None:
    ann, bob = await lab.loop.guest("ann"), await lab.loop.guest("bob")

    async def prepare() -> Message[Any]:
        await lab.loop.watch(ann, auto_book=True)
        await lab.loop.watch(bob)
        lab.loop.open("18:30", "19:00", tables=3)
        await lab.look()
        await lab.begin("notify", 0, "before")
        await lab.clock.skip(31)
        await lab.begin("book", 0, "before")
        # Whoever sends, whoever books, and Bob's message are lost.
        lab.die()
        lab.die()
        await lab.lose_messages(everything=False)
        await lab.clock.skip(91)
        return lab.worker.message("relay_outbox")

    async def ends_well(_: bool) -> list[str]:
        anns = await states_of(lab, ann)
        return [] if anns == ["unknown"] else [f"the attempt that was lost came to {anns}"]

    steps = await sweep(lab, mortal, prepare=prepare, ends_well=ends_well)

    assert steps > 20
