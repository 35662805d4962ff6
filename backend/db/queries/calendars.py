"""Private calendar feeds, found by the hash of their address's token."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

_SET = text("""
    INSERT INTO preferences (user_id, calendar_token_hash) VALUES (:user_id, :token_hash)
    ON CONFLICT (user_id) DO UPDATE SET calendar_token_hash = excluded.calendar_token_hash
""")
_CLEAR = text("UPDATE preferences SET calendar_token_hash = NULL WHERE user_id = :user_id")
_OWNER = text("""
    SELECT p.user_id FROM preferences p JOIN users u ON u.id = p.user_id AND u.disabled_at IS NULL
    WHERE p.calendar_token_hash = :token_hash
""")
_BOOKINGS = text("""
    SELECT b.id, l.name, l.city, l.state, l.timezone, b.reserved_ts, b.party_size, b.state AS outcome,
           coalesce(b.cancelled_at, b.settled_at, b.wanted_at) AS changed_at
    FROM bookings b JOIN locations l ON l.key = b.location_key
    WHERE b.user_id = :user_id AND b.state IN ('booked', 'cancelled') AND b.attempted_at IS NOT NULL
      AND b.target_date > current_date - 60
    ORDER BY b.id
""")
_WATCHES = text("""
    SELECT w.id, l.name, l.city, l.state, l.timezone, w.target_date, w.time_start, w.time_end, w.party_size,
           w.updated_at
    FROM watches w JOIN locations l ON l.key = w.location_key
    WHERE w.user_id = :user_id AND w.status = 'active' ORDER BY w.id
""")


async def set_token(session: AsyncSession, user_id: int, token_hash: bytes) -> None:
    """Give a person's feed an address; the one before leads nowhere from now on."""
    await session.execute(_SET, {"user_id": user_id, "token_hash": token_hash})


async def clear_token(session: AsyncSession, user_id: int) -> None:
    await session.execute(_CLEAR, {"user_id": user_id})


async def owner(session: AsyncSession, token_hash: bytes) -> int | None:
    """Whose feed it is."""
    found: int | None = await session.scalar(_OWNER, {"token_hash": token_hash})
    return found


async def bookings(session: AsyncSession, user_id: int) -> Sequence[Row[Any]]:
    return (await session.execute(_BOOKINGS, {"user_id": user_id})).all()


async def watches(session: AsyncSession, user_id: int) -> Sequence[Row[Any]]:
    return (await session.execute(_WATCHES, {"user_id": user_id})).all()
