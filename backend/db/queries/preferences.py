"""How people want to be told."""

from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from backend.db.base import AnySession

COLUMNS = (
    *("timezone", "quiet_from", "quiet_to", "quiet_breaks_tonight", "snoozed_until"),
    *("sms_within_hours", "sms_for_auto_book", "digest_at"),
)
_OF_USER = text("""
    SELECT p.timezone, p.quiet_from, p.quiet_to, coalesce(p.quiet_breaks_tonight, false) AS quiet_breaks_tonight,
           p.snoozed_until, coalesce(p.sms_within_hours, 2) AS sms_within_hours,
           coalesce(p.sms_for_auto_book, true) AS sms_for_auto_book, p.digest_at
    FROM (SELECT CAST(:user_id AS bigint) AS user_id) u LEFT JOIN preferences p USING (user_id)
""")
# A row with the defaults, locked; for whoever has none it is made.
_LOCK = text(f"""
    INSERT INTO preferences (user_id) VALUES (:user_id)
    ON CONFLICT (user_id) DO UPDATE SET user_id = excluded.user_id RETURNING {", ".join(COLUMNS)}
""")
_SET = text(f"""
    UPDATE preferences SET {", ".join(f"{name} = :{name}" for name in COLUMNS)} WHERE user_id = :user_id
""")
# What is held back is judged anew, by the new wishes.
_RELEASE_HELD = text("""
    UPDATE notification_log SET next_attempt_at = now(), dispatched_at = NULL WHERE id IN (
        SELECT n.id FROM notification_log n LEFT JOIN watches w ON w.id = n.watch_id
        WHERE coalesce(w.user_id, n.user_id) = :user_id AND n.status = 'queued' AND n.hold_reason IS NOT NULL
          AND (CAST(:watch_id AS bigint) IS NULL OR w.id = :watch_id)
        ORDER BY n.id FOR UPDATE OF n
    ) RETURNING id, channel
""")
_SNOOZE_WATCH = text("""
    UPDATE watches SET snoozed_until = :until, updated_at = now(),
           needs_match = needs_match OR CAST(:until AS timestamptz) IS NULL
    WHERE id = :id
""")


async def of_user(session: AnySession, user_id: int) -> Row[Any]:
    """A person's wishes; the defaults where they never named any."""
    return (await session.execute(_OF_USER, {"user_id": user_id})).one()


async def lock(session: AsyncSession, user_id: int) -> Row[Any]:
    """A person's wishes until the transaction ends; made with the defaults where there were none."""
    return (await session.execute(_LOCK, {"user_id": user_id})).one()


async def change(session: AsyncSession, user_id: int, values: dict[str, Any]) -> None:
    """Write all of them."""
    await session.execute(_SET, {**values, "user_id": user_id})


async def release_held(
    session: AsyncSession, user_id: int, *, watch_id: int | None = None
) -> tuple[tuple[int, str], ...]:
    """Judge anew what is held back for a person, or for one watch of theirs; returns (id, channel) to dispatch."""
    rows = await session.execute(_RELEASE_HELD, {"user_id": user_id, "watch_id": watch_id})
    return tuple((row.id, row.channel) for row in rows)


async def snooze_watch(session: AsyncSession, watch_id: int, until: Any) -> None:
    """Tell nothing of a locked watch until then; None: tell again, and match it with what is open."""
    await session.execute(_SNOOZE_WATCH, {"id": watch_id, "until": until})
