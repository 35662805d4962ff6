"""What becomes of claimed messages: held, told together, looked at again, told elsewhere, or not told."""

from collections.abc import Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from backend.clients.channels.outgoing import Outgoing
from backend.clients.errors import SendFailed
from backend.db.queries import delivery, notifications, preferences
from backend.services import credentials
from backend.services.delivery import Delivery
from backend.services.delivery_rules import Decision, decide
from backend.services.fallback import after_failure
from tests.services.conftest import Loop

PHONE = "+14045550123"


@dataclass
class Telephones:
    """Takes text messages and pushes, or fails as it is told."""

    failure: SendFailed | None = None
    taken: list[Outgoing] = field(default_factory=list)

    async def send(self, message: Outgoing) -> str:
        if self.failure is not None:
            raise self.failure
        self.taken.append(message)
        return "taken"

    async def close(self) -> None:
        """Nothing is held."""


def refused(**more: Any) -> Telephones:
    return Telephones(SendFailed("451 come back later", **{"permanent": False, "was_refused": True} | more))


def dead() -> Telephones:
    return Telephones(SendFailed("550 no such mailbox", permanent=True, address_is_dead=True, was_refused=True))


async def alert(loop: Loop, *times: str, user: Any = None, **wish: Any) -> int:
    """A message about open tables, which nobody has sent yet; returns its watch."""
    watch_id = await loop.watch(user or await loop.guest(), **wish)
    loop.open(*(times or ("19:15",)))
    await loop.look()
    return watch_id


async def wish(loop: Loop, **wishes: Any) -> None:
    """Everybody's preferences."""
    columns = ", ".join(wishes)
    values = ", ".join(f":{name}" for name in wishes)
    await loop.execute("DELETE FROM preferences")
    await loop.execute(f"INSERT INTO preferences (user_id, {columns}) SELECT id, {values} FROM users", **wishes)


async def be_quiet(loop: Loop, **more: Any) -> datetime:
    """Quiet hours around now; returns their end."""
    now = datetime.now(UTC)
    end = (now + timedelta(hours=2)).replace(minute=0, second=0, microsecond=0)
    start = (now - timedelta(hours=2)).replace(minute=0, second=0, microsecond=0)
    await wish(loop, timezone="UTC", quiet_from=start.time(), quiet_to=end.time(), **more)
    return end


async def morning(loop: Loop) -> None:
    """Quiet hours are over, and all that was held is due."""
    await loop.execute("DELETE FROM preferences")
    await make_due(loop)


async def make_due(loop: Loop) -> None:
    await loop.execute("UPDATE notification_log SET next_attempt_at = now() WHERE status = 'queued'")


async def ten_minutes_pass(loop: Loop) -> None:
    """Nobody has looked for ten minutes."""
    for table, column in (
        ("slot_drops", "appeared_at"),
        ("slot_drops", "last_seen_at"),
        ("scan_groups", "applied_look_at"),
        ("scan_groups", "last_ok_at"),
        ("notification_log", "created_at"),
    ):
        await loop.execute(f"UPDATE {table} SET {column} = {column} - interval '10 minutes'")


async def add_channel(loop: Loop, user: Any, kind: str = "sms", address: str = PHONE) -> None:
    await loop.add_channel(user, kind=kind, address=address)
    await loop.execute("UPDATE channels SET verified_at = coalesce(verified_at, now())")


@asynccontextmanager
async def claimed(loop: Loop, ids: Sequence[int]) -> Any:
    """One worker's transaction that has claimed these; yields it and what is decided of them, by id."""
    async with loop.r.sessions.begin() as session:
        rows = await delivery.claim(session, ids, token=uuid4())
        assert len(rows) == len(ids)
        about = await notifications.facts(session, ids)
        found = await decide(session, rows, about, deployment="production", now=datetime.now(UTC))
        yield session, found


async def decided(loop: Loop) -> Decision:
    """What would become of the only message, now."""
    row = await loop.one("SELECT id FROM notification_log WHERE status = 'queued'")
    async with claimed(loop, [row.id]) as (session, found):
        await session.rollback()
    decision: Decision = found[row.id]
    return decision


async def told_by_status(loop: Loop) -> list[tuple[str, str | None, int]]:
    """Each message's status, reason and number of items."""
    rows = await loop.rows("""
        SELECT n.status, n.error_message,
               (SELECT count(*) FROM notification_items i WHERE i.notification_id = n.id) AS items
        FROM notification_log n ORDER BY n.id
    """)
    return [(row.status, row.error_message, row.items) for row in rows]


# Bookings


async def test_who_goes_on_with_a_watch_although_they_have_a_table_is_told(loop: Loop) -> None:
    user = await loop.guest()
    await alert(loop, user=user, auto_book=True)
    await loop.execute("UPDATE bookings SET state = 'booked', settled_at = now()")
    await loop.execute("UPDATE watches SET updated_at = now() + interval '1 second'")

    (delivery,) = await loop.send_all()

    assert delivery.status == "sent"


@pytest.mark.parametrize("state", ["booked", "unknown"])
@pytest.mark.parametrize("other_watch", [False, True])
async def test_who_has_or_may_have_a_table_is_not_led_to_another_one(
    loop: Loop, state: str, *, other_watch: bool
) -> None:
    user = await loop.guest()
    if other_watch:
        await loop.watch(user, time_start=time(18, 30))
    await alert(loop, user=user, auto_book=True)
    await loop.execute(f"UPDATE bookings SET state = '{state}', settled_at = now()")

    deliveries = await loop.send_all()

    assert {(one.status, one.reason) for one in deliveries} == {
        ("expired", "its person has, or may have, a table for that meal")
    }
    assert len(deliveries) == 1 + other_watch
    assert await loop.rows("SELECT 1 FROM notification_items") == []


async def test_a_watch_that_has_its_table_tells_of_no_other(loop: Loop) -> None:
    await alert(loop, auto_book=True)
    await loop.execute("UPDATE watches SET status = 'booked', booked_at = now()")
    await loop.execute("UPDATE bookings SET state = 'cancelled', cancelled_at = now()")

    decision = await decided(loop)

    assert (decision.action, decision.reason) == ("expire", "a table was booked")


async def test_a_booked_lunch_leaves_the_news_of_dinner(loop: Loop) -> None:
    await alert(loop, "12:00", "19:15", time_start=time(11, 30), auto_book=True)
    await loop.execute("UPDATE bookings SET state = 'unknown', settled_at = now() WHERE meal = 'lunch'")

    (told,) = await loop.send_all()

    (mail,) = loop.simulator.mails
    assert told.status == "sent"
    assert ("7:15 PM" in mail["text"], "12:00 PM" in mail["text"]) == (True, False)


# Quiet hours and snoozes


async def test_in_quiet_hours_an_alert_waits_and_that_is_no_attempt(loop: Loop) -> None:
    await alert(loop)
    end = await be_quiet(loop)

    await loop.send_all()

    row = await loop.one("SELECT * FROM notification_log")
    assert (row.status, row.attempts, row.hold_reason, row.next_attempt_at) == ("queued", 0, "quiet hours", end)
    assert (row.claim_token, row.lease_until, row.dispatched_at) == (None, None, None)
    assert await loop.rows("SELECT 1 FROM notification_attempts") == []
    assert loop.simulator.mails == []


async def test_quiet_hours_without_a_zone_are_by_the_restaurants_clock(loop: Loop) -> None:
    await alert(loop)
    await wish(loop, quiet_from=time(0), quiet_to=time(23, 59, 59))

    decision = await decided(loop)

    assert decision.action == "hold"
    local = await loop.one("SELECT CAST(:at AS timestamptz) AT TIME ZONE 'America/New_York' AS at", at=decision.until)
    assert local.at.time() == time(23, 59, 59)


async def test_a_booking_is_told_in_quiet_hours(loop: Loop) -> None:
    await alert(loop, auto_book=True)
    await be_quiet(loop, snoozed_until=datetime.now(UTC) + timedelta(days=1))
    await loop.book_all([row.id for row in await loop.rows("SELECT id FROM bookings")])

    deliveries = await loop.send_all()

    assert {(delivery.kind, delivery.status) for delivery in deliveries} == {
        ("table_open", "expired"),
        ("booked", "sent"),
    }


@pytest.mark.parametrize("table", ["preferences", "watches"])
async def test_who_snoozes_is_told_afterwards(loop: Loop, table: str) -> None:
    await alert(loop)
    until = datetime.now(UTC) + timedelta(hours=3)
    if table == "preferences":
        await wish(loop, snoozed_until=until)
    else:
        await loop.execute("UPDATE watches SET snoozed_until = :until", until=until)

    await loop.send_all()
    held = await loop.one("SELECT * FROM notification_log")
    await loop.execute(f"UPDATE {table} SET snoozed_until = now()")
    await make_due(loop)
    (delivery,) = await loop.send_all()

    assert (held.status, held.hold_reason, held.next_attempt_at) == ("queued", "snoozed", until)
    assert delivery.status == "sent"


async def test_who_ends_a_snooze_hears_at_once_of_what_was_held(loop: Loop) -> None:
    user = await loop.guest()
    await alert(loop, user=user)
    await wish(loop, snoozed_until=datetime.now(UTC) + timedelta(hours=3))
    await loop.send_all()
    await loop.execute("DELETE FROM preferences")

    async with loop.r.sessions.begin() as session:
        await preferences.release_held(session, user.id)

    (delivery,) = await loop.send_all()
    assert delivery.status == "sent"


async def test_a_held_message_about_no_watch_is_judged_anew_as_well(loop: Loop) -> None:
    user, other = await loop.guest(), await loop.guest("charlie")
    for person in (user, other):
        await loop.execute(
            "INSERT INTO notification_log (user_id, channel, kind, recipient, hold_reason, next_attempt_at) "
            "VALUES (:user_id, 'email', 'digest', 'somebody@guests.test', 'quiet hours', now() + interval '3 hours')",
            user_id=person.id,
        )

    async with loop.r.sessions.begin() as session:
        released = await preferences.release_held(session, user.id)

    due = await loop.rows("SELECT id, user_id FROM notification_log WHERE next_attempt_at <= now()")
    assert [(row.id, row.user_id) for row in due] == [(released[0][0], user.id)]


# What was held is told together


async def two_held(loop: Loop) -> None:
    """Two messages of one watch and address that were held, and are due."""
    await alert(loop, "18:30")
    await be_quiet(loop)
    await loop.send_all()
    loop.open("19:15")
    await loop.look()
    await loop.send_all()
    await morning(loop)


async def test_what_was_held_for_a_watch_comes_as_one_message(loop: Loop) -> None:
    await two_held(loop)

    deliveries = await loop.send_all()

    first, second = await loop.rows("SELECT id FROM notification_log ORDER BY id")
    assert [delivery.status for delivery in deliveries] == ["sent", "not_mine"]
    assert await told_by_status(loop) == [("sent", None, 2), ("expired", f"told in message {first.id}", 0)]
    assert second.id > first.id
    (mail,) = loop.simulator.mails
    assert "6:30 PM" in mail["text"]
    assert "7:15 PM" in mail["text"]


async def test_messages_of_one_batch_are_told_in_the_oldest(loop: Loop) -> None:
    await two_held(loop)
    ids = [row.id for row in await loop.rows("SELECT id FROM notification_log ORDER BY id")]

    async with claimed(loop, ids) as (_, found):
        pass

    assert [found[i].action for i in ids] == ["send", "merge"]
    assert found[ids[1]].reason == f"told in message {ids[0]}"
    assert len(found[ids[0]].drops) == 2


async def test_each_watch_and_each_channel_has_a_message_of_its_own(loop: Loop) -> None:
    user = await loop.guest()
    await add_channel(loop, user, "web_push", "https://push.test/1")
    await loop.watch(user, time_start=time(17))
    await alert(loop, user=user)
    await be_quiet(loop)
    await loop.send_all()
    await morning(loop)
    senders = {**loop.r.senders, "web_push": Telephones()}

    statuses = [(await loop.send(row.id, senders)).status for row in await loop.rows("SELECT id FROM notification_log")]

    assert statuses == ["sent"] * 4


@pytest.mark.parametrize(("is_older", "seconds"), [(True, 1), (False, 15)])
async def test_of_two_workers_with_one_each_in_hand_the_one_with_the_older_comes_back_first(
    loop: Loop, is_older: bool, seconds: int
) -> None:
    await two_held(loop)
    first, second = [row.id for row in await loop.rows("SELECT id FROM notification_log ORDER BY id")]
    mine, theirs = (first, second) if is_older else (second, first)

    async with loop.r.sessions.begin() as other:
        await delivery.claim(other, [theirs], token=uuid4())
        before = datetime.now(UTC)
        async with claimed(loop, [mine]) as (session, found):
            await session.rollback()
        await other.rollback()
    deliveries = await loop.send_all()

    assert (found[mine].action, found[mine].reason) == ("hold", "quiet hours")
    assert timedelta(seconds=seconds) <= found[mine].until - before < timedelta(seconds=seconds + 5)
    assert [delivery.status for delivery in deliveries] == ["sent", "not_mine"]


async def test_what_may_have_arrived_is_not_told_in_another_message(loop: Loop) -> None:
    await two_held(loop)
    await loop.execute("""
        INSERT INTO notification_attempts (notification_id, number, outcome)
        SELECT max(id), 1, 'lost' FROM notification_log
    """)
    await loop.execute(
        "UPDATE notification_log SET attempts = 1 WHERE id = (SELECT max(notification_id) FROM notification_attempts)"
    )

    deliveries = await loop.send_all()

    assert [delivery.status for delivery in deliveries] == ["sent", "sent"]


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    messages=st.lists(
        st.tuples(st.integers(1, 3), st.booleans(), st.sampled_from([None, "refused", "lost"])), max_size=6
    ),
    batches=st.lists(st.sets(st.integers(0, 5), min_size=1), max_size=4),
)
async def test_telling_together_loses_no_table_and_doubles_none(
    loop: Loop, messages: list[tuple[int, bool, str | None]], batches: list[set[int]]
) -> None:
    """`messages` are (tables, whether held, outcome of an earlier attempt), `batches` which of them workers claim."""
    now = datetime.now(UTC)
    await _scene(loop)
    async with loop.r.sessions.begin() as session:
        keys = await _write(session, messages, now)
    ids = sorted(keys)

    for batch in batches:
        async with loop.r.sessions.begin() as session:
            mine = await delivery.claim(session, [ids[i] for i in sorted(batch) if i < len(ids)], token=uuid4())
            about = await notifications.facts(session, [row.id for row in mine])
            found = await decide(session, mine, about, deployment="production", now=now)
            assert set(found) == {row.id for row in mine}
            for row in mine:
                status = {"send": "sent", "merge": "expired"}[found[row.id].action]
                await session.execute(
                    text("UPDATE notification_log SET status = :status WHERE id = :id"),
                    {"id": row.id, "status": status},
                )

    items = await loop.rows(
        "SELECT n.status, i.dedup_key FROM notification_items i JOIN notification_log n ON n.id = i.notification_id"
    )
    assert sorted(item.dedup_key for item in items) == sorted(key for written in keys.values() for key in written)
    assert {item.status for item in items} <= {"sent", "queued"}
    held_and_untold = [n for n, (_, is_held, outcome) in enumerate(messages) if is_held and outcome != "lost"]
    if any(batch & set(held_and_untold) for batch in batches):
        together = await loop.rows(
            "SELECT DISTINCT i.notification_id FROM notification_items i WHERE i.dedup_key = ANY(:keys)",
            keys=[key for n in held_and_untold for key in keys[ids[n]]],
        )
        assert len(together) <= 1 + sum(outcome == "lost" for _, is_held, outcome in messages if is_held)


async def _scene(loop: Loop) -> None:
    """One watch of one person with one address, and nothing told."""
    if not await loop.rows("SELECT 1 FROM watches"):
        await loop.watch(await loop.guest())
        await loop.execute("UPDATE scan_groups SET last_ok_at = now(), applied_look_at = now()")
    for table in ("notification_attempts", "notification_items", "notification_log", "slot_drops"):
        await loop.execute(f"DELETE FROM {table}")


async def _write(session: Any, messages: Sequence[tuple[int, bool, str | None]], now: datetime) -> dict[int, list[str]]:
    written: dict[int, list[str]] = {}
    for tables, is_held, outcome in messages:
        statement = """
            INSERT INTO notification_log
                (user_id, watch_id, channel_id, channel, kind, recipient, hold_reason, attempts)
            SELECT w.user_id, w.id, c.id, c.kind, 'table_open', c.address, :hold, :attempts
            FROM watches w JOIN channels c USING (user_id) RETURNING id
        """
        values = {"hold": "quiet hours" if is_held else None, "attempts": int(outcome is not None)}
        row_id = await session.scalar(text(statement), values)
        if outcome is not None:
            statement = "INSERT INTO notification_attempts (notification_id, number, outcome) VALUES (:id, 1, :outcome)"
            await session.execute(text(statement), {"id": row_id, "outcome": outcome})
        written[row_id] = []
        for n in range(tables):
            key = f"message {row_id} table {n}"
            statement = """
                WITH found AS (
                    INSERT INTO slot_drops (group_id, location, slot_date, slot_time, party_size, reserved_ts,
                        reservation_type_id, reservation_type_name, source, appeared_at, last_seen_at)
                    SELECT g.id, g.location_key, g.target_date, '7:00 PM', 2,
                        extract(epoch FROM (g.target_date + time '19:00') AT TIME ZONE l.timezone)::bigint * 1000,
                        :type, 'Dinner', 'look', :now, :now
                    FROM scan_groups g JOIN locations l ON l.key = g.location_key RETURNING id
                )
                INSERT INTO notification_items (notification_id, drop_id, dedup_key) SELECT :id, id, :key FROM found
            """
            values = {"id": row_id, "key": key, "type": row_id * 10 + n, "now": now}
            await session.execute(text(statement), values)
            written[row_id].append(key)
    return written


# Late alerts


async def test_a_late_alert_goes_at_once_when_the_table_was_seen_just_now(loop: Loop) -> None:
    await alert(loop)
    await be_quiet(loop)
    await loop.send_all()
    await morning(loop)

    decision = await decided(loop)

    assert (decision.action, decision.is_late, decision.seen_at) == ("send", False, None)


async def test_an_alert_that_is_not_late_needs_no_look(loop: Loop) -> None:
    await alert(loop)
    await loop.execute("UPDATE slot_drops SET last_seen_at = now() - interval '1 hour'")

    decision = await decided(loop)

    assert (decision.action, decision.is_late) == ("send", False)


async def late_alert(loop: Loop) -> None:
    """One that waits for a look, which is due."""
    await alert(loop)
    await ten_minutes_pass(loop)
    await loop.send_all()


async def test_a_late_alert_has_the_group_looked_at_and_waits_which_is_no_attempt(loop: Loop) -> None:
    await alert(loop)
    await ten_minutes_pass(loop)

    await loop.send_all()

    row = await loop.one("SELECT *, next_attempt_at - look_wanted_at AS wait FROM notification_log")
    group = await loop.one("SELECT next_scan_at <= now() AS is_due FROM scan_groups")
    assert (row.status, row.attempts, row.wait) == ("queued", 0, timedelta(seconds=5))
    assert group.is_due
    assert await loop.rows("SELECT 1 FROM notification_attempts") == []


async def test_a_late_alert_whose_table_is_gone_is_not_sent_and_says_when_it_went(loop: Loop) -> None:
    await late_alert(loop)
    loop.close("19:15")
    await loop.look()
    await make_due(loop)

    (delivery,) = await loop.send_all()

    gone = await loop.one("SELECT gone_at AT TIME ZONE 'America/New_York' AS at FROM slot_drops")
    assert delivery.status == "expired"
    assert delivery.reason == f"gone at {gone.at:%H:%M}, before the message left"


async def test_a_late_alert_whose_table_is_still_there_is_sent(loop: Loop) -> None:
    await late_alert(loop)
    await loop.look()
    await make_due(loop)

    decision = await decided(loop)
    (delivery,) = await loop.send_all()

    assert (decision.is_late, decision.seen_at) == (False, None)
    assert delivery.status == "sent"


@pytest.mark.parametrize(
    "what_happened",
    [
        "UPDATE notification_log SET look_wanted_at = now() - interval '60 seconds'",
        "UPDATE scan_groups SET last_error_at = now(), last_error = 'timeout'",
        "UPDATE scan_groups SET last_ok_at = now()",
    ],
)
async def test_without_an_answer_a_late_alert_is_sent_and_says_when_the_table_was_seen(
    loop: Loop, what_happened: str
) -> None:
    await late_alert(loop)
    await loop.execute(what_happened)
    await make_due(loop)

    decision = await decided(loop)
    (delivery,) = await loop.send_all()

    seen = await loop.one("SELECT last_seen_at FROM slot_drops")
    assert (decision.action, decision.is_late, decision.seen_at) == ("send", True, seen.last_seen_at)
    assert delivery.status == "sent"


async def test_each_attempt_waits_for_a_look_of_its_own(loop: Loop) -> None:
    await late_alert(loop)
    await loop.look()
    await make_due(loop)
    row = await loop.one("SELECT id FROM notification_log")
    await loop.send(row.id, {"email": refused()})
    await ten_minutes_pass(loop)
    await make_due(loop)

    decision = await decided(loop)

    assert decision.action == "wait"


async def test_who_was_held_while_waiting_waits_for_another_look_afterwards(loop: Loop) -> None:
    await late_alert(loop)
    await be_quiet(loop)
    await make_due(loop)
    await loop.send_all()
    await loop.execute("UPDATE scan_groups SET last_error_at = now()")
    await morning(loop)

    decision = await decided(loop)

    assert decision.action == "wait"


async def test_a_group_that_somebody_holds_is_made_due_at_the_next_try(loop: Loop) -> None:
    await alert(loop)
    await ten_minutes_pass(loop)
    await loop.execute("UPDATE scan_groups SET next_scan_at = now() + interval '1 hour'")

    async with loop.r.sessions.begin() as session:
        await session.execute(text("SELECT 1 FROM scan_groups FOR UPDATE"))
        await loop.send_all()
    before = await loop.one("SELECT next_scan_at <= now() AS is_due FROM scan_groups")
    await make_due(loop)
    await loop.send_all()
    after = await loop.one("SELECT next_scan_at <= now() AS is_due FROM scan_groups")

    assert (before.is_due, after.is_due) == (False, True)


async def test_a_table_whose_time_has_come_is_not_told(loop: Loop) -> None:
    await alert(loop)
    await loop.execute("UPDATE slot_drops SET reserved_ts = 1000")

    (delivery,) = await loop.send_all()

    assert (delivery.status, delivery.reason) == ("expired", "the table's time had come before the message left")


# Told again, but never twice


@pytest.mark.parametrize(("was_refused", "mails"), [(True, 1), (False, 0)])
async def test_a_watch_that_was_paused_after_a_try_is_told_again_only_if_nothing_can_have_arrived(
    loop: Loop, was_refused: bool, mails: int
) -> None:
    watch_id = await alert(loop)
    row = await loop.one("SELECT id FROM notification_log")
    await loop.send(row.id, {"email": refused(was_refused=was_refused)})
    await loop.execute("UPDATE watches SET status = 'paused'")
    await make_due(loop)
    await loop.send_all()

    await loop.execute("UPDATE watches SET status = 'active', needs_match = true WHERE id = :id", id=watch_id)
    await loop.look()
    await loop.send_all()

    assert len(loop.simulator.mails) == mails
    assert len(await loop.rows("SELECT 1 FROM notification_items")) == 1


# Addresses that get nothing


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("UPDATE channels SET muted_at = now()", "the channel is muted"),
        ("UPDATE channels SET verified_at = NULL", "the address is not verified"),
        ("UPDATE channels SET disabled_at = now(), disabled_reason = 'full'", "the channel is disabled: full"),
        ("DELETE FROM channels", "the channel was removed"),
        (
            "UPDATE notification_log SET recipient = 'alice@mail.example.com'",
            "nothing is sent to test domains in production",
        ),
    ],
)
async def test_an_address_that_gets_nothing_says_why(loop: Loop, change: str, reason: str) -> None:
    await alert(loop)
    await loop.execute(change)

    (delivery,) = await loop.send_all()

    assert (delivery.status, delivery.reason) == ("suppressed", reason)
    assert loop.simulator.mails == []


async def test_an_address_that_is_used_again_hears_of_what_is_open_then(loop: Loop) -> None:
    await alert(loop)
    await loop.execute("UPDATE channels SET muted_at = now()")
    await loop.send_all()

    await loop.execute("UPDATE channels SET muted_at = NULL")
    await loop.execute("UPDATE watches SET needs_match = true")
    await loop.look()
    (delivery,) = await loop.send_all()

    assert delivery.status == "sent"


async def test_muted_mail_still_says_how_a_booking_ended(loop: Loop) -> None:
    await alert(loop, auto_book=True)
    await loop.execute("UPDATE channels SET muted_at = now()")
    await loop.book_all([row.id for row in await loop.rows("SELECT id FROM bookings")])

    deliveries = await loop.send_all()

    assert {(delivery.kind, delivery.status) for delivery in deliveries} == {
        ("table_open", "suppressed"),
        ("booked", "sent"),
    }


# After a failure


async def fail(loop: Loop, channel: str, sender: Telephones) -> list[Delivery]:
    """Try the queued messages of a channel until none is left."""
    deliveries = []
    while rows := await loop.rows(
        "SELECT id FROM notification_log WHERE status = 'queued' AND channel = :channel ORDER BY id", channel=channel
    ):
        await make_due(loop)
        deliveries += [await loop.send(row.id, {channel: sender}) for row in rows]
    return deliveries


async def test_after_the_last_try_the_news_goes_to_an_address_that_has_not_heard_of_it(loop: Loop) -> None:
    user = await loop.guest()
    await add_channel(loop, user)
    await alert(loop, user=user)

    deliveries = await fail(loop, "email", refused())

    failed, instead = await loop.rows("SELECT * FROM notification_log ORDER BY id")
    phone = Telephones()
    assert [delivery.status for delivery in deliveries] == ["queued", "queued", "queued", "failed"]
    assert (instead.channel, instead.recipient, instead.kind) == ("sms", PHONE, "table_open")
    assert (instead.replaces_id, instead.watch_id, instead.status) == (failed.id, failed.watch_id, "queued")
    assert (await loop.send(instead.id, {"sms": phone})).status == "sent"
    assert len(phone.taken) == 1


async def test_it_goes_on_to_the_next_address_until_none_is_left(loop: Loop) -> None:
    user = await loop.guest()
    await alert(loop, user=user)
    for kind, address in (("sms", PHONE), ("web_push", "https://push.test/1")):
        await add_channel(loop, user, kind, address)

    for channel in ("email", "web_push", "sms"):
        await fail(loop, channel, refused(permanent=True))

    rows = await loop.rows("SELECT channel, status, replaces_id FROM notification_log ORDER BY id")
    assert [(row.channel, row.status) for row in rows] == [
        ("email", "failed"),
        ("web_push", "failed"),
        ("sms", "failed"),
    ]


async def test_an_address_that_was_told_is_not_told_again_instead(loop: Loop) -> None:
    user = await loop.guest()
    await add_channel(loop, user, "web_push", "https://push.test/1")
    await alert(loop, user=user)

    await fail(loop, "email", refused(permanent=True))

    assert len(await loop.rows("SELECT 1 FROM notification_log")) == 2


async def test_who_wants_no_text_messages_gets_none_instead(loop: Loop) -> None:
    user = await loop.guest()
    await add_channel(loop, user)
    await wish(loop, sms_within_hours=0, sms_for_auto_book=False)
    await alert(loop, user=user)

    await fail(loop, "email", refused(permanent=True))

    assert len(await loop.rows("SELECT 1 FROM notification_log")) == 1


async def test_how_a_booking_ended_is_told_elsewhere_too(loop: Loop) -> None:
    user = await loop.guest()
    await alert(loop, user=user, auto_book=True)
    await loop.execute("UPDATE notification_log SET status = 'sent'")
    await loop.book_all([row.id for row in await loop.rows("SELECT id FROM bookings")])
    await add_channel(loop, user)

    await fail(loop, "email", refused(permanent=True))

    row = await loop.one("SELECT * FROM notification_log WHERE status = 'queued'")
    assert (row.channel, row.kind, row.booking_id is not None) == ("sms", "booked", True)


async def test_a_dead_address_is_given_up_and_its_person_told_elsewhere_in_words(loop: Loop) -> None:
    user = await loop.guest()
    await alert(loop, user=user)
    await add_channel(loop, user)

    await fail(loop, "email", dead())

    channel = await loop.one("SELECT * FROM channels WHERE kind = 'email'")
    phone = Telephones()
    for row in await loop.rows("SELECT id FROM notification_log WHERE status = 'queued' ORDER BY id"):
        assert (await loop.send(row.id, {"sms": phone})).status == "sent"
    assert (channel.disabled_at is not None, channel.disabled_reason) == (True, "550 no such mailbox")
    assert [message.kind for message in phone.taken] == ["table_open", "channel_disabled"]
    assert "mail to alice@guests.test" in phone.taken[1].text
    assert "550 no such mailbox" in phone.taken[1].text


async def test_a_number_that_was_stopped_is_muted_and_not_given_up(loop: Loop) -> None:
    user = await loop.guest()
    await add_channel(loop, user)
    await alert(loop, user=user, auto_book=True)

    await fail(loop, "sms", refused(permanent=True, is_stopped=True))

    channel = await loop.one("SELECT * FROM channels WHERE kind = 'sms'")
    assert (channel.muted_at is not None, channel.disabled_at) == (True, None)
    assert (await loop.one("SELECT number FROM stopped_numbers")).number == PHONE


async def test_a_dead_address_that_is_proven_anew_is_used_again(loop: Loop) -> None:
    user = await loop.guest()
    await alert(loop, user=user)
    await fail(loop, "email", dead())
    await loop.execute("UPDATE users SET email_verified_at = NULL")

    async with loop.r.sessions.begin() as session:
        await credentials.prove(session, user.id, address=user.email, admin_email=None)

    channel = await loop.one("SELECT * FROM channels")
    assert (channel.disabled_at, channel.disabled_reason) == (None, None)


async def test_a_dead_number_is_told_of_by_mail_without_the_whole_number(loop: Loop) -> None:
    user = await loop.guest()
    await add_channel(loop, user)
    await alert(loop, user=user, auto_book=True)

    await fail(loop, "sms", dead())
    await loop.send_all()

    (about,) = [mail for mail in loop.simulator.mails if "cannot reach" in mail["subject"]]
    assert "the number that ends in 0123" in about["text"]
    assert PHONE not in about["text"]


async def test_what_else_waited_for_a_dead_address_is_told_elsewhere(loop: Loop) -> None:
    user = await loop.guest()
    await loop.watch(user, time_start=time(17))
    await alert(loop, user=user)
    await add_channel(loop, user)

    deliveries = await fail(loop, "email", dead())

    assert [delivery.status for delivery in deliveries] == ["failed", "suppressed"]
    rows = await loop.rows("SELECT * FROM notification_log WHERE status = 'queued' ORDER BY id")
    assert [(row.kind, row.channel) for row in rows] == [
        ("table_open", "sms"),
        ("channel_disabled", "sms"),
        ("table_open", "sms"),
    ]
    assert all(row.dispatched_at is not None for row in rows)


async def test_an_address_is_given_up_and_told_of_once(loop: Loop) -> None:
    user = await loop.guest()
    await loop.watch(user, time_start=time(17))
    await alert(loop, user=user)
    await add_channel(loop, user)
    first, second = await loop.rows("SELECT * FROM notification_log ORDER BY id")

    for row in (first, second):
        async with loop.r.sessions.begin() as session:
            await after_failure(session, row, reason="550 gone", address_is_dead=True, now=datetime.now(UTC))

    assert len(await loop.rows("SELECT 1 FROM notification_log WHERE kind = 'channel_disabled'")) == 1
