"""Counts of the ledgers, for the metrics."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from backend.db.queries import heartbeats

Totals = dict[str, dict[tuple[str, ...], float]]

_RUNS = text("""
    SELECT tier, sum(scanned) AS scanned, sum(skipped) AS skipped, sum(matches) AS matches, sum(booked) AS booked
    FROM scan_runs GROUP BY tier
""")
_NOTIFICATIONS = text("SELECT channel, status, count(*) AS n FROM notification_log GROUP BY channel, status")
_BOOKINGS = text("SELECT state, count(*) AS n FROM bookings GROUP BY state")

# A row that is due and that nobody has in hand; what is held back on purpose is due later.
_OUTBOX = text("""
    SELECT channel, count(*) AS n, extract(epoch FROM now() - min(next_attempt_at)) AS oldest
    FROM notification_log WHERE status = 'queued' AND next_attempt_at <= now() GROUP BY channel
""")
_WATCHES = text("SELECT status, count(*) AS n FROM watches GROUP BY status")
_GROUPS = text("""
    SELECT tier, count(*) AS n, count(*) FILTER (WHERE next_scan_at <= now()) AS due,
           extract(epoch FROM now() - min(next_scan_at) FILTER (WHERE next_scan_at <= now())) AS overdue,
           greatest(extract(epoch FROM now() - min(coalesce(last_ok_at, created_at))), 0) AS stalest,
           count(*) FILTER (WHERE failures > 0) AS failing
    FROM scan_groups WHERE next_scan_at IS NOT NULL GROUP BY tier
""")
# What must never be. Each is counted, and one of any of them is an alarm.
_INVARIANTS = {
    "two live bookings for a meal": """
        SELECT count(*) FROM (
            SELECT 1 FROM bookings WHERE state IN ('attempting', 'booked', 'unknown') AND user_id IS NOT NULL
            GROUP BY user_id, target_date, meal HAVING count(*) > 1
        ) t
    """,
    "an open table that the last look did not see": """
        SELECT count(*) FROM slot_drops d JOIN scan_groups g ON g.id = d.group_id
        WHERE d.gone_at IS NULL AND d.source = 'look' AND g.complete_look_at > d.last_seen_at
    """,
    "a message due for over an hour": """
        SELECT count(*) FROM notification_log
        WHERE status = 'queued' AND next_attempt_at < now() - interval '1 hour'
    """,
    "a watch that is active after its day": """
        SELECT count(*) FROM watches w JOIN locations l ON l.key = w.location_key
        WHERE w.status = 'active' AND w.target_date < current_date - 1
          AND w.target_date < ((now() - interval '3 hours') AT TIME ZONE l.timezone)::date
    """,
}


async def read_state(session: AsyncSession) -> Totals:
    """How things stand: what is due and how old it is, by name → label values → value."""
    found: Totals = {
        name: {}
        for name in (
            *("outbox", "outbox_oldest", "watches", "groups", "groups_due", "groups_overdue", "groups_stalest"),
            *("groups_failing", "heartbeats", "violations"),
        )
    }
    for row in await session.execute(_OUTBOX):
        found["outbox"][(row.channel,)] = float(row.n)
        found["outbox_oldest"][(row.channel,)] = float(row.oldest)
    for row in await session.execute(_WATCHES):
        found["watches"][(row.status,)] = float(row.n)
    for row in await session.execute(_GROUPS):
        found["groups"][(row.tier,)] = float(row.n)
        found["groups_due"][(row.tier,)] = float(row.due)
        found["groups_overdue"][(row.tier,)] = float(row.overdue or 0)
        found["groups_stalest"][(row.tier,)] = float(row.stalest)
        found["groups_failing"][(row.tier,)] = float(row.failing)
    youngest: dict[tuple[str, ...], float] = {}
    for row in await heartbeats.everyone(session):
        for queue in row.queues.split(","):
            key = (row.part, queue)
            youngest[key] = min(float(row.age_seconds), youngest.get(key, float("inf")))
    found["heartbeats"] = youngest
    for name, statement in _INVARIANTS.items():
        found["violations"][(name,)] = float(await session.scalar(text(statement)) or 0)
    return found


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
