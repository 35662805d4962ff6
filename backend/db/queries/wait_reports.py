"""Waits at the door."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

# By ix_wait_reports_location_created_at.
_NEWEST = text("""
    SELECT l.key, r.id, r.location, r.wait_minutes, r.source, r.created_at
    FROM locations l LEFT JOIN LATERAL (
        SELECT * FROM wait_reports w WHERE w.location = l.key ORDER BY w.created_at DESC, w.id DESC LIMIT :most
    ) r ON true
    ORDER BY l.key, r.created_at DESC, r.id DESC
""")
_ADD = text("INSERT INTO wait_reports (location, wait_minutes, source) VALUES (:location, :wait_minutes, :source)")


async def newest(session: AsyncSession, *, most: int) -> dict[str, list[Row[Any]]]:
    """The newest reports of every restaurant, also of those that have none."""
    found: dict[str, list[Row[Any]]] = {}
    rows: Sequence[Row[Any]] = (await session.execute(_NEWEST, {"most": most})).all()
    for row in rows:
        found.setdefault(row.key, [])
        if row.id is not None:
            found[row.key].append(row)
    return found


async def add(session: AsyncSession, *, location: str, wait_minutes: int, source: str) -> None:
    await session.execute(_ADD, {"location": location, "wait_minutes": wait_minutes, "source": source})
