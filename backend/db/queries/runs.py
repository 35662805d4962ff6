"""Scan runs: counts that come in from several batches."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

CLOSE_AFTER = timedelta(minutes=5)

_ADD = text("""
    UPDATE scan_runs SET groups_done = groups_done + :groups, failed = failed + :failed, scanned = scanned + :scanned,
           skipped = skipped + :skipped, matches = matches + :matches, booked = booked + :booked,
           closed_at = CASE WHEN groups_done + :groups >= groups THEN coalesce(closed_at, now()) ELSE closed_at END
    WHERE id = :id
    RETURNING tier, scanned, skipped, matches, booked, failed, groups,
              groups_done >= groups AND groups_done - :groups < groups AND closed_at = now() AS is_complete
""")

_CLOSE = text("""
    UPDATE scan_runs SET closed_at = now() WHERE closed_at IS NULL AND started_at < now() - CAST(:after AS interval)
    RETURNING id, tier, scanned, skipped, matches, booked, failed, groups
""")


async def start(session: AsyncSession, *, tier: str, groups: int) -> int:
    statement = text("INSERT INTO scan_runs (tier, groups) VALUES (:tier, :groups) RETURNING id")
    return int((await session.execute(statement, {"tier": tier, "groups": groups})).scalar_one())


async def add(session: AsyncSession, run_id: int, **counts: int) -> Row[Any] | None:
    """Add counts; the row that comes back says whether this completed the run."""
    zero = dict.fromkeys(("groups", "failed", "scanned", "skipped", "matches", "booked"), 0)
    return (await session.execute(_ADD, {"id": run_id, **zero, **counts})).one_or_none()


async def close_stale(session: AsyncSession) -> Sequence[Row[Any]]:
    """Close runs that lost a batch."""
    return (await session.execute(_CLOSE, {"after": CLOSE_AFTER})).all()
