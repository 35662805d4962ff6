"""Messages that come twice, in the wrong order or never, and ticks that get lost: the story ends the same."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from dramatiq import Message

from tests.pressure.laboratory import Laboratory
from tests.services.conftest import PASADENA

Deal = Callable[[Laboratory], Awaitable[None]]


async def five_guests_and_three_tables(lab: Laboratory) -> None:
    """Three guests want a table booked, two want to know; one table here, two there."""
    for number, name in enumerate(("ann", "bob", "cat", "dan", "eve")):
        guest = await lab.loop.guest(name)
        await lab.loop.watch(guest, auto_book=number < 3)
        await lab.loop.watch(guest, "houston_s_pasadena", auto_book=number < 3)
    lab.loop.open("19:00")
    lab.loop.open("18:30", "19:30", merchant=PASADENA)


async def ends_well(lab: Laboratory) -> None:
    """Everybody heard of every table once, unless they had one by then, and every table went to another guest."""
    await lab.remember()
    assert await lab.loose_ends() == []
    assert await lab.contradictions() == []
    alerts = await lab.loop.rows(
        "SELECT recipient, status, error_message FROM notification_log WHERE kind = 'table_open'"
    )
    told = [row.recipient for row in alerts if row.status == "sent"]
    bookings = lab.loop.simulator.bookings
    assert [told.count(f"{name}@guests.test") for name in ("dan", "eve")] == [2, 2]
    assert {row.error_message for row in alerts if row.status != "sent"} <= {
        "the watch was paused",
        "a table was booked",
    }
    assert len(lab.loop.simulator.mails) == len(told) + 3
    assert len({one["body"]["phone"] for one in bookings}) == len(bookings) == 3


async def messages_of(lab: Laboratory) -> list[Message[Any]]:
    return [message for queue in ("scan", "notify", "book") for message in await lab.worker.waiting(queue)]


async def take(lab: Laboratory, message: Message[Any]) -> Message[Any]:
    waiting = [one.message_id for one in await lab.worker.waiting(message.queue_name)]
    return await lab.worker.take(message.queue_name, waiting.index(message.message_id))


async def each_twice(lab: Laboratory) -> None:
    while found := await messages_of(lab):
        message = await take(lab, found[0])
        await lab.worker.run(message)
        await lab.worker.run(message)


async def all_again_in_the_end(lab: Laboratory) -> None:
    seen = []
    while found := await messages_of(lab):
        seen.append(await take(lab, found[0]))
        await lab.worker.run(seen[-1])
    for message in seen:
        await lab.worker.run(message)


async def newest_first(lab: Laboratory) -> None:
    while found := await messages_of(lab):
        await lab.worker.run(await take(lab, found[-1]))


async def in_any_order(lab: Laboratory) -> None:
    while found := await messages_of(lab):
        await lab.worker.run(await take(lab, random.choice(found)))


async def all_at_once_and_twice(lab: Laboratory) -> None:
    while found := await messages_of(lab):
        taken = [await take(lab, message) for message in found]
        await asyncio.gather(*(lab.worker.run(message) for message in taken * 2), lab.relay(), lab.relay())


@pytest.mark.parametrize("deal", [each_twice, all_again_in_the_end, newest_first, in_any_order, all_at_once_and_twice])
async def test_messages_that_come_twice_or_out_of_order_change_nothing(lab: Laboratory, deal: Deal) -> None:
    await five_guests_and_three_tables(lab)

    await lab.ask_for_looks()
    await deal(lab)
    await lab.settle()

    await ends_well(lab)


async def test_a_look_that_comes_twice_asks_the_restaurant_once(lab: Laboratory) -> None:
    await lab.loop.watch(await lab.loop.guest())
    await lab.ask_for_looks()
    message = await lab.worker.take("scan")
    await lab.worker.run(message)

    await lab.worker.run(message)

    assert lab.loop.simulator.inventory_requests == 1


async def test_a_look_that_comes_twice_at_once_asks_the_restaurant_once(lab: Laboratory) -> None:
    await lab.loop.watch(await lab.loop.guest())
    await lab.ask_for_looks()
    (message,) = await lab.worker.waiting("scan")
    await lab.begin("scan", 0, "before")

    await lab.worker.run(message)
    await lab.go_on()

    assert lab.loop.simulator.inventory_requests == 1


async def test_a_tick_that_gets_lost_is_made_up_for_by_the_next(lab: Laboratory) -> None:
    await five_guests_and_three_tables(lab)
    await lab.ask_for_looks()
    await lab.lose_messages(everything=False)

    await lab.worker.tick("scan_due_groups")
    at_once = await messages_of(lab)
    await lab.clock.skip(61)
    await lab.worker.tick("scan_due_groups")
    await lab.worker.drain()
    await lab.settle()

    assert at_once == []
    await ends_well(lab)


@pytest.mark.parametrize("everything", [False, True])
async def test_all_that_was_lost_on_its_way_is_found_again(lab: Laboratory, everything: bool) -> None:
    await five_guests_and_three_tables(lab)
    await lab.look()
    await lab.lose_messages(everything=everything)

    await lab.clock.skip(0 if everything else 61)
    await lab.relay()
    await lab.worker.drain()
    await lab.settle()

    await ends_well(lab)
