"""What only an administrator sees: everybody's watches."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

_WATCHES = text("""
    SELECT w.*, g.last_ok_at AS last_scanned, u.email AS user_email, u.name AS user_name
    FROM watches w JOIN scan_groups g USING (location_key, target_date, party_size) JOIN users u ON u.id = w.user_id
    ORDER BY w.target_date DESC, w.time_start, w.id
""")


async def every_watch(session: AsyncSession) -> Sequence[Row[Any]]:
    """All watches with their owners, the latest day first."""
    return (await session.execute(_WATCHES)).all()
