"""Messages for the delivery to work on: many people's table-open mails, and some more to be written meanwhile."""

from collections.abc import Sequence
from datetime import UTC, datetime, time
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from backend.db.queries import notifications
from backend.db.queries.notifications import NewMessage
from backend.domain.types import Kind
from backend.domain.windows import epoch_ms, instant
from bench.workload import Group, Workload, seed

_OPENS_AT = time(18, 30)
_MATCHES = """
    SELECT w.id AS watch_id, w.user_id, c.id AS channel_id, c.address, d.id AS drop_id
    FROM watches w JOIN channels c USING (user_id)
    JOIN scan_groups g USING (location_key, target_date, party_size) JOIN slot_drops d ON d.group_id = g.id
    ORDER BY w.id LIMIT $1
"""
# As scans leave them, written in bulk: the measured worker has not seen them.
_QUEUE = """
    WITH told AS (
        INSERT INTO notification_log (user_id, watch_id, channel_id, channel, kind, recipient, priority)
        SELECT m.user_id, m.watch_id, m.channel_id, 'email', 'table_open', c.address, 0
        FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) AS m (watch_id, user_id, channel_id)
        JOIN channels c ON c.id = m.channel_id RETURNING id, watch_id
    )
    INSERT INTO notification_items (notification_id, drop_id, dedup_key)
    SELECT told.id, m.drop_id, 'bench:' || told.id
    FROM told JOIN unnest($1::bigint[], $4::bigint[]) AS m (watch_id, drop_id) USING (watch_id)
"""


async def lay_out(connection: Any, matches: int) -> Sequence[Any]:
    """Write people, watches and open tables; returns so many pairs that match, each a message to be written."""
    # One more, because whole numbers round.
    groups = -(-matches * 1890 // 4443) + 1
    found = await seed(connection, Workload(Workload(10 * matches + 10, groups).matches, groups))
    await connection.copy_records_to_table("slot_drops", columns=_DROP, records=map(_drop, range(1, groups + 1), found))
    await connection.execute("ANALYZE")
    rows: Sequence[Any] = await connection.fetch(_MATCHES, matches)
    return rows


async def queue(connection: Any, rows: Sequence[Any]) -> None:
    """The backlog: queued, due, and nobody was asked to send it."""
    columns = ("watch_id", "user_id", "channel_id", "drop_id")
    await connection.execute(_QUEUE, *([row[column] for row in rows] for column in columns))
    await connection.execute("ANALYZE notification_log, notification_items")


async def write(session: AsyncSession, row: Any, *, recipient: str) -> list[tuple[int, str]]:
    """One message, as the product writes it."""
    message = NewMessage(
        user_id=row["user_id"],
        watch_id=row["watch_id"],
        booking_id=None,
        channel_id=row["channel_id"],
        channel="email",
        kind=Kind.TABLE_OPEN,
        recipient=recipient,
        items=((row["drop_id"], f"bench:{recipient}"),),
    )
    return await notifications.add(session, [message])


_DROP = (
    *("group_id", "location", "slot_date", "slot_time", "party_size", "reserved_ts", "reservation_type_id"),
    *("reservation_type_name", "appeared_at", "last_seen_at"),
)


def _drop(number: int, group: Group) -> tuple[Any, ...]:
    now = datetime.now(UTC)
    at = epoch_ms(instant(group.day, _OPENS_AT, group.timezone))
    return (number, group.location_key, group.day, "18:30", group.party_size, at, 1, "Dinner", now, now)
