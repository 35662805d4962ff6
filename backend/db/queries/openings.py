"""Drops, their history, and how much was looked at."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import insert, text
from sqlalchemy.ext.asyncio import AsyncSession

from backend.db.models import ScanHistory, SlotDrop
from backend.domain.types import Drop

_OPEN = text("""
    SELECT id, group_id, reserved_ts, reservation_type_id, appeared_at, last_seen_at FROM slot_drops
    WHERE group_id = ANY(:ids) AND gone_at IS NULL ORDER BY id
""")
_STAMP = {
    column: text(f"""
        UPDATE slot_drops d SET {column} = s.at FROM unnest(CAST(:ids AS bigint[]), CAST(:ats AS timestamptz[]))
        AS s(id, at) WHERE d.id = s.id AND d.gone_at IS NULL
    """)
    for column in ("gone_at", "last_seen_at")
}
_EXPOSE = text("""
    INSERT INTO look_exposure AS e (location, weekday, hour, days_ahead, looks, seconds_covered)
    SELECT * FROM unnest(CAST(:location AS text[]), CAST(:weekday AS int[]), CAST(:hour AS int[]),
                         CAST(:days_ahead AS int[]), CAST(:looks AS bigint[]), CAST(:seconds AS float8[]))
    ON CONFLICT (location, weekday, hour, days_ahead) DO UPDATE
      SET looks = e.looks + excluded.looks, seconds_covered = e.seconds_covered + excluded.seconds_covered
""")

Exposure = tuple[str, int, int, int]


async def open_drops(session: AsyncSession, group_ids: Sequence[int]) -> dict[int, list[Drop]]:
    """What is open, by group."""
    found: dict[int, list[Drop]] = {group_id: [] for group_id in group_ids}
    for row in await session.execute(_OPEN, {"ids": list(group_ids)}):
        drop = Drop(row.id, row.reserved_ts, row.reservation_type_id, row.appeared_at, row.last_seen_at)
        found[row.group_id].append(drop)
    return found


async def close_drops(session: AsyncSession, stamps: Iterable[tuple[int, datetime]]) -> None:
    await _stamp(session, "gone_at", stamps)


async def mark_seen(session: AsyncSession, stamps: Iterable[tuple[int, datetime]]) -> None:
    await _stamp(session, "last_seen_at", stamps)


async def add_drops(session: AsyncSession, rows: Sequence[dict[str, Any]]) -> list[int]:
    """Insert drops; returns their ids in the order of the rows."""
    if not rows:
        return []
    statement = insert(SlotDrop).returning(SlotDrop.id, sort_by_parameter_order=True)
    return list((await session.execute(statement, rows)).scalars())


async def add_history(session: AsyncSession, rows: Sequence[dict[str, Any]]) -> None:
    if rows:
        await session.execute(insert(ScanHistory), rows)


async def add_exposure(session: AsyncSession, covered: Mapping[Exposure, tuple[int, float]]) -> None:
    """(location, weekday, hour, days ahead) → looks and seconds, added to what is there. Sorted against deadlocks."""
    keys = sorted(covered)
    columns = {name: [key[i] for key in keys] for i, name in enumerate(("location", "weekday", "hour", "days_ahead"))}
    looks, seconds = [covered[key][0] for key in keys], [covered[key][1] for key in keys]
    await session.execute(_EXPOSE, {**columns, "looks": looks, "seconds": seconds})


async def _stamp(session: AsyncSession, column: str, stamps: Iterable[tuple[int, datetime]]) -> None:
    rows = sorted(stamps)
    if rows:
        await session.execute(_STAMP[column], {"ids": [row[0] for row in rows], "ats": [row[1] for row in rows]})
