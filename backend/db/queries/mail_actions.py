"""What the links in mails are about."""

from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

_WATCH = text("""
    SELECT w.id, w.user_id, w.status, w.target_date, w.time_start, w.time_end, w.party_size, l.name,
           u.disabled_at IS NULL AS is_enabled
    FROM watches w JOIN locations l ON l.key = w.location_key JOIN users u ON u.id = w.user_id WHERE w.id = :id
""")
_BOOKING = text("""
    SELECT b.id, b.user_id, b.state, b.target_date, b.reserved_ts, b.party_size, l.name, l.timezone,
           u.disabled_at IS NULL AS is_enabled
    FROM bookings b JOIN locations l ON l.key = b.location_key JOIN users u ON u.id = b.user_id WHERE b.id = :id
""")


async def watch(session: AsyncSession, watch_id: int) -> Row[Any] | None:
    """A watch, whoever's, with its restaurant's name."""
    return (await session.execute(_WATCH, {"id": watch_id})).one_or_none()


async def booking(session: AsyncSession, booking_id: int) -> Row[Any] | None:
    """A booking, whoever's, with its restaurant's name."""
    return (await session.execute(_BOOKING, {"id": booking_id})).one_or_none()
