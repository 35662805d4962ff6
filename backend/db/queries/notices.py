"""What messages need that no look has caused."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

# Watches whose day is over at the restaurant. The first condition can use an index; the second decides.
_EXPIRE = text("""
    WITH over AS (
        SELECT w.id, w.status FROM watches w JOIN locations l ON l.key = w.location_key
        WHERE w.status IN ('active', 'paused')
          AND w.target_date < (CAST(:now AS timestamptz) + interval '1 day')::date
          AND w.target_date < (CAST(:now AS timestamptz) AT TIME ZONE l.timezone)::date
        ORDER BY w.id LIMIT :most FOR UPDATE OF w SKIP LOCKED
    )
    UPDATE watches w SET status = 'expired', updated_at = now() FROM over
    WHERE w.id = over.id
    RETURNING w.id, w.user_id, over.status = 'active' AND NOT EXISTS (
        SELECT 1 FROM notification_log n WHERE n.watch_id = w.id AND n.kind = 'table_open'
          AND n.status IN ('queued', 'sending', 'sent')
    ) AND NOT EXISTS (
        SELECT 1 FROM bookings b WHERE b.watch_id = w.id AND b.state IN ('booked', 'unknown', 'attempting')
    ) AS is_unseen
""")
_MAIL_OF = text("""
    SELECT c.id, c.user_id, c.address FROM channels c JOIN users u ON u.id = c.user_id AND u.disabled_at IS NULL
    WHERE c.user_id = ANY(:users) AND c.kind = 'email' AND c.verified_at IS NOT NULL AND c.muted_at IS NULL
      AND c.disabled_at IS NULL ORDER BY c.id
""")
_WATCHES = """
    SELECT w.id, l.name AS restaurant, l.timezone, w.target_date, w.time_start, w.time_end, w.party_size, w.created_at,
           w.user_id, w.updated_at, w.snoozed_until, g.id AS group_id, g.looks, g.failed_looks, g.last_ok_at
    FROM watches w JOIN locations l ON l.key = w.location_key
    JOIN scan_groups g USING (location_key, target_date, party_size)
"""
_BY_IDS = text(f"{_WATCHES} WHERE w.id = ANY(:ids) ORDER BY w.id")
_ACTIVE_OF = text(f"""
    {_WATCHES} WHERE w.user_id = :user_id AND w.status = 'active' ORDER BY w.target_date, w.time_start, w.id LIMIT 50
""")
_EPISODES = text("""
    SELECT (to_timestamp(d.reserved_ts / 1000.0) AT TIME ZONE l.timezone)::time AS clock, d.reserved_ts,
           d.appeared_at, d.gone_at
    FROM slot_drops d JOIN locations l ON l.key = d.location
    WHERE d.group_id = :group_id AND d.reserved_ts IS NOT NULL AND coalesce(d.gone_at, 'infinity') > :since
    ORDER BY d.appeared_at LIMIT 500
""")
_DIGEST_READERS = text("""
    SELECT p.user_id, p.digest_at, coalesce(p.timezone, (
        SELECT l.timezone FROM watches w JOIN locations l ON l.key = w.location_key
        WHERE w.user_id = p.user_id AND w.status = 'active' ORDER BY w.target_date LIMIT 1
    )) AS timezone
    FROM preferences p JOIN users u ON u.id = p.user_id AND u.disabled_at IS NULL
    WHERE p.digest_at IS NOT NULL AND EXISTS (
        SELECT 1 FROM watches w WHERE w.user_id = p.user_id AND w.status = 'active'
    )
    ORDER BY p.user_id
""")
_TAKE_EVENTS = text("""
    DELETE FROM events WHERE id IN (
        SELECT id FROM events WHERE kind = :kind ORDER BY id LIMIT 500 FOR UPDATE SKIP LOCKED
    ) RETURNING subject_id
""")
_PEOPLE = text("SELECT id, name, email FROM users WHERE id = ANY(:ids) ORDER BY id")
_OPINIONS = text("SELECT id, message, contact FROM feedback WHERE id = ANY(:ids) ORDER BY id")
_DETAILS = text("SELECT details FROM notification_log WHERE id = :id")
# By ix_notification_log_texts. Providers' reasons quote addresses and words, and so does what tells of an address that
# was given up.
_FORGET_TEXTS = text("""
    WITH old AS MATERIALIZED (
        SELECT id FROM notification_log
        WHERE created_at < now() - CAST(:older_than AS interval) AND (body IS NOT NULL OR details ? 'address')
          AND status NOT IN ('queued', 'sending')
        ORDER BY created_at LIMIT 5000 FOR UPDATE SKIP LOCKED
    ), tried AS (
        UPDATE notification_attempts a SET reason = NULL FROM old
        WHERE a.notification_id = old.id AND a.reason IS NOT NULL
    )
    UPDATE notification_log n SET subject = NULL, body = NULL, error_message = NULL,
           details = CASE WHEN n.details ? 'address' THEN n.details - 'address' - 'reason' ELSE n.details END
    FROM old WHERE n.id = old.id
""")


async def expire_watches(session: AsyncSession, *, most: int, now: datetime) -> Sequence[Row[Any]]:
    """End watches whose day is over at the restaurant; `is_unseen`: it was waiting, and nothing of it was told,
    or is going to be.
    """
    return (await session.execute(_EXPIRE, {"most": most, "now": now})).all()


async def mail_channels(session: AsyncSession, user_ids: Sequence[int]) -> Sequence[Row[Any]]:
    """Where these people can be written to."""
    return (await session.execute(_MAIL_OF, {"users": sorted(set(user_ids))})).all()


async def watches(session: AsyncSession, ids: Sequence[int]) -> Sequence[Row[Any]]:
    return (await session.execute(_BY_IDS, {"ids": list(ids)})).all()


async def active_watches(session: AsyncSession, user_id: int) -> Sequence[Row[Any]]:
    return (await session.execute(_ACTIVE_OF, {"user_id": user_id})).all()


async def episodes(session: AsyncSession, group_id: int, *, since: datetime) -> Sequence[Row[Any]]:
    """What was open in a group at some time since then."""
    return (await session.execute(_EPISODES, {"group_id": group_id, "since": since})).all()


async def digest_readers(session: AsyncSession) -> Sequence[Row[Any]]:
    """Who wants a digest and has something to read in it."""
    return (await session.execute(_DIGEST_READERS)).all()


async def take_events(session: AsyncSession, kind: str) -> list[int]:
    """Subjects of events, taken away: the caller's transaction puts them into a message."""
    return sorted((await session.execute(_TAKE_EVENTS, {"kind": kind})).scalars())


async def people(session: AsyncSession, ids: Sequence[int]) -> Sequence[Row[Any]]:
    return (await session.execute(_PEOPLE, {"ids": list(ids)})).all()


async def opinions(session: AsyncSession, ids: Sequence[int]) -> Sequence[Row[Any]]:
    return (await session.execute(_OPINIONS, {"ids": list(ids)})).all()


async def details(session: AsyncSession, notification_id: int) -> dict[str, Any]:
    """The ids that a message is to tell of."""
    found: dict[str, Any] | None = await session.scalar(_DETAILS, {"id": notification_id})
    return found or {}


async def forget_texts(session: AsyncSession, *, older_than: Any) -> int:
    """Delete the words of some old messages, and providers' words about them; returns how many.

    That they were sent, and to whom, stays.
    """
    result: Any = await session.execute(_FORGET_TEXTS, {"older_than": older_than})
    return int(result.rowcount)
