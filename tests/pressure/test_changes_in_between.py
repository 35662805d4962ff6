"""Watches that are changed between a match and what follows from it: what counts is what the guest wants now."""

from datetime import time
from typing import Any

import pytest

from tests.pressure.laboratory import Laboratory

PAUSE, RESUME, CANCEL = "status = 'paused'", "status = 'active'", "status = 'cancelled'"
ONLY_SEVEN = "time_start = '19:00', time_end = '19:00'"
ONLY_EIGHT = "time_start = '20:00', time_end = '20:00'"
ALL_EVENING = "time_start = '17:00', time_end = '22:00'"


async def matched(lab: Laboratory, *times: str, **wish: Any) -> int:
    """A watch for which tables were found, and nobody has done anything about it yet."""
    watch_id = await lab.loop.watch(await lab.loop.guest(), **wish)
    lab.loop.open(*times)
    await lab.look()
    return watch_id


def told_times(lab: Laboratory) -> list[list[str]]:
    """The times that each mail about open tables names, oldest mail first."""
    clocks = {"6:30 PM": "18:30", "7:00 PM": "19:00", "7:30 PM": "19:30", "9:00 PM": "21:00"}
    mails = [mail for mail in reversed(lab.loop.simulator.mails) if "pen" in mail["subject"]]
    return [[clock for words, clock in clocks.items() if words in mail["text"]] for mail in mails]


async def reasons(lab: Laboratory, table: str) -> list[str]:
    column = {"notification_log": "error_message", "bookings": "reason"}[table]
    return [row[0] for row in await lab.loop.rows(f"SELECT {column} FROM {table} ORDER BY id")]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (PAUSE, "the watch was paused"),
        (CANCEL, "the watch was cancelled"),
        (ONLY_EIGHT, "the watch was changed"),
        ("party_size = 4", "the watch was changed"),
    ],
)
async def test_what_is_no_longer_wanted_is_not_told_and_says_why(lab: Laboratory, change: str, reason: str) -> None:
    watch_id = await matched(lab, "19:00")
    await lab.loop.execute(
        "INSERT INTO scan_groups (location_key, target_date, party_size) "
        "SELECT location_key, target_date, 4 FROM watches"
    )
    await lab.change(watch_id, change)

    await lab.worker.drain(["notify"])

    assert lab.loop.simulator.mails == []
    assert await reasons(lab, "notification_log") == [reason]


async def test_a_narrowed_watch_is_told_only_of_what_it_still_wants(lab: Laboratory) -> None:
    watch_id = await matched(lab, "18:30", "19:00", "19:30")
    await lab.change(watch_id, ONLY_SEVEN)

    await lab.worker.drain(["notify"])

    assert told_times(lab) == [["19:00"]]


async def test_a_widened_watch_hears_of_what_was_open_already(lab: Laboratory) -> None:
    watch_id = await matched(lab, "19:00", "21:00")
    await lab.change(watch_id, ALL_EVENING)

    await lab.worker.drain()
    await lab.settle()

    assert told_times(lab) == [["19:00"], ["21:00"]]


@pytest.mark.parametrize(("away", "back"), [(PAUSE, RESUME), (ONLY_EIGHT, ALL_EVENING)])
async def test_a_table_that_was_not_told_while_it_was_not_wanted_is_told_when_it_is_wanted_again(
    lab: Laboratory, away: str, back: str
) -> None:
    watch_id = await matched(lab, "19:00")
    await lab.change(watch_id, away)
    await lab.worker.drain(["notify"])
    await lab.change(watch_id, back)

    await lab.settle()

    assert told_times(lab) == [["19:00"]]


async def test_a_part_of_a_message_that_was_left_out_is_told_when_it_is_wanted_again(lab: Laboratory) -> None:
    watch_id = await matched(lab, "18:30", "19:00")
    await lab.change(watch_id, ONLY_SEVEN)
    await lab.worker.drain(["notify"])
    await lab.change(watch_id, ALL_EVENING)

    await lab.settle()

    assert told_times(lab) == [["19:00"], ["18:30"]]


async def test_a_change_while_a_look_is_under_way_is_matched_by_that_look_or_the_next(lab: Laboratory) -> None:
    watch_id = await lab.loop.watch(await lab.loop.guest(), time_start=time(20), time_end=time(20))
    lab.loop.open("19:00")
    await lab.look()
    await lab.ask_for_looks()
    await lab.begin("scan", 0, "after")
    await lab.change(watch_id, ALL_EVENING)

    await lab.go_on()
    await lab.settle()

    assert told_times(lab) == [["19:00"]]


async def test_a_watch_that_is_made_while_a_look_is_under_way_is_not_forgotten(lab: Laboratory) -> None:
    await lab.loop.watch(await lab.loop.guest("ann"))
    lab.loop.open("19:00")
    await lab.ask_for_looks()
    await lab.begin("scan", 0, "after")
    await lab.loop.watch(await lab.loop.guest("bob"))

    await lab.go_on()
    await lab.settle()

    assert told_times(lab) == [["19:00"], ["19:00"]]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (PAUSE, "the watch is paused"),
        (CANCEL, "the watch is cancelled"),
        ("auto_book = false", "booking was not wanted"),
        (ONLY_EIGHT, "the watch was changed"),
    ],
)
async def test_what_is_no_longer_wanted_is_not_booked_and_says_why(lab: Laboratory, change: str, reason: str) -> None:
    watch_id = await matched(lab, "19:00", auto_book=True)
    await lab.change(watch_id, change)

    await lab.worker.drain(["book"])

    assert lab.loop.simulator.bookings == []
    assert await reasons(lab, "bookings") == [reason]


async def test_a_narrowed_watch_books_only_what_it_still_wants(lab: Laboratory) -> None:
    watch_id = await matched(lab, "18:30", "19:00", "19:30", auto_book=True)
    await lab.change(watch_id, ONLY_SEVEN)

    await lab.worker.drain(["book"])

    assert [one["local"][-5:] for one in lab.loop.simulator.bookings] == ["19:00"]


@pytest.mark.parametrize(
    ("away", "back"), [(PAUSE, RESUME), (ONLY_EIGHT, ALL_EVENING), ("auto_book = false", "auto_book = true")]
)
async def test_a_table_that_was_not_booked_while_it_was_not_wanted_is_booked_when_it_is_wanted_again(
    lab: Laboratory, away: str, back: str
) -> None:
    watch_id = await matched(lab, "19:00", auto_book=True)
    await lab.change(watch_id, away)
    await lab.worker.drain(["book"])
    await lab.change(watch_id, back)

    await lab.settle()

    assert len(lab.loop.simulator.bookings) == 1


async def test_a_cancelled_watch_whose_booking_is_under_way_is_still_told_of_it(lab: Laboratory) -> None:
    watch_id = await matched(lab, "19:00", auto_book=True)
    await lab.begin("book", 0, "after")
    await lab.change(watch_id, CANCEL)

    await lab.go_on()
    await lab.settle()

    assert (await lab.loop.one("SELECT state FROM bookings")).state == "booked"
    assert await lab.loose_ends() == []
