"""What messages say of how things stand, read when they are sent."""

import pytest
from sqlalchemy import text

from tests.services.conftest import Loop


async def alert(loop: Loop, *, auto_book: bool) -> int:
    await loop.watch(await loop.guest(), auto_book=auto_book)
    loop.open("19:15")
    await loop.look()
    return int((await loop.one("SELECT id FROM notification_log")).id)


async def change(loop: Loop, statement: str) -> None:
    async with loop.r.sessions.begin() as session:
        await session.execute(text(statement))


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("wanted", "You are in line for having it booked"),
        ("attempting", "We are trying to book it for you."),
        ("lapsed", "We are not booking this for you."),
    ],
)
async def test_an_alert_tells_how_its_booking_stands(loop: Loop, state: str, words: str) -> None:
    message_id = await alert(loop, auto_book=True)
    await change(loop, f"UPDATE bookings SET state = '{state}'")

    await loop.send(message_id)

    assert words in loop.simulator.mails[0]["text"]


@pytest.mark.parametrize(
    ("auto_book", "change_of_rules", "words"),
    [
        ("off", "SELECT 1", "We are not booking this for you."),
        ("on", "UPDATE switches SET is_on = false WHERE name = 'booking'", "We are not booking this for you."),
        ("on", "UPDATE locations SET auto_book_allowed = false", "We are not booking this for you."),
        ("dry-run", "SELECT 1", "Booking is in a dry run here: we do not book it."),
        ("dry-run", "UPDATE switches SET is_on = false WHERE name = 'booking'", "We are not booking this for you."),
    ],
)
async def test_an_alert_promises_no_booking_that_will_not_be_made(
    loop: Loop, auto_book: str, change_of_rules: str, words: str
) -> None:
    message_id = await alert(loop, auto_book=True)
    await change(loop, change_of_rules)

    await loop.send(message_id, auto_book=auto_book)

    mail = loop.simulator.mails[0]["text"]
    assert words in mail
    assert "in line" not in mail


@pytest.mark.parametrize("status", ["active", "cancelled", "paused", "expired"])
async def test_only_a_watch_that_is_active_goes_on_after_a_refusal(loop: Loop, status: str) -> None:
    await loop.watch(await loop.guest(), auto_book=True)
    loop.open("19:15")
    loop.simulator.send("POST", "/control/trouble", {"kind": "refuse", "operation": "booking", "count": 1})
    (outcome,) = await loop.book_all((await loop.look()).work.bookings)
    await change(loop, f"UPDATE watches SET status = '{status}'")

    await loop.send(outcome.work.messages[0][0])

    mail = loop.simulator.mails[0]["text"]
    assert [part in mail for part in ("Your watch goes on.", "/m/pause/", "/m/cancel/")] == [status == "active"] * 3


async def test_who_did_not_ask_for_a_booking_reads_of_none(loop: Loop) -> None:
    await loop.send(await alert(loop, auto_book=False))

    assert "we" not in loop.simulator.mails[0]["text"].split("--")[0].lower().split()


async def test_an_alert_is_as_fresh_as_the_last_look_and_names_the_zone_for_who_is_elsewhere(loop: Loop) -> None:
    message_id = await alert(loop, auto_book=False)
    await change(loop, "INSERT INTO preferences (user_id, timezone) SELECT id, 'America/Phoenix' FROM users")
    await change(loop, "UPDATE slot_drops SET last_seen_at = now() - interval '30 minutes'")

    await loop.send(message_id)

    mail = loop.simulator.mails[0]["text"]
    assert "Seen open 30 min ago" in mail
    assert "7:15 PM Eastern time" in mail


async def test_the_links_in_a_mail_are_signed_with_this_installations_key(loop: Loop) -> None:
    message_id = await alert(loop, auto_book=False)

    await loop.send(message_id)

    mail = loop.simulator.mails[0]["text"]
    assert all(f"/m/{purpose}/" in mail for purpose in ("pause", "cancel", "unsubscribe"))
