"""The ledger of messages: written, read, found again. What happens on their way is in `delivery`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import Row, insert, text
from sqlalchemy.ext.asyncio import AsyncSession

from backend.db.models import Notification, NotificationItem
from backend.domain.types import PATIENT_KINDS

UNCLAIMED_FOR = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class NewMessage:
    """A row of the ledger and its items, as (drop or None, dedup key). Only a queued one is sent.

    `priority` None: by its kind. `replaces_id`: the message that failed on another channel.
    """

    user_id: int | None
    watch_id: int | None
    booking_id: int | None
    channel_id: int | None
    channel: str
    kind: str
    recipient: str
    items: tuple[tuple[int | None, str], ...]
    status: str = "queued"
    error_message: str | None = None
    priority: int | None = None
    details: Mapping[str, Any] | None = None
    replaces_id: int | None = None

    def row(self) -> dict[str, Any]:
        """Its columns."""
        priority = self.priority if self.priority is not None else int(self.kind in PATIENT_KINDS)
        return {**{column: getattr(self, column) for column in _COLUMNS}, "priority": priority}


_COLUMNS = (
    *("user_id", "watch_id", "booking_id", "channel_id", "channel", "kind", "recipient", "status", "error_message"),
    *("details", "replaces_id"),
)
_KNOWN = text("SELECT dedup_key FROM notification_items WHERE dedup_key = ANY(:keys)")
_FACTS = text("""
    SELECT n.id, l.key AS location_key, l.name, l.city, l.state, l.timezone, l.booking_slug,
           coalesce(b.target_date, d.slot_date) AS target_date, coalesce(b.party_size, d.party_size) AS party_size,
           b.reserved_ts, b.reservation_type_id, d.reservation_type_name, b.reason,
           w.status AS watch_status, w.auto_book, l.auto_book_allowed, p.timezone AS persons_zone,
           (SELECT is_on FROM switches WHERE name = 'booking') AS switched_on, (
               SELECT min(c.state)
               FROM notification_items i JOIN bookings c ON c.watch_id = n.watch_id AND c.drop_id = i.drop_id
               WHERE i.notification_id = n.id AND c.state IN ('wanted', 'attempting')
           ) AS chance
    FROM notification_log n LEFT JOIN bookings b ON b.id = n.booking_id
    LEFT JOIN LATERAL (
        SELECT d.* FROM notification_items i JOIN slot_drops d ON d.id = i.drop_id
        WHERE i.notification_id = n.id ORDER BY d.id LIMIT 1
    ) d ON true
    JOIN locations l ON l.key = coalesce(b.location_key, d.location)
    LEFT JOIN watches w ON w.id = n.watch_id
    LEFT JOIN preferences p ON p.user_id = n.user_id
    WHERE n.id = ANY(:ids)
""")
_RETURN_LOST = text("""
    WITH lost AS (
        UPDATE notification_log SET status = 'queued', claim_token = NULL, lease_until = NULL, dispatched_at = NULL
        WHERE id IN (
            SELECT id FROM notification_log WHERE status = 'sending' AND lease_until < now() FOR UPDATE SKIP LOCKED
        ) RETURNING id, attempts
    )
    UPDATE notification_attempts a SET finished_at = now(), outcome = 'lost', reason = 'the worker did not come back'
    FROM lost WHERE a.notification_id = lost.id AND a.number = lost.attempts AND a.outcome IS NULL
""")
# Each channel's first ones: no long queue hides another.
_DUE = text("""
    SELECT due.id, due.channel
    FROM (SELECT DISTINCT channel FROM notification_log WHERE status = 'queued') c
    CROSS JOIN LATERAL (
        SELECT id, channel, priority, next_attempt_at FROM notification_log
        WHERE status = 'queued' AND channel = c.channel AND next_attempt_at <= now()
          AND (:everything OR dispatched_at IS NULL OR dispatched_at < now() - CAST(:unclaimed_for AS interval))
        ORDER BY priority, next_attempt_at LIMIT 1000
    ) due
    ORDER BY due.priority, due.next_attempt_at
""")
_UNSENT_OF_BOOKING = text("""
    SELECT id, channel FROM notification_log WHERE booking_id = :id AND status = 'queued' AND dispatched_at IS NULL
    ORDER BY id
""")
_DISPATCHED = text("""
    UPDATE notification_log SET dispatched_at = now() WHERE id IN (
        SELECT id FROM notification_log WHERE id = ANY(:ids) AND status = 'queued' ORDER BY id FOR UPDATE
    )
""")


async def known_keys(session: AsyncSession, keys: Sequence[str]) -> set[str]:
    """Which of these things were told before."""
    return set((await session.execute(_KNOWN, {"keys": list(keys)})).scalars()) if keys else set()


async def add(session: AsyncSession, messages: Sequence[NewMessage]) -> list[tuple[int, str]]:
    """Write messages with their items; returns (id, channel) of those to send. A known key violates its constraint."""
    if not messages:
        return []
    rows = [message.row() for message in messages]
    statement = insert(Notification).returning(Notification.id, sort_by_parameter_order=True)
    ids = list((await session.execute(statement, rows)).scalars())
    items = [
        {"notification_id": row_id, "drop_id": drop_id, "dedup_key": key}
        for row_id, message in zip(ids, messages, strict=True)
        for drop_id, key in message.items
    ]
    if items:
        await session.execute(insert(NotificationItem), sorted(items, key=lambda item: str(item["dedup_key"])))
    return [
        (row_id, message.channel) for row_id, message in zip(ids, messages, strict=True) if message.status == "queued"
    ]


async def facts(session: AsyncSession, ids: Sequence[int]) -> dict[int, Row[Any]]:
    """What messages about a watch or a booking are about, as it stands now; others are left out."""
    return {row.id: row for row in await session.execute(_FACTS, {"ids": list(ids)})} if ids else {}


async def return_lost(session: AsyncSession) -> None:
    """Messages whose sender did not come back are queued again: better twice than never."""
    await session.execute(_RETURN_LOST)


async def due(session: AsyncSession, *, everything: bool) -> list[tuple[int, str]]:
    """Queued messages that nobody was asked to send, or was asked over a minute ago; or all of them.

    At most 1,000 of each channel.
    """
    values = {"everything": everything, "unclaimed_for": UNCLAIMED_FOR}
    return [(row.id, row.channel) for row in await session.execute(_DUE, values)]


async def unsent_of_booking(session: AsyncSession, booking_id: int) -> list[tuple[int, str]]:
    """A booking's messages that nobody was asked to send yet."""
    return [(row.id, row.channel) for row in await session.execute(_UNSENT_OF_BOOKING, {"id": booking_id})]


async def mark_dispatched(session: AsyncSession, ids: Sequence[int]) -> None:
    if ids:
        await session.execute(_DISPATCHED, {"ids": sorted(ids)})
