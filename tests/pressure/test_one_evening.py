"""Several watches, guests and tables for one evening: who gets a table, and who never gets two."""

import asyncio
from datetime import time
from typing import Any

import pytest

from tests.pressure.laboratory import Laboratory
from tests.services.conftest import PASADENA


async def two_watches_of_one_guest(lab: Laboratory, **trouble: Any) -> Any:
    """One guest who waits in two restaurants; a table is open in both."""
    guest = await lab.loop.guest("ann")
    for place in ("peachtree", "houston_s_pasadena"):
        await lab.loop.watch(guest, place, auto_book=True)
    lab.loop.open("19:00", tables=2)
    lab.loop.open("19:00", merchant=PASADENA, tables=2)
    if trouble:
        lab.loop.simulator.send("POST", "/control/trouble", {"operation": "booking", "count": 1, **trouble})
    await lab.look()
    return guest


async def states(lab: Laboratory) -> list[str]:
    return sorted(row.state for row in await lab.loop.rows("SELECT state FROM bookings"))


async def everything_is_in_order(lab: Laboratory) -> bool:
    return await lab.loose_ends() == await lab.contradictions() == []


async def test_a_guest_who_waits_in_two_restaurants_gets_one_table(lab: Laboratory) -> None:
    await two_watches_of_one_guest(lab)

    await lab.worker.drain()
    await lab.settle()

    assert await states(lab) == ["booked", "lapsed"]
    assert len(lab.loop.simulator.bookings) == 1
    assert await everything_is_in_order(lab)


async def test_a_guest_whose_first_restaurant_refuses_gets_the_other_table(lab: Laboratory) -> None:
    await two_watches_of_one_guest(lab, kind="refuse")

    await lab.worker.drain()
    await lab.settle()

    assert await states(lab) == ["booked", "refused"]
    assert await everything_is_in_order(lab)


async def test_a_refusal_wakes_the_chance_that_waited_for_it_in_another_restaurant(lab: Laboratory) -> None:
    await two_watches_of_one_guest(lab, kind="refuse")
    await lab.begin("book", 0, "after")
    await lab.worker.drain(["book"])

    await lab.go_on()
    await lab.worker.drain(["book"])

    assert await states(lab) == ["booked", "refused"]


async def test_an_unknown_outcome_blocks_the_other_restaurant_and_is_told(lab: Laboratory) -> None:
    await two_watches_of_one_guest(lab, kind="accept-and-drop")

    await lab.worker.drain()
    await lab.settle()
    await lab.look()
    await lab.settle()

    assert await states(lab) == ["lapsed", "unknown"]
    assert lab.loop.simulator.get("/control/statistics")["requests_by_operation"]["booking"] == 1
    assert await everything_is_in_order(lab)


async def test_an_attempt_that_got_lost_blocks_the_other_restaurant_and_is_told(lab: Laboratory) -> None:
    await two_watches_of_one_guest(lab)
    await lab.begin("book", 0, "before")
    lab.die()

    await lab.worker.drain()
    await lab.settle()

    assert await states(lab) == ["lapsed", "unknown"]
    assert lab.loop.simulator.bookings == []
    assert await everything_is_in_order(lab)


async def test_lunch_and_dinner_are_two_meals(lab: Laboratory) -> None:
    guest = await lab.loop.guest("ann")
    await lab.loop.watch(guest, auto_book=True, time_start=time(12), time_end=time(14))
    await lab.loop.watch(guest, auto_book=True)
    lab.loop.open("13:00", "19:00")

    await lab.look()
    await lab.worker.drain()

    assert await states(lab) == ["booked", "booked"]
    assert await lab.contradictions() == []


async def test_two_accounts_with_one_telephone_number_get_one_table(lab: Laboratory) -> None:
    for name, place in (("ann", "peachtree"), ("bob", "houston_s_pasadena")):
        await lab.loop.watch(await lab.loop.guest(name), place, auto_book=True, phone="(404) 555-0123")
    lab.loop.open("19:00")
    lab.loop.open("19:00", merchant=PASADENA)
    await lab.look()
    await lab.begin("book", 0, "after")

    await lab.worker.drain()
    await lab.go_on()
    await lab.settle()

    assert len(lab.loop.simulator.bookings) == 1
    assert await everything_is_in_order(lab)


@pytest.mark.parametrize("kind", ["refuse", "500"])
async def test_a_table_that_one_guest_did_not_get_goes_to_the_next(lab: Laboratory, kind: str) -> None:
    for name in ("ann", "bob"):
        await lab.loop.watch(await lab.loop.guest(name), auto_book=True)
    lab.loop.open("19:00")
    lab.loop.simulator.send("POST", "/control/trouble", {"kind": kind, "operation": "booking", "count": 1})
    await lab.look()

    await lab.worker.drain()

    assert await states(lab) == ["booked", "refused" if kind == "refuse" else "unknown"]
    assert await lab.contradictions() == []


async def test_a_table_whose_first_attempt_got_lost_goes_to_the_next(lab: Laboratory) -> None:
    for name in ("ann", "bob"):
        await lab.loop.watch(await lab.loop.guest(name), auto_book=True)
    lab.loop.open("19:00")
    await lab.look()
    await lab.begin("book", 0, "before")
    lab.die()

    await lab.clock.skip(91)
    await lab.relay()
    await lab.worker.drain()

    assert await states(lab) == ["booked", "unknown"]
    assert await everything_is_in_order(lab)


async def test_five_guests_and_one_table_are_one_booking_and_all_hear_of_the_table(lab: Laboratory) -> None:
    for name in ("ann", "bob", "cat", "dan", "eve"):
        await lab.loop.watch(await lab.loop.guest(name), auto_book=True)
    lab.loop.open("19:00")
    await lab.look()

    await lab.worker.drain()
    await lab.settle()

    told = await lab.loop.rows("SELECT kind, recipient FROM notification_log WHERE status = 'sent'")
    assert [row.kind for row in told].count("booked") == 1
    assert len({row.recipient for row in told}) == 5
    assert len(lab.loop.simulator.bookings) == 1
    assert await states(lab) == ["booked", *["lapsed"] * 4]


async def test_a_guest_whose_chances_are_refused_one_by_one_gets_the_last_table(lab: Laboratory) -> None:
    await lab.loop.watch(await lab.loop.guest(), auto_book=True)
    lab.loop.open("18:30", "19:00", "19:30")
    lab.loop.simulator.send("POST", "/control/trouble", {"kind": "refuse", "operation": "booking", "count": 2})
    await lab.look()

    await lab.worker.drain()

    assert await states(lab) == ["booked", "refused", "refused"]
    refused = await lab.loop.rows("SELECT 1 FROM notification_log WHERE kind = 'booking_refused'")
    assert refused == []


@pytest.mark.parametrize("kind", ["booked", "unknown"])
async def test_a_table_that_a_guest_no_longer_needs_goes_to_the_next_at_once(lab: Laboratory, kind: str) -> None:
    await two_watches_of_one_guest(lab, **({} if kind == "booked" else {"kind": "500"}))
    await lab.loop.watch(await lab.loop.guest("bob"), "houston_s_pasadena", auto_book=True)
    await lab.look()
    await lab.begin("book", 0, "after")
    await lab.worker.drain(["book"])

    await lab.go_on()
    await lab.worker.drain(["book"])

    attempted = await lab.loop.rows("SELECT user_id FROM bookings WHERE state = 'booked' ORDER BY user_id")
    assert [row.user_id for row in attempted] == ([1, 2] if kind == "booked" else [2])


async def test_a_crowd_and_a_few_tables_all_at_once(lab: Laboratory) -> None:
    for number in range(12):
        guest = await lab.loop.guest(f"guest{number}")
        for place in ("peachtree", "houston_s_pasadena"):
            await lab.loop.watch(guest, place, auto_book=True)
    lab.loop.open("18:30", "19:00", "19:30", tables=2)
    lab.loop.open("19:00", "20:00", merchant=PASADENA)

    for _ in range(3):
        await lab.ask_for_looks()
        while messages := [one for queue in ("scan", "book") for one in await lab.worker.waiting(queue)]:
            for message in messages:
                await lab.worker.take(message.queue_name)
            await asyncio.gather(*(lab.worker.run(message) for message in messages * 2), lab.relay())
    await lab.settle()

    phones = [one["body"]["phone"] for one in lab.loop.simulator.bookings]
    assert len(phones) == len(set(phones)) == 3 * 2 + 2
    assert await lab.contradictions() == []
