"""Bookings that happen once."""

from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest

from backend.services.errors import AppError
from backend.services.settlement import cancel_booking
from tests.services.conftest import Loop

PARK_AVENUE = 278278


async def states(loop: Loop) -> list[str]:
    return sorted(row.state for row in await loop.rows("SELECT state FROM bookings"))


async def test_three_matching_slots_and_one_watch_are_one_booking(loop: Loop) -> None:
    watch_id = await loop.watch(await loop.guest(), auto_book=True)
    loop.open("18:30", "19:00", "19:30")
    result = await loop.look()

    outcomes = await loop.book_all(result.work.bookings)

    assert len(loop.simulator.bookings) == 1
    assert [outcome.state for outcome in outcomes] == ["booked"]
    assert await states(loop) == ["booked", "lapsed", "lapsed"]
    watch = await loop.one("SELECT status, booked_at FROM watches WHERE id = :id", id=watch_id)
    assert (watch.status, watch.booked_at is not None) == ("booked", True)
    assert (await loop.one("SELECT answer -> 'party' AS party FROM bookings WHERE state = 'booked'")).party
    kinds = [row.kind for row in await loop.rows("SELECT kind FROM notification_log ORDER BY id")]
    assert kinds == ["table_open", "booked"]


async def test_the_same_message_delivered_twice_books_once(loop: Loop) -> None:
    await loop.watch(await loop.guest(), auto_book=True)
    loop.open("19:00")
    (booking_id,) = (await loop.look()).work.bookings
    await loop.book(booking_id)

    again = await loop.book(booking_id)

    assert again.state == "not_wanted"
    assert len(loop.simulator.bookings) == 1


async def test_five_people_and_one_table_are_one_booking_for_the_oldest_watch(loop: Loop) -> None:
    watches = [await loop.watch(await loop.guest(name), auto_book=True) for name in ("ann", "bob", "cat", "dan", "eve")]
    loop.open("19:00")

    result = await loop.look()
    await loop.book_all(result.work.bookings)
    again = await loop.look()
    await loop.book_all(again.work.bookings)

    assert len(result.work.bookings) == 1
    assert len(loop.simulator.bookings) == 1
    booked = await loop.one("SELECT watch_id FROM bookings WHERE state = 'booked'")
    assert booked.watch_id == watches[0]


async def test_after_a_booking_the_next_person_is_tried_when_the_table_is_still_open(loop: Loop) -> None:
    for name in ("ann", "bob"):
        await loop.watch(await loop.guest(name), auto_book=True)
    loop.open("19:00", tables=2)
    await loop.book_all((await loop.look()).work.bookings)
    assert len(loop.simulator.bookings) == 1

    again = await loop.look()
    await loop.book_all(again.work.bookings)

    assert len(loop.simulator.bookings) == 2
    assert await states(loop) == ["booked", "booked"]


async def test_a_refusal_promotes_the_next_slot_and_keeps_the_sentence(loop: Loop) -> None:
    await loop.watch(await loop.guest(), auto_book=True)
    loop.open("18:30", "19:00")
    result = await loop.look()
    order = {"kind": "refuse", "count": 1, "operation": "booking", "message": "Just taken."}
    loop.simulator.send("POST", "/control/trouble", order)

    outcomes = await loop.book_all(result.work.bookings)

    assert [outcome.state for outcome in outcomes] == ["refused", "booked"]
    assert (await loop.one("SELECT reason FROM bookings WHERE state = 'refused'")).reason == "Just taken."
    assert await loop.rows("SELECT 1 FROM notification_log WHERE kind = 'booking_refused'") == []


async def test_the_last_refusal_is_told(loop: Loop) -> None:
    await loop.watch(await loop.guest(), auto_book=True)
    loop.open("19:00")
    result = await loop.look()
    loop.simulator.send("POST", "/control/trouble", {"kind": "refuse", "operation": "booking"})

    await loop.book_all(result.work.bookings)

    assert await loop.rows("SELECT 1 FROM notification_log WHERE kind = 'booking_refused'")


@pytest.mark.parametrize("kind", ["accept-and-drop", "accept-and-500", "accept-and-hang", "no-party", "500", "reset"])
async def test_an_unclear_answer_is_unknown_never_repeated_and_told(loop: Loop, kind: str) -> None:
    await loop.watch(await loop.guest(), auto_book=True)
    loop.open("18:30", "19:00")
    result = await loop.look()
    loop.simulator.send("POST", "/control/trouble", {"kind": kind, "count": 1, "operation": "booking"})

    outcomes = await loop.book_all(result.work.bookings)
    again = await loop.look()
    await loop.book_all(again.work.bookings)
    await loop.relay()

    assert [outcome.state for outcome in outcomes] == ["unknown"]
    assert await states(loop) == ["lapsed", "unknown"]
    assert loop.simulator.get("/control/statistics")["requests_by_operation"]["booking"] == 1
    told = await loop.rows("SELECT recipient FROM notification_log WHERE kind = 'booking_unknown' ORDER BY id")
    assert [row.recipient for row in told] == ["alice@guests.test", "operator@tracker.test"]


async def test_after_an_unknown_outcome_the_next_person_is_tried(loop: Loop) -> None:
    for name in ("ann", "bob"):
        await loop.watch(await loop.guest(name), auto_book=True)
    loop.open("19:00", tables=2)
    result = await loop.look()
    loop.simulator.send("POST", "/control/trouble", {"kind": "500", "count": 1, "operation": "booking"})

    outcomes = await loop.book_all(result.work.bookings)

    assert [outcome.state for outcome in outcomes] == ["unknown", "booked"]


async def test_a_person_never_holds_two_bookings_for_one_meal(loop: Loop) -> None:
    alice = await loop.guest()
    await loop.watch(alice, auto_book=True)
    await loop.watch(alice, "houston_s_pasadena", auto_book=True)
    loop.open("19:00")
    loop.open("19:00", merchant=278270)

    result = await loop.look()
    outcomes = [await loop.book(booking_id) for booking_id in result.work.bookings]

    assert sorted(outcome.state for outcome in outcomes) == ["booked", "not_wanted"]
    assert len(loop.simulator.bookings) == 1


async def test_a_telephone_number_never_holds_two_bookings_for_one_meal(loop: Loop) -> None:
    for name, location in (("ann", "peachtree"), ("bob", "houston_s_pasadena")):
        await loop.watch(await loop.guest(name), location, auto_book=True, phone="(404) 555-0123")
    loop.open("19:00")
    loop.open("19:00", merchant=278270)
    result = await loop.look()
    # Both were asked for before either was made.
    await loop.execute("UPDATE bookings SET state = 'attempting' WHERE id = :id", id=result.work.bookings[0])

    outcome = await loop.book(result.work.bookings[1])

    assert outcome.state == "waits"
    assert loop.simulator.bookings == []


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("UPDATE watches SET status = 'cancelled'", "the watch is cancelled"),
        ("UPDATE watches SET auto_book = false", "booking was not wanted"),
        ("UPDATE locations SET auto_book_allowed = false", "automatic booking is off for this restaurant"),
        ("UPDATE switches SET is_on = false WHERE name = 'booking'", "automatic booking is switched off"),
        ("UPDATE slot_drops SET gone_at = now()", "the table was gone"),
        ("UPDATE users SET disabled_at = now()", "the account is disabled"),
        (
            "WITH seen AS (UPDATE slot_drops SET last_seen_at = now() - interval '3 minutes') "
            "UPDATE bookings SET wanted_at = now() - interval '3 minutes'",
            "not attempted within 120 seconds",
        ),
    ],
)
async def test_what_changed_since_the_match_is_read_again_before_booking(loop: Loop, change: str, reason: str) -> None:
    await loop.watch(await loop.guest(), auto_book=True)
    loop.open("19:00")
    (booking_id,) = (await loop.look()).work.bookings
    await loop.execute(change)

    outcome = await loop.book(booking_id)

    assert (outcome.state, outcome.reason) == ("lapsed", reason)
    assert loop.simulator.bookings == []


async def test_a_chance_counts_from_the_last_look_that_saw_its_table(loop: Loop) -> None:
    await loop.watch(await loop.guest(), auto_book=True)
    loop.open("19:00")
    (booking_id,) = (await loop.look()).work.bookings
    await loop.execute("UPDATE bookings SET wanted_at = now() - interval '3 minutes'")

    outcome = await loop.book(booking_id)

    assert outcome.state == "booked"


async def test_a_chance_that_lapsed_of_age_is_tried_again_when_its_table_is_still_open(loop: Loop) -> None:
    await loop.watch(await loop.guest(), auto_book=True)
    loop.open("19:00")
    (booking_id,) = (await loop.look()).work.bookings
    await loop.execute("UPDATE slot_drops SET last_seen_at = now() - interval '3 minutes'")
    await loop.execute("UPDATE bookings SET wanted_at = now() - interval '3 minutes'")
    await loop.relay()

    before = await states(loop)
    again = (await loop.look()).work.bookings
    await loop.book_all(again)

    assert (before, again) == (["lapsed"], (booking_id,))
    assert await states(loop) == ["booked"]


@pytest.mark.parametrize("change", ["status = 'paused'", "auto_book = false"])
async def test_a_chance_that_lapsed_stays_so_when_no_booking_is_wanted_any_more(loop: Loop, change: str) -> None:
    await loop.watch(await loop.guest(), auto_book=True)
    loop.open("19:00")
    await loop.look()
    await loop.execute(f"UPDATE watches SET {change}")
    await loop.execute("UPDATE bookings SET state = 'lapsed', reason = 'not attempted within 120 seconds'")

    await loop.look()

    assert await states(loop) == ["lapsed"]


async def test_new_york_restaurants_are_not_booked_automatically(loop: Loop) -> None:
    watch_id = await loop.watch(await loop.guest(), "hillstone_park_avenue")
    await loop.execute("UPDATE watches SET auto_book = true WHERE id = :id", id=watch_id)
    loop.open("19:00", merchant=PARK_AVENUE)

    result = await loop.look()

    assert result.matches == 1
    assert result.work.bookings == ()
    assert await states(loop) == []


async def test_a_dry_run_says_so_and_sends_nothing_upstream(loop: Loop) -> None:
    await loop.watch(await loop.guest(), auto_book=True)
    loop.open("18:30", "19:00")
    result = await loop.look()

    outcomes = await loop.book_all(result.work.bookings, auto_book="dry-run")

    assert [outcome.state for outcome in outcomes] == ["dry_run"]
    assert loop.simulator.bookings == []
    assert await loop.rows("SELECT 1 FROM notification_log WHERE kind = 'booking_dry_run'")


async def test_automatic_booking_that_is_off_books_nothing(loop: Loop) -> None:
    await loop.watch(await loop.guest(), auto_book=True)
    loop.open("19:00")
    result = await loop.look()

    outcomes = await loop.book_all(result.work.bookings, auto_book="off")

    assert [outcome.state for outcome in outcomes] == ["lapsed"]
    assert loop.simulator.bookings == []


async def test_a_booking_that_never_left_is_wanted_again(loop: Loop) -> None:
    await loop.watch(await loop.guest(), auto_book=True)
    loop.open("19:00")
    (booking_id,) = (await loop.look()).work.bookings
    await loop.r.redis.hset("budget:state", "pause_until", 2**52)

    outcome = await loop.book(booking_id)

    booking = await loop.one("SELECT state, claim_token, dispatched_at FROM bookings")
    assert outcome.state == "not_sent"
    assert (booking.state, booking.claim_token, booking.dispatched_at) == ("wanted", None, None)


async def test_an_attempt_whose_worker_died_becomes_unknown_and_is_never_repeated(loop: Loop) -> None:
    await loop.watch(await loop.guest(), auto_book=True)
    loop.open("19:00")
    (booking_id,) = (await loop.look()).work.bookings
    await loop.execute(
        "UPDATE bookings SET state = 'attempting', claim_token = gen_random_uuid(), "
        "lease_until = now() - interval '1 second'"
    )

    found: Any = await loop.relay()
    again = await loop.book(booking_id)

    assert found.lost_bookings == 1
    assert again.state == "not_wanted"
    assert await states(loop) == ["unknown"]
    assert len(await loop.rows("SELECT 1 FROM notification_log WHERE kind = 'booking_unknown'")) == 2
    assert loop.simulator.bookings == []


def refuse(loop: Loop, count: int | None = None) -> None:
    order = {"kind": "refuse", "operation": "booking", "message": "Just taken."}
    loop.simulator.send("POST", "/control/trouble", order if count is None else {**order, "count": count})


async def refusals_told(loop: Loop) -> list[Any]:
    return [
        row.booking_id
        for row in await loop.rows("SELECT booking_id FROM notification_log WHERE kind = 'booking_refused' ORDER BY id")
    ]


@pytest.mark.parametrize(
    ("wishes", "clock"),
    [
        ({"slot_preference": "earliest"}, "18:30"),
        ({"slot_preference": "latest"}, "19:45"),
        ({"slot_preference": "nearest", "preferred_time": time(19)}, "19:00"),
    ],
)
async def test_the_table_that_the_person_likes_best_is_booked(loop: Loop, wishes: dict[str, Any], clock: str) -> None:
    await loop.watch(await loop.guest(), auto_book=True, **wishes)
    loop.open("18:30", "19:00", "19:45")

    await loop.book_all((await loop.look()).work.bookings)

    assert [one["local"][-5:] for one in loop.simulator.bookings] == [clock]


async def test_a_younger_watch_of_a_later_look_does_not_pass_the_older_one(loop: Loop) -> None:
    older = await loop.watch(await loop.guest("ann"), auto_book=True)
    loop.open("18:30", "19:00")
    await loop.look()
    await loop.watch(await loop.guest("bob"), auto_book=True)
    loop.close("18:30")

    (chosen,) = (await loop.look()).work.bookings

    assert (await loop.one("SELECT watch_id FROM bookings WHERE id = :id", id=chosen)).watch_id == older


async def test_a_watch_that_was_too_often_refused_today_tries_no_more_and_hears_so_once(loop: Loop) -> None:
    await loop.watch(await loop.guest(), auto_book=True)
    loop.open("18:00", "18:15", "18:30", "18:45", "19:00", "19:15", "19:30")
    refuse(loop)

    outcomes = await loop.book_all((await loop.look()).work.bookings)
    await loop.look()
    await loop.relay()

    assert [outcome.state for outcome in outcomes] == ["refused"] * 5
    lapsed = await loop.rows("SELECT reason FROM bookings WHERE state = 'lapsed'")
    assert [row.reason for row in lapsed] == ["this watch was refused 5 times within a day"] * 2
    last = await loop.one("SELECT max(id) AS id FROM bookings WHERE state = 'refused'")
    assert await refusals_told(loop) == [last.id]


async def test_a_table_that_six_people_could_not_get_is_left_alone(loop: Loop) -> None:
    for name in ("ann", "bob", "cat", "dan", "eve", "fay", "gus"):
        await loop.watch(await loop.guest(name), auto_book=True)
    loop.open("19:00")
    refuse(loop)

    outcomes = await loop.book_all((await loop.look()).work.bookings)

    assert [outcome.state for outcome in outcomes] == ["refused"] * 6
    assert (await loop.one("SELECT reason FROM bookings WHERE state = 'lapsed'")).reason.startswith("6 people tried")
    assert len(await refusals_told(loop)) == 6


async def test_a_refusal_is_told_once_when_the_watch_has_nothing_left_later(loop: Loop) -> None:
    await loop.watch(await loop.guest(), auto_book=True)
    loop.open("18:30", "19:00")
    (booking_id,) = (await loop.look()).work.bookings
    refuse(loop, 1)
    await loop.book(booking_id)
    before = await refusals_told(loop)

    loop.close("19:00")
    await loop.look()
    await loop.relay()
    await loop.relay()

    assert (before, await refusals_told(loop)) == ([], [booking_id])


async def test_a_refusal_does_not_matter_to_who_has_a_table_after_all(loop: Loop) -> None:
    await loop.watch(await loop.guest(), auto_book=True)
    loop.open("18:30", "19:00")
    refuse(loop, 1)

    await loop.book_all((await loop.look()).work.bookings)
    await loop.relay()

    assert await states(loop) == ["booked", "refused"]
    assert await refusals_told(loop) == []


async def test_a_table_that_starts_too_soon_is_told_of_and_not_booked(loop: Loop) -> None:
    await loop.watch(await loop.guest(), auto_book=True, min_notice_minutes=10080)
    loop.open("19:00")

    result = await loop.look()

    assert result.work.bookings == ()
    assert [row.kind for row in await loop.rows("SELECT kind FROM notification_log")] == ["table_open"]


async def test_the_notice_is_read_again_before_booking(loop: Loop) -> None:
    await loop.watch(await loop.guest(), auto_book=True)
    loop.open("19:00")
    (booking_id,) = (await loop.look()).work.bookings
    await loop.execute("UPDATE watches SET min_notice_minutes = 10080")

    outcome = await loop.book(booking_id)

    assert (outcome.state, "10080 minutes of notice" in str(outcome.reason)) == ("lapsed", True)
    assert loop.simulator.bookings == []


@pytest.mark.parametrize("auto_book", ["on", "dry-run"])
async def test_without_all_details_nothing_is_sent(loop: Loop, auto_book: str) -> None:
    await loop.watch(await loop.guest(), auto_book=True)
    loop.open("19:00")
    (booking_id,) = (await loop.look()).work.bookings
    await loop.execute("UPDATE watches SET book_last_name = NULL, book_phone = ''")

    outcome = await loop.book(booking_id, auto_book)

    assert (outcome.state, outcome.reason) == ("lapsed", "the booking details are incomplete: last name, phone")
    assert loop.simulator.bookings == []


async def test_a_dry_run_stands_back_where_a_booking_would(loop: Loop) -> None:
    for name in ("ann", "bob"):
        await loop.watch(await loop.guest(name), auto_book=True, phone="4045550123")
    loop.open("18:30", "19:00")
    first, second = (await loop.look()).work.bookings
    await loop.execute("UPDATE bookings SET state = 'booked' WHERE id = :id", id=first)

    outcome = await loop.book(second, "dry-run")

    assert (outcome.state, outcome.reason) == ("lapsed", "this person has a booking for this meal")


async def test_a_booking_pauses_ones_other_watches_for_that_meal_and_says_why(loop: Loop) -> None:
    alice, bob = await loop.guest(), await loop.guest("bob")
    await loop.watch(alice, auto_book=True)
    await loop.watch(alice, "houston_s_pasadena")
    await loop.watch(alice, "houston_s_pasadena", time_start=time(12), time_end=time(14))
    await loop.watch(alice, "houston_s_pasadena", time_start=time(12), time_end=time(22))
    await loop.watch(alice, "houston_s_pasadena", target_date=loop.day + timedelta(days=1))
    await loop.watch(bob, "houston_s_pasadena")
    loop.open("19:00")

    await loop.book_all((await loop.look()).work.bookings)

    rows = await loop.rows("SELECT status, note FROM watches ORDER BY id")
    assert [row.status for row in rows] == ["booked", "paused", "active", "active", "active", "active"]
    assert [row.note for row in rows if row.note] == ["paused: you have a table at Houston's - Peachtree, 7:00 PM"]


async def test_a_booking_cannot_be_cancelled_while_it_is_being_made(loop: Loop) -> None:
    alice = await loop.guest()
    await loop.watch(alice, auto_book=True)
    loop.open("19:00")
    (booking_id,) = (await loop.look()).work.bookings
    await loop.execute("UPDATE bookings SET state = 'attempting', lease_until = now() + interval '1 minute'")

    with pytest.raises(AppError) as refusal:
        await cancel_booking(loop.r.sessions, booking_id, user_id=alice.id, now=datetime.now(UTC))

    assert refusal.value.status == 409
    assert (await loop.one("SELECT state FROM bookings")).state == "attempting"
