"""Counts of the ledgers, for the metrics."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

Totals = dict[str, dict[tuple[str, ...], float]]

_RUNS = text("""
    SELECT tier, sum(scanned) AS scanned, sum(skipped) AS skipped, sum(matches) AS matches, sum(booked) AS booked
    FROM scan_runs GROUP BY tier
""")
_NOTIFICATIONS = text("SELECT channel, status, count(*) AS n FROM notification_log GROUP BY channel, status")
_BOOKINGS = text("SELECT state, count(*) AS n FROM bookings GROUP BY state")


async def read_totals(session: AsyncSession) -> Totals:
    """name → label values → value."""
    totals: Totals = {name: {} for name in ("scanned", "skipped", "matches", "booked", "notifications", "bookings")}
    for row in await session.execute(_RUNS):
        for name in ("scanned", "skipped", "matches", "booked"):
            totals[name][(row.tier,)] = float(row._mapping[name])
    for row in await session.execute(_NOTIFICATIONS):
        totals["notifications"][(row.channel, row.status)] = float(row.n)
    for row in await session.execute(_BOOKINGS):
        totals["bookings"][(row.state,)] = float(row.n)
    return totals
