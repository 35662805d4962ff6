"""Signs of life."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

# Who ended without a word is forgotten after a day.
_BEAT = text("""
    WITH forgotten AS (DELETE FROM heartbeats WHERE beat_at < now() - interval '1 day' AND process <> :process)
    INSERT INTO heartbeats (process, part, queues, version) VALUES (:process, :part, :queues, :version)
    ON CONFLICT (process) DO UPDATE SET beat_at = now(), part = excluded.part, queues = excluded.queues,
      version = excluded.version
""")
_ALL = text("""
    SELECT process, part, queues, version, started_at, beat_at,
           greatest(extract(epoch FROM now() - beat_at), 0) AS age_seconds
    FROM heartbeats ORDER BY part, process
""")


async def beat(session: AsyncSession, *, process: str, part: str, queues: str, version: str) -> None:
    """Say that a process is alive; those that were not for a day are forgotten."""
    await session.execute(_BEAT, {"process": process, "part": part, "queues": queues, "version": version})


async def stop(session: AsyncSession, process: str) -> None:
    """A process ends in order: nobody is to miss it."""
    await session.execute(text("DELETE FROM heartbeats WHERE process = :process"), {"process": process})


async def everyone(session: AsyncSession) -> Sequence[Row[Any]]:
    """All processes known, with the age of their last sign of life in seconds."""
    return (await session.execute(_ALL)).all()
