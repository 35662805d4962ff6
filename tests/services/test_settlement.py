"""People say what became of bookings: guests, operators, and the restaurant that answers late."""

import asyncio
from datetime import UTC, datetime, time
from typing import Any, Literal
from uuid import uuid4

import pytest

from backend.clients.wisely import Reply
from backend.services.errors import AppError
from backend.services.own_data import delete_account
from backend.services.settlement import Verdict, cancel_booking, settle_by_guest, settle_by_operator
from backend.services.verdict import write_verdict
from backend.services.watch_changes import act_on_watch
from backend.services.work import Work
from tests.services.conftest import PASADENA, Loop

LATE: dict[str, Reply] = {
    "booked": Reply("booked", None, {"party": "late"}),
    "refused": Reply("refused", "Just taken.", {"message": "Just taken."}),
}


async def settle(loop: Loop, booking_id: int, verdict: Verdict, *, by: Any = None, note: str | None = None) -> Work:
    """By a guest, or without one by an operator."""
    how: Any = {"note": note, "operators": loop.r.settings.operators, "now": datetime.now(UTC)}
    if by is None:
        return await settle_by_operator(loop.r.sessions, booking_id, verdict, **how)
    return await settle_by_guest(loop.r.sessions, booking_id, verdict, user_id=by.id, **how)


async def cancel(loop: Loop, booking_id: int, user: Any) -> Work:
    return await cancel_booking(loop.r.sessions, booking_id, user_id=user.id, now=datetime.now(UTC))


async def attempted(loop: Loop, user: Any, kind: str | None = "accept-and-500", **wishes: Any) -> int:
    """A watch of that guest whose first table was tried, with that trouble; the booking's id."""
    await loop.watch(user, auto_book=True, **wishes)
    loop.open("18:30", "19:00")
    (booking_id,) = (await loop.look()).work.bookings
    if kind is not None:
        loop.simulator.send("POST", "/control/trouble", {"kind": kind, "count": 1, "operation": "booking"})
    await loop.book(booking_id)
    return booking_id


async def state(loop: Loop, booking_id: int) -> str:
    return str((await loop.one("SELECT state FROM bookings WHERE id = :id", id=booking_id)).state)


async def told(loop: Loop) -> list[str]:
    rows = await loop.rows("SELECT kind FROM notification_log WHERE kind <> 'table_open' ORDER BY id")
    return [row.kind for row in rows]


async def conflict(work: Any) -> int:
    """The status of the refusal; 200 when it was done."""
    try:
        await work
    except AppError as refused:
        return refused.status
    return 200


async def test_a_guest_who_has_the_table_ends_the_watch_and_hears_nothing_more(loop: Loop) -> None:
    alice = await loop.guest()
    booking_id = await attempted(loop, alice)

    work = await settle(loop, booking_id, "booked", by=alice, note="Their mail came")

    row = await loop.one("SELECT state, reason, settled_by, note FROM bookings WHERE id = :id", id=booking_id)
    assert tuple(row) == ("booked", None, "guest", "Their mail came")
    assert (await loop.one("SELECT status FROM watches")).status == "booked"
    assert work == Work()
    assert await told(loop) == ["booking_unknown", "booking_unknown"]


async def test_a_watch_that_was_cancelled_meanwhile_stays_cancelled(loop: Loop) -> None:
    alice = await loop.guest()
    booking_id = await attempted(loop, alice)
    row = await loop.one("SELECT id FROM watches")
    await act_on_watch(loop.r.sessions, alice.id, row.id, "cancel", now=datetime.now(UTC))

    await settle(loop, booking_id, "booked", by=alice)

    assert (await loop.one("SELECT status FROM watches")).status == "cancelled"


async def test_an_operator_who_settles_it_tells_the_guest(loop: Loop) -> None:
    booking_id = await attempted(loop, await loop.guest())

    work = await settle(loop, booking_id, "booked")

    assert len(work.messages) == 1
    assert (await told(loop))[2:] == ["booked"]


async def test_a_table_that_is_not_ones_own_frees_the_meal_and_the_next_one_is_booked(loop: Loop) -> None:
    alice = await loop.guest()
    booking_id = await attempted(loop, alice, "500")
    before = await loop.book_all((await loop.look()).work.bookings)

    await settle(loop, booking_id, "not_booked", by=alice)
    due = await loop.one("SELECT bool_and(next_scan_at <= now()) AS is_due FROM scan_groups")
    after = await loop.book_all((await loop.look()).work.bookings)

    assert before == []
    assert due.is_due
    assert [outcome.state for outcome in after] == ["booked"]
    assert await state(loop, booking_id) == "refused"
    assert await told(loop) == ["booking_unknown", "booking_unknown", "booked"]


async def test_an_operators_no_is_told_as_a_refusal_when_nothing_else_is_wanted(loop: Loop) -> None:
    booking_id = await attempted(loop, await loop.guest(), "500")
    loop.close("18:30", "19:00")

    await settle(loop, booking_id, "not_booked")
    await loop.look()
    await loop.relay()

    assert (await told(loop))[2:] == ["booking_refused"]


async def test_an_operators_no_is_told_to_who_booked_by_hand(loop: Loop) -> None:
    booking_id = await attempted(loop, await loop.guest(), "500")
    await loop.execute("UPDATE bookings SET watch_id = NULL, drop_id = NULL WHERE id = :id", id=booking_id)

    work = await settle(loop, booking_id, "not_booked")

    row = await loop.one("SELECT id, booking_id FROM notification_log WHERE kind = 'booking_refused'")
    assert (row.booking_id, work.messages) == (booking_id, ((row.id, "email"),))


async def test_one_telephone_number_is_free_again_for_everybody_who_shares_it(loop: Loop) -> None:
    alice, bob = await loop.guest(), await loop.guest("bob")
    phone = "4045550123"
    await loop.watch(bob, "houston_s_pasadena", auto_book=True, phone=phone)
    booking_id = await attempted(loop, alice, "500", phone=phone)
    loop.close("18:30", "19:00")
    loop.open("19:00", merchant=PASADENA)
    blocked = await loop.book_all((await loop.look()).work.bookings)

    await settle(loop, booking_id, "not_booked", by=alice)
    outcomes = await loop.book_all((await loop.look()).work.bookings)

    assert [outcome.state for outcome in blocked] == ["lapsed"]
    assert [outcome.state for outcome in outcomes] == ["booked"]


async def test_what_is_said_twice_is_said_once_and_the_other_thing_is_refused(loop: Loop) -> None:
    alice = await loop.guest()
    booking_id = await attempted(loop, alice)
    await settle(loop, booking_id, "booked", by=alice)

    again = await settle(loop, booking_id, "booked")

    assert again == Work()
    assert await conflict(settle(loop, booking_id, "not_booked")) == 409
    assert await state(loop, booking_id) == "booked"


@pytest.mark.parametrize("now", ["wanted", "attempting", "lapsed", "cancelled", "dry_run"])
async def test_only_an_unknown_booking_can_be_settled(loop: Loop, now: str) -> None:
    alice = await loop.guest()
    booking_id = await attempted(loop, alice)
    await loop.execute("UPDATE bookings SET state = :state WHERE id = :id", id=booking_id, state=now)

    assert await conflict(settle(loop, booking_id, "booked", by=alice)) == 409
    assert await conflict(settle(loop, booking_id, "not_booked")) == 409
    assert await state(loop, booking_id) == now


async def test_nobody_settles_or_cancels_anybody_elses(loop: Loop) -> None:
    booking_id = await attempted(loop, await loop.guest())
    charlie = await loop.guest("charlie")

    assert await conflict(settle(loop, booking_id, "booked", by=charlie)) == 404
    assert await conflict(cancel(loop, booking_id, charlie)) == 404
    assert await conflict(settle(loop, 10**30, "booked", by=charlie)) == 404
    assert await conflict(settle(loop, 4711, "booked")) == 404
    assert await state(loop, booking_id) == "unknown"


async def test_guest_and_operator_at_once_are_one_verdict(loop: Loop) -> None:
    alice = await loop.guest()
    booking_id = await attempted(loop, alice)

    said = await asyncio.gather(
        conflict(settle(loop, booking_id, "booked", by=alice)), conflict(settle(loop, booking_id, "not_booked"))
    )

    assert sorted(said) == [200, 409]
    assert await state(loop, booking_id) == ("booked" if said[0] == 200 else "refused")


@pytest.mark.parametrize(
    ("said", "answered", "stands", "outcome"),
    [
        ("booked", "booked", "booked", "too_late"),
        ("booked", "refused", "booked", "too_late"),
        ("not_booked", "refused", "refused", "too_late"),
        ("not_booked", "booked", "booked", "booked"),
    ],
)
async def test_a_late_answer_is_kept_and_only_a_table_overrules_what_people_said(
    loop: Loop, said: Literal["booked", "not_booked"], answered: str, stands: str, outcome: str
) -> None:
    alice = await loop.guest()
    booking_id = await attempted(loop, alice, "reset")
    token = uuid4()
    await loop.execute("UPDATE bookings SET claim_token = :token WHERE id = :id", id=booking_id, token=token)
    await settle(loop, booking_id, said, by=alice)

    late = await write_verdict(
        loop.r.sessions, booking_id, LATE[answered], token=token, operators=(), now=datetime.now(UTC)
    )

    assert (late.state, await state(loop, booking_id)) == (outcome, stands)
    assert (await loop.one("SELECT answer FROM bookings WHERE id = :id", id=booking_id)).answer == LATE[answered].answer


@pytest.mark.parametrize("answered", ["booked", "refused"])
async def test_a_verdict_whose_commit_got_no_answer_is_known_again_and_followed_at_once(
    loop: Loop, answered: str
) -> None:
    ann, bob = await loop.guest("ann"), await loop.guest("bob")
    await loop.watch(ann, auto_book=True)
    await loop.watch(bob, auto_book=True, time_start=time(18, 45))
    loop.open("18:30", "19:00")
    first, second = (await loop.look()).work.bookings
    await loop.execute(
        "UPDATE bookings SET state = 'lapsed' WHERE state = 'wanted' AND id NOT IN (:first, :second)",
        first=first,
        second=second,
    )
    token = uuid4()
    await loop.execute(
        "UPDATE bookings SET state = 'attempting', claim_token = :token WHERE id = :id", id=first, token=token
    )

    once, again = [
        await write_verdict(loop.r.sessions, first, LATE[answered], token=token, operators=(), now=datetime.now(UTC))
        for _ in range(2)
    ]

    assert (again.state, again.reason) == (once.state, once.reason) == (answered, LATE[answered].reason)
    assert again.work == once.work
    assert again.work.messages
    assert again.work.bookings == (second,)


async def test_a_forgotten_guest_is_not_named_again_by_a_late_answer(loop: Loop) -> None:
    alice = await loop.guest()
    booking_id = await attempted(loop, alice, "reset")
    token = uuid4()
    await loop.execute("UPDATE bookings SET claim_token = :token WHERE id = :id", id=booking_id, token=token)
    await delete_account(loop.r.sessions, alice.id)

    late = await write_verdict(
        loop.r.sessions, booking_id, LATE["booked"], token=token, operators=(), now=datetime.now(UTC)
    )

    row = await loop.one("SELECT state, answer FROM bookings WHERE id = :id", id=booking_id)
    assert (late.state, tuple(row)) == ("too_late", ("unknown", None))


async def test_a_late_table_never_makes_two_live_bookings_for_a_meal_but_both_are_told(loop: Loop) -> None:
    alice = await loop.guest()
    booking_id = await attempted(loop, alice, "500")
    token = uuid4()
    await loop.execute("UPDATE bookings SET claim_token = :token WHERE id = :id", id=booking_id, token=token)
    await settle(loop, booking_id, "not_booked", by=alice)
    await loop.book_all((await loop.look()).work.bookings)
    await loop.send_all()

    late, again = [
        await write_verdict(
            loop.r.sessions,
            booking_id,
            LATE["booked"],
            token=token,
            operators=loop.r.settings.operators,
            now=datetime.now(UTC),
        )
        for _ in range(2)
    ]
    sent = await loop.send_all()

    assert (late.state, len(late.work.messages), again.work) == ("too_late", 2, Work())
    assert len(await loop.rows("SELECT 1 FROM bookings WHERE state = 'booked'")) == 1
    row = await loop.one("SELECT state, reason FROM bookings WHERE id = :id", id=booking_id)
    assert (row.state, row.reason) == ("refused", "the restaurant says that it has this booking as well")
    assert [(one.kind, one.status) for one in sent] == [("booked", "sent"), ("booking_unknown", "sent")]
    assert "Booked for you" in loop.simulator.mails[1]["subject"]


async def test_settling_against_a_late_answer_ends_in_one_verdict(loop: Loop) -> None:
    alice = await loop.guest()
    booking_id = await attempted(loop, alice, "reset")
    token = uuid4()
    await loop.execute("UPDATE bookings SET claim_token = :token WHERE id = :id", id=booking_id, token=token)

    said, _ = await asyncio.gather(
        conflict(settle(loop, booking_id, "not_booked", by=alice)),
        write_verdict(loop.r.sessions, booking_id, LATE["booked"], token=token, operators=(), now=datetime.now(UTC)),
    )

    assert said in (200, 409)
    assert await state(loop, booking_id) == "booked"


async def test_a_cancelled_booking_frees_the_meal_and_leaves_paused_watches_paused(loop: Loop) -> None:
    alice = await loop.guest()
    await loop.watch(alice, "houston_s_pasadena")
    booking_id = await attempted(loop, alice, None)
    before = await loop.one("SELECT status, note FROM watches WHERE location_key <> 'peachtree'")

    await cancel(loop, booking_id, alice)
    again = await cancel(loop, booking_id, alice)

    booking = await loop.one("SELECT state, cancelled_at FROM bookings WHERE id = :id", id=booking_id)
    after = await loop.one("SELECT status, note FROM watches WHERE location_key <> 'peachtree'")
    assert (booking.state, booking.cancelled_at is not None, again) == ("cancelled", True, Work())
    assert tuple(before) == ("paused", "paused: you have a table at Houston's - Peachtree, 6:30 PM")
    assert after.status == "paused"
    assert "was cancelled; resume this watch" in after.note


async def test_after_a_cancellation_another_watch_for_that_meal_books_again(loop: Loop) -> None:
    alice = await loop.guest()
    await loop.watch(alice, "houston_s_pasadena", auto_book=True, time_start=time(12), time_end=time(22))
    loop.open("19:00", merchant=PASADENA)
    booking_id = await attempted_elsewhere(loop, alice)

    blocked = await loop.book_all((await loop.look()).work.bookings)
    await cancel(loop, booking_id, alice)
    outcomes = await loop.book_all((await loop.look()).work.bookings)

    assert blocked == []
    assert [outcome.state for outcome in outcomes] == ["booked"]


async def attempted_elsewhere(loop: Loop, user: Any) -> int:
    """Peachtree's table is booked while Pasadena's is open too."""
    watch_id = await loop.watch(user, auto_book=True)
    loop.open("19:00")
    await loop.look()
    row = await loop.one("SELECT id FROM bookings WHERE watch_id = :id", id=watch_id)
    await loop.book(row.id)
    return int(row.id)


@pytest.mark.parametrize("now", ["attempting", "unknown", "refused", "wanted"])
async def test_only_a_booked_table_can_be_cancelled(loop: Loop, now: str) -> None:
    alice = await loop.guest()
    booking_id = await attempted(loop, alice, None)
    await loop.execute("UPDATE bookings SET state = :state WHERE id = :id", id=booking_id, state=now)

    assert await conflict(cancel(loop, booking_id, alice)) == 409
