"""What the links in mails are about."""

from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

_WATCH = text("""
    SELECT w.id, w.user_id, w.status, w.target_date, w.time_start, w.time_end, w.party_size, l.name,
           u.disabled_at IS NULL AS is_enabled
    FROM watches w JOIN locations l ON l.key = w.location_key JOIN users u ON u.id = w.user_id WHERE w.id = :id
""")


async def watch(session: AsyncSession, watch_id: int) -> Row[Any] | None:
    """A watch, whoever's, with its restaurant's name."""
    return (await session.execute(_WATCH, {"id": watch_id})).one_or_none()
