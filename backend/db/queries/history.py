"""What was open and when, as clients read and record it."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

_SCANS = text("""
    SELECT id, location, scan_date, time_slot, party_sizes, available, scanned_at
    FROM scan_history ORDER BY scanned_at DESC, id DESC LIMIT :most
""")
_DROPS = text("""
    SELECT id, location, slot_date, slot_time, appeared_at, gone_at, created_at
    FROM slot_drops ORDER BY appeared_at DESC, id DESC LIMIT :most
""")
_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended(:slot, 0))")
# By ix_scan_history_slot.
_LAST = text("""
    SELECT available FROM scan_history
    WHERE location = :location AND scan_date = :scan_date AND time_slot = :time_slot
    ORDER BY scanned_at DESC, id DESC LIMIT 1
""")
_ADD = text("""
    INSERT INTO scan_history (location, scan_date, time_slot, party_sizes, available, scanned_at)
    VALUES (:location, :scan_date, :time_slot, :party_sizes, :available, now())
""")
_ADD_DROP = text("""
    INSERT INTO slot_drops (location, slot_date, slot_time, source, appeared_at, last_seen_at, gone_at)
    VALUES (:location, :scan_date, :time_slot, 'record', now(), now(), now())
""")


async def scans(session: AsyncSession, *, most: int) -> Sequence[Row[Any]]:
    """Newest first."""
    return (await session.execute(_SCANS, {"most": most})).all()


async def drops(session: AsyncSession, *, most: int) -> Sequence[Row[Any]]:
    """Newest first, of every source."""
    return (await session.execute(_DROPS, {"most": most})).all()


async def lock_slot(session: AsyncSession, location: str, scan_date: date, time_slot: str) -> None:
    """One recorder at a time for a slot, until the transaction ends."""
    await session.execute(_LOCK, {"slot": f"{location} {scan_date} {time_slot}"})


async def was_available(session: AsyncSession, location: str, scan_date: date, time_slot: str) -> bool | None:
    """What the newest row says; None when there is none."""
    values = {"location": location, "scan_date": scan_date, "time_slot": time_slot}
    found: bool | None = await session.scalar(_LAST, values)
    return found


async def add(session: AsyncSession, values: dict[str, Any]) -> None:
    await session.execute(_ADD, values)


async def add_recorded_drop(session: AsyncSession, values: dict[str, Any]) -> None:
    """Closed on arrival: nobody looks at it again, so it neither matches nor teaches."""
    await session.execute(_ADD_DROP, {key: values[key] for key in ("location", "scan_date", "time_slot")})
