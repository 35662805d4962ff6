"""Messages that no look causes."""

import re
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest

from backend.domain.types import OPERATOR_KINDS
from backend.services import notices, records
from tests.services.conftest import Loop

OPERATORS = ("operator@tracker.test",)


async def end_the_day(loop: Loop) -> int:
    return await notices.expire_watches(loop.r.sessions, now=datetime.now(UTC) + timedelta(days=5))


async def tell_operators(loop: Loop, *kinds: str) -> int:
    return await notices.send_notices(loop.r.sessions, operators=OPERATORS, kinds=kinds or OPERATOR_KINDS)


async def can_be_ended(loop: Loop, mail: dict[str, Any]) -> None:
    """A mail that nobody asked for at this moment can be unsubscribed from, and the ledger does not keep the link."""
    row = await loop.one("SELECT * FROM notification_log WHERE kind IN ('digest', 'watch_expired')")
    (link,) = re.findall(r"http\S+/m/unsubscribe/\S+", mail["text"])
    assert link in mail["html"]
    assert link not in row.body
    async with loop.r.sessions() as session:
        letter = await notices.compose_notice(session, row, public_url="http://tracker.test", now=datetime.now(UTC))
    assert letter.headers["List-Unsubscribe"].startswith("<http://tracker.test/m/unsubscribe/")
    assert letter.headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


async def mails(loop: Loop) -> list[dict[str, Any]]:
    await loop.send_all()
    return loop.simulator.mails


async def test_a_watch_that_saw_nothing_ends_with_what_was_open_beside_it(loop: Loop) -> None:
    await loop.watch(await loop.guest())
    loop.open("20:30", "17:00")
    await loop.look()

    assert await end_the_day(loop) == 1

    (mail,) = await mails(loop)
    assert "No table this time" in mail["subject"]
    assert mail["text"].index("8:30 PM") < mail["text"].index("5:00 PM")
    assert "We looked 1 time." in mail["text"]
    await can_be_ended(loop, mail)
    assert await end_the_day(loop) == 0


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE watches SET status = 'paused'",
        "UPDATE channels SET muted_at = now()",
        "UPDATE users SET disabled_at = now()",
    ],
)
async def test_some_watches_end_in_silence(loop: Loop, change: str) -> None:
    await loop.watch(await loop.guest())
    await loop.execute(change)

    await end_the_day(loop)

    assert (await loop.one("SELECT status FROM watches")).status == "expired"
    assert await mails(loop) == []


async def test_a_watch_that_was_told_of_a_table_ends_in_silence(loop: Loop) -> None:
    await loop.watch(await loop.guest())
    loop.open("19:15")
    await loop.look()
    await loop.send_all()

    await end_the_day(loop)

    assert [mail for mail in await mails(loop) if "No table" in mail["subject"]] == []


@pytest.mark.parametrize("status", ["expired", "suppressed", "failed", "bounced"])
async def test_a_watch_whose_alerts_never_arrived_does_not_end_in_silence(loop: Loop, status: str) -> None:
    await loop.watch(await loop.guest())
    loop.open("19:15")
    await loop.look()
    await loop.execute("UPDATE notification_log SET status = :status", status=status)

    await end_the_day(loop)

    (mail,) = await mails(loop)
    assert "No table" in mail["subject"]
    assert "word of it did not reach you" in mail["text"]
    assert "Nothing opened" not in mail["text"]


async def test_where_nobody_could_look_nothing_is_said_of_the_tables(loop: Loop) -> None:
    await loop.watch(await loop.guest())
    loop.simulator.send("POST", "/control/trouble", {"kind": "500", "operation": "inventory"})
    await loop.look()

    await end_the_day(loop)

    (mail,) = await mails(loop)
    assert "We never got an answer" in mail["text"]
    assert "nothing open" not in mail["text"]


async def test_a_digest_tells_of_each_watch_once_a_day(loop: Loop) -> None:
    alice = await loop.guest()
    await loop.watch(alice)
    await loop.watch(alice, "houston_s_pasadena")
    loop.open("19:15")
    await loop.look()
    await loop.execute("DELETE FROM notification_items")
    await loop.execute("DELETE FROM notification_log")
    now = datetime.now(UTC)
    await loop.execute(
        "INSERT INTO preferences (user_id, timezone, digest_at) VALUES (:user_id, 'UTC', :at)",
        user_id=alice.id,
        at=(now - timedelta(minutes=1)).time().replace(second=0, microsecond=0),
    )

    written = [await notices.send_digests(loop.r.sessions, now=now) for _ in range(2)]

    (mail,) = await mails(loop)
    assert written == [1, 0]
    assert "1 table opened" in mail["subject"]
    assert "7:15 PM opened at" in mail["text"]
    assert "Looked 1 time" in mail["text"]
    await can_be_ended(loop, mail)


async def test_who_watches_nothing_gets_no_digest(loop: Loop) -> None:
    alice = await loop.guest()
    await loop.execute(
        "INSERT INTO preferences (user_id, timezone, digest_at) VALUES (:user_id, 'UTC', :at)",
        user_id=alice.id,
        at=time(0),
    )

    written = await notices.send_digests(loop.r.sessions, now=datetime(2026, 11, 25, 0, 5, tzinfo=UTC))

    assert written == 0


async def test_administrators_hear_of_what_happened_gathered_by_kind(loop: Loop) -> None:
    alice, bob = await loop.guest("alice"), await loop.guest("bob")
    await loop.watch(alice)
    await loop.watch(bob)
    await records.leave_feedback(loop.r.sessions, message="<b>Lovely</b>", contact="bob@guests.test", ip=None)

    assert await tell_operators(loop) == 5

    subjects = {mail["subject"]: mail for mail in await mails(loop)}
    assert set(subjects) == {
        "Houston's Tracker: 2 new accounts",
        "Houston's Tracker: 2 new watches",
        "Houston's Tracker: 1 opinion",
    }
    assert "&lt;b&gt;Lovely&lt;/b&gt;" in subjects["Houston's Tracker: 1 opinion"]["html"]
    assert await tell_operators(loop) == 0


async def test_the_ledger_keeps_no_names_of_what_administrators_read(loop: Loop) -> None:
    await loop.guest("alice")
    await tell_operators(loop)

    (mail,) = await mails(loop)

    body = (await loop.one("SELECT body FROM notification_log")).body
    assert "alice@guests.test" in mail["text"]
    assert "alice" not in body.lower()


async def test_what_administrators_do_not_want_to_hear_is_not_told(loop: Loop) -> None:
    await loop.guest("alice")

    assert await tell_operators(loop, "new_watch") == 1

    assert await mails(loop) == []


async def test_the_same_watch_asked_for_again_is_no_news(loop: Loop) -> None:
    alice = await loop.guest()
    await loop.watch(alice)
    await tell_operators(loop)

    await loop.watch(alice)

    assert await tell_operators(loop) == 0


async def test_words_of_old_messages_are_deleted_and_the_rest_stays(loop: Loop) -> None:
    await loop.watch(await loop.guest())
    loop.open("19:15")
    await loop.look()
    await loop.send_all()
    young = await notices.forget_texts(loop.r.sessions, older_than=timedelta(days=30))
    await loop.execute("UPDATE notification_log SET created_at = now() - interval '31 days'")

    old = await notices.forget_texts(loop.r.sessions, older_than=timedelta(days=30))

    row = await loop.one("SELECT subject, body, status, recipient FROM notification_log")
    assert (young, old) == (0, 1)
    assert (row.subject, row.body, row.status, row.recipient) == (None, None, "sent", "alice@guests.test")


async def test_what_providers_said_of_old_messages_and_addresses_is_deleted_too(loop: Loop) -> None:
    await loop.watch(await loop.guest())
    loop.open("19:15")
    await loop.look()
    await loop.send_all()
    await loop.execute("UPDATE notification_attempts SET reason = '550 alice@guests.test'")
    await loop.execute(
        "UPDATE notification_log SET status = 'failed', error_message = '550 alice@guests.test', "
        "created_at = now() - interval '31 days'"
    )
    await loop.execute(
        "INSERT INTO notification_log (user_id, channel, kind, recipient, status, created_at, details) "
        "SELECT id, 'email', 'channel_disabled', email, 'suppressed', now() - interval '31 days', "
        "CAST(:details AS jsonb) FROM users",
        details='{"kind": "sms", "address": "+14045550123", "reason": "no number: +14045550123"}',
    )

    count = await notices.forget_texts(loop.r.sessions, older_than=timedelta(days=30))

    failed, disabled = await loop.rows("SELECT error_message, details FROM notification_log ORDER BY id")
    assert count == 2
    assert (failed.error_message, disabled.details) == (None, {"kind": "sms"})
    assert (await loop.one("SELECT reason FROM notification_attempts")).reason is None


@pytest.mark.parametrize("gone", ["DELETE FROM watches", "DELETE FROM users"])
async def test_news_of_what_is_gone_is_not_told(loop: Loop, gone: str) -> None:
    await loop.watch(await loop.guest())
    await tell_operators(loop, "new_watch")
    await loop.execute(gone)

    (told,) = await loop.send_all()

    assert (told.status, told.reason) == ("expired", "what it tells of is gone")
