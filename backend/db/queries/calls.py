"""Telephone calls to restaurants, and what they say about waits.

Weekdays (0 is Sunday) and hours are the restaurant's.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

_COLUMNS = (
    "id, location, phone, call_id, wait_count, wait_minutes, transcript, summary, recording_url, call_duration, "
    "answered_by, status, called_at, created_at"
)
_NEWEST = text(f"""
    SELECT {_COLUMNS} FROM call_logs WHERE CAST(:location AS text) IS NULL OR location = :location
    ORDER BY called_at DESC, id DESC LIMIT :most
""")
_LATEST = text("""
    SELECT DISTINCT ON (c.location) l.name, c.location, c.wait_count, c.wait_minutes, c.called_at
    FROM call_logs c JOIN locations l ON l.key = c.location ORDER BY c.location, c.called_at DESC, c.id DESC
""")
_BY_PART = {
    name: text(f"""
        SELECT location, {name}, round(avg(wait_minutes), 1) AS avg_wait, count(*) AS n
        FROM (
            SELECT c.location, c.wait_minutes,
                   CAST(extract({name} FROM c.called_at AT TIME ZONE l.timezone) AS int) AS {name}
            FROM call_logs c JOIN locations l ON l.key = c.location WHERE c.wait_minutes IS NOT NULL
        ) known
        GROUP BY location, {name} ORDER BY location, {name}
    """)
    for name in ("dow", "hour")
}
_BY_LOCATION = text("""
    SELECT location, round(avg(wait_minutes), 1) AS avg_wait, count(*) AS total_calls,
           count(wait_minutes) AS calls_with_data
    FROM call_logs GROUP BY location ORDER BY location
""")
_ADD = text("""
    INSERT INTO call_logs (location, phone, call_id, wait_count, wait_minutes, transcript, summary, recording_url,
                           call_duration, answered_by, status, called_at)
    VALUES (:location, :phone, :call_id, :wait_count, :wait_minutes, :transcript, :summary, :recording_url,
            :call_duration, :answered_by, :status, :called_at)
""")


async def newest(session: AsyncSession, *, location: str | None, most: int) -> Sequence[Row[Any]]:
    return (await session.execute(_NEWEST, {"location": location, "most": most})).all()


async def latest(session: AsyncSession) -> Sequence[Row[Any]]:
    """The last call to each restaurant, without what was said."""
    return (await session.execute(_LATEST)).all()


async def by_day_of_week(session: AsyncSession) -> Sequence[Row[Any]]:
    return (await session.execute(_BY_PART["dow"])).all()


async def by_hour(session: AsyncSession) -> Sequence[Row[Any]]:
    return (await session.execute(_BY_PART["hour"])).all()


async def by_location(session: AsyncSession) -> Sequence[Row[Any]]:
    return (await session.execute(_BY_LOCATION)).all()


async def add(session: AsyncSession, values: dict[str, Any]) -> None:
    await session.execute(_ADD, values)
