"""What belongs to one person: read page by page, taken along, forgotten."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

_NOTIFICATIONS = text("""
    SELECT id, watch_id, booking_id, channel, kind, recipient, subject, body, status, error_message, attempts,
           created_at, sent_at
    FROM notification_log WHERE user_id = :user_id AND id < :before ORDER BY id DESC LIMIT :limit
""")
_BOOKINGS = text("""
    SELECT b.id, b.watch_id, b.location_key, l.name AS restaurant, l.timezone, b.target_date, b.meal, b.party_size,
           b.reserved_ts, b.first_name, b.last_name, b.email, b.phone, b.state, b.reason, b.wanted_at, b.attempted_at,
           b.settled_at, b.settled_by, b.note, b.cancelled_at
    FROM bookings b JOIN locations l ON l.key = b.location_key
    WHERE b.user_id = :user_id AND b.id < :before AND b.state NOT IN ('wanted', 'lapsed')
    ORDER BY b.id DESC LIMIT :limit
""")
_WATCH = text("""
    SELECT w.id, w.location_key, w.target_date, w.party_size, w.time_start, w.time_end, w.status, w.created_at,
           w.updated_at, l.timezone, g.id AS group_id, g.last_ok_at, g.last_error, g.last_error_at
    FROM watches w JOIN locations l ON l.key = w.location_key
    JOIN scan_groups g USING (location_key, target_date, party_size)
    WHERE w.id = :id AND w.user_id = :user_id
""")
_OPENINGS = text("""
    SELECT slot_time, appeared_at, gone_at FROM slot_drops
    WHERE group_id = :group_id AND coalesce(gone_at, 'infinity') >= :since
      AND (to_timestamp(reserved_ts / 1000.0) AT TIME ZONE :timezone)::time BETWEEN :time_start AND :time_end
    ORDER BY appeared_at DESC LIMIT 100
""")
_MESSAGES_OF_WATCH = text("""
    SELECT kind, channel, status, created_at, sent_at, error_message FROM notification_log
    WHERE watch_id = :id AND user_id IS NOT NULL ORDER BY id DESC LIMIT 100
""")
_BOOKINGS_OF_WATCH = text("""
    SELECT state, reserved_ts, reason, settled_at, wanted_at FROM bookings
    WHERE watch_id = :id AND state NOT IN ('wanted', 'lapsed') ORDER BY id DESC LIMIT 100
""")
_BEING_BOOKED = text("SELECT EXISTS (SELECT 1 FROM bookings WHERE user_id = :user_id AND state = 'attempting')")
# Everything of a person by table, without hashes and tokens. The rows of a table come as one JSON value.
# Addresses that the person has shown to be theirs: what was left or sent there without an account is theirs too.
_PROVEN = """(
    SELECT address FROM channels WHERE user_id = :user_id AND kind = 'email' AND verified_at IS NOT NULL
      AND verified_by IS DISTINCT FROM 'import'
)"""
_EXPORTED = {
    "account": """
        SELECT id, email, name, first_name, last_name, phone, picture, google_id, role, email_verified_at, created_at,
               updated_at, last_login
        FROM users WHERE id = :user_id
    """,
    "channels": """
        SELECT kind, label, address, verified_at, muted_at, disabled_at, disabled_reason, created_at
        FROM channels WHERE user_id = :user_id ORDER BY id
    """,
    "preferences": """
        SELECT timezone, quiet_from, quiet_to, quiet_breaks_tonight, snoozed_until, sms_within_hours, sms_for_auto_book,
               digest_at
        FROM preferences WHERE user_id = :user_id
    """,
    "sessions": """
        SELECT user_agent, created_at, last_used_at, expires_at FROM sessions WHERE user_id = :user_id ORDER BY id
    """,
    "watches": "SELECT * FROM watches WHERE user_id = :user_id ORDER BY id",
    "notifications": """
        SELECT id, watch_id, booking_id, channel, kind, recipient, subject, body, status, error_message, attempts,
               created_at, sent_at
        FROM notification_log WHERE user_id = :user_id ORDER BY id
    """,
    "bookings": """
        SELECT id, watch_id, location_key, target_date, meal, party_size, reserved_ts, first_name, last_name, email,
               phone, state, reason, answer, wanted_at, attempted_at, settled_at, settled_by, note, cancelled_at
        FROM bookings WHERE user_id = :user_id ORDER BY id
    """,
    "alerts": f"SELECT * FROM alerts WHERE user_id = :user_id OR (user_id IS NULL AND email IN {_PROVEN}) ORDER BY id",
}
_FORGET_ALERTS = text(f"DELETE FROM alerts WHERE user_id = :user_id OR (user_id IS NULL AND email IN {_PROVEN})")
_FORGET_MESSAGES = text(f"DELETE FROM notification_log WHERE user_id IS NULL AND recipient IN {_PROVEN}")
# Without the token an answer that comes late finds nothing to write itself to: it names the guest.
_FORGET_BOOKINGS = text("""
    UPDATE bookings SET first_name = '', last_name = '', email = '', phone = 'deleted-' || id, answer = NULL,
           note = NULL, claim_token = NULL
    WHERE user_id = :user_id
""")


async def notifications(session: AsyncSession, user_id: int, *, before: int, limit: int) -> Sequence[Row[Any]]:
    return (await session.execute(_NOTIFICATIONS, {"user_id": user_id, "before": before, "limit": limit})).all()


async def bookings(session: AsyncSession, user_id: int, *, before: int, limit: int) -> Sequence[Row[Any]]:
    return (await session.execute(_BOOKINGS, {"user_id": user_id, "before": before, "limit": limit})).all()


async def watch(session: AsyncSession, watch_id: int, *, user_id: int) -> Row[Any] | None:
    """One's own watch with its group."""
    return (await session.execute(_WATCH, {"id": watch_id, "user_id": user_id})).one_or_none()


async def openings_in_window(session: AsyncSession, watch: Row[Any]) -> Sequence[Row[Any]]:
    """Tables in the watch's window that were open since it was left."""
    values = {"group_id": watch.group_id, "since": watch.created_at, "timezone": watch.timezone}
    window = {"time_start": watch.time_start, "time_end": watch.time_end}
    return (await session.execute(_OPENINGS, {**values, **window})).all()


async def messages_of_watch(session: AsyncSession, watch_id: int) -> Sequence[Row[Any]]:
    return (await session.execute(_MESSAGES_OF_WATCH, {"id": watch_id})).all()


async def bookings_of_watch(session: AsyncSession, watch_id: int) -> Sequence[Row[Any]]:
    return (await session.execute(_BOOKINGS_OF_WATCH, {"id": watch_id})).all()


async def everything(session: AsyncSession, user_id: int) -> dict[str, Any]:
    """Rows by table, as JSON values."""
    found: dict[str, Any] = {}
    for name, statement in _EXPORTED.items():
        rows = text(f"SELECT coalesce(json_agg(t), '[]'::json) FROM ({statement}) t")
        found[name] = await session.scalar(rows, {"user_id": user_id})
    return found


async def is_being_booked(session: AsyncSession, user_id: int) -> bool:
    return bool(await session.scalar(_BEING_BOOKED, {"user_id": user_id}))


async def forget(session: AsyncSession, user_id: int) -> None:
    """Delete the account with all that hangs on it; bookings stay without names.

    Somebody else may hold a booking and want the account: we give up first.
    """
    await session.execute(text("SET LOCAL lock_timeout = '500ms'"))
    await session.execute(text("DELETE FROM bookings WHERE user_id = :id AND state = 'wanted'"), {"id": user_id})
    for statement in (_FORGET_BOOKINGS, _FORGET_ALERTS, _FORGET_MESSAGES):
        await session.execute(statement, {"user_id": user_id})
    await session.execute(text("DELETE FROM users WHERE id = :id"), {"id": user_id})
