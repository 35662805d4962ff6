"""What the earlier version told watches of, until a drop fits it."""

from collections.abc import Collection, Sequence

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from backend.domain.told_before import Table, Told

_OPEN = text("""
    SELECT id, watch_id, slot_date, slot_time, party_size FROM told_before
    WHERE watch_id = ANY(:watches) AND drop_id IS NULL
""")
_USED = text("""
    UPDATE told_before t SET drop_id = u.drop_id FROM unnest(CAST(:ids AS bigint[]), CAST(:drops AS bigint[]))
    AS u(id, drop_id) WHERE t.id = u.id AND t.drop_id IS NULL
""")


async def open_entries(session: AsyncSession, watch_ids: Collection[int]) -> list[Told]:
    """What no drop has fitted so far. The caller holds the rows of the watches' groups."""
    rows = await session.execute(_OPEN, {"watches": sorted(watch_ids)})
    return [Told(row.id, row.watch_id, Table(row.slot_date, row.slot_time, row.party_size)) for row in rows]


async def use_up(session: AsyncSession, fits: Sequence[tuple[int, int]]) -> None:
    """(entry, drop): from now on a table at that time is news."""
    if fits:
        ids, drops = ([fit[i] for fit in sorted(fits)] for i in range(2))
        await session.execute(_USED, {"ids": ids, "drops": drops})
