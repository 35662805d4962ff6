"""The ledger of messages: written, claimed, settled, found again."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row, insert, text
from sqlalchemy.ext.asyncio import AsyncSession

from backend.db.models import Notification, NotificationItem

LEASE = timedelta(seconds=120)
UNCLAIMED_FOR = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class NewMessage:
    """A row of the ledger and its items, as (drop or None, dedup key). Only a queued one is sent."""

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


_KNOWN = text("SELECT dedup_key FROM notification_items WHERE dedup_key = ANY(:keys)")
_CLAIM = text("""
    UPDATE notification_log SET status = 'sending', claim_token = :token, attempts = attempts + 1,
           lease_until = now() + CAST(:lease AS interval)
    WHERE id = :id AND status = 'queued' AND next_attempt_at <= now()
    RETURNING id, user_id, channel, kind, recipient, message_id, attempts, watch_id, booking_id
""")
_ATTEMPT = text("INSERT INTO notification_attempts (notification_id, number) VALUES (:id, :number)")
_ATTEMPT_DONE = text("""
    UPDATE notification_attempts SET finished_at = now(), outcome = :outcome, reason = :reason
    WHERE notification_id = :id AND number = :number
""")
_SETTLE = text("""
    UPDATE notification_log SET status = CAST(:status AS text), error_message = :reason, provider_id = :provider_id,
           next_attempt_at = coalesce(now() + CAST(:wait AS interval), next_attempt_at),
           dispatched_at = NULL, claim_token = NULL, lease_until = NULL,
           sent_at = CASE WHEN CAST(:status AS text) = 'sent' THEN now() END
    WHERE id = :id AND claim_token = :token AND status = 'sending'
""")
_COMPOSED = text("UPDATE notification_log SET subject = :subject, body = :body WHERE id = :id AND claim_token = :token")
_NOTIFIED = text("UPDATE watches SET notified_at = now() WHERE id = :watch_id")
_FACTS = text("""
    SELECT l.key AS location_key, l.name, l.timezone, l.booking_slug,
           coalesce(b.target_date, d.slot_date) AS target_date, coalesce(b.party_size, d.party_size) AS party_size,
           b.reserved_ts, b.reservation_type_id, d.reservation_type_name, b.reason
    FROM notification_log n LEFT JOIN bookings b ON b.id = n.booking_id
    LEFT JOIN LATERAL (
        SELECT d.* FROM notification_items i JOIN slot_drops d ON d.id = i.drop_id
        WHERE i.notification_id = n.id ORDER BY d.id LIMIT 1
    ) d ON true
    JOIN locations l ON l.key = coalesce(b.location_key, d.location) WHERE n.id = :id
""")
_DROPS = text("""
    SELECT d.id, d.reserved_ts, d.reservation_type_id, d.reservation_type_name, d.gone_at IS NULL AS is_open
    FROM notification_items i JOIN slot_drops d ON d.id = i.drop_id WHERE i.notification_id = :id
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
_DUE = text("""
    SELECT id, channel FROM notification_log WHERE status = 'queued' AND next_attempt_at <= now()
      AND (:everything OR dispatched_at IS NULL OR dispatched_at < now() - CAST(:unclaimed_for AS interval))
    ORDER BY next_attempt_at LIMIT 1000
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
    columns = ("user_id", "watch_id", "booking_id", "channel_id", "channel", "kind", "recipient", "status")
    rows = [{column: getattr(message, column) for column in (*columns, "error_message")} for message in messages]
    statement = insert(Notification).returning(Notification.id, sort_by_parameter_order=True)
    ids = list((await session.execute(statement, rows)).scalars())
    items = [
        {"notification_id": row_id, "drop_id": drop_id, "dedup_key": key}
        for row_id, message in zip(ids, messages, strict=True)
        for drop_id, key in message.items
    ]
    await session.execute(insert(NotificationItem), sorted(items, key=lambda item: str(item["dedup_key"])))
    return [
        (row_id, message.channel) for row_id, message in zip(ids, messages, strict=True) if message.status == "queued"
    ]


async def claim(session: AsyncSession, notification_id: int, *, token: UUID) -> Row[Any] | None:
    """Take a queued message; None when somebody else has it, or it is not due."""
    values = {"id": notification_id, "token": token, "lease": LEASE}
    row = (await session.execute(_CLAIM, values)).one_or_none()
    if row is not None:
        await session.execute(_ATTEMPT, {"id": row.id, "number": row.attempts})
    return row


async def facts(session: AsyncSession, notification_id: int) -> Row[Any]:
    """What a message about a watch or a booking is about, as it stands now."""
    return (await session.execute(_FACTS, {"id": notification_id})).one()


async def drops(session: AsyncSession, notification_id: int) -> Sequence[Row[Any]]:
    """The openings it tells of."""
    return (await session.execute(_DROPS, {"id": notification_id})).all()


async def forget_items(session: AsyncSession, notification_id: int, drop_ids: Sequence[int]) -> None:
    """Take back what a message was to tell and does not; its keys are free again."""
    if drop_ids:
        statement = text("DELETE FROM notification_items WHERE notification_id = :id AND drop_id = ANY(:drops)")
        await session.execute(statement, {"id": notification_id, "drops": list(drop_ids)})


async def record_text(session: AsyncSession, notification_id: int, *, token: UUID, subject: str, body: str) -> None:
    await session.execute(_COMPOSED, {"id": notification_id, "token": token, "subject": subject, "body": body})


async def settle(
    session: AsyncSession,
    row: Row[Any],
    *,
    token: UUID,
    status: str,
    reason: str | None = None,
    provider_id: str | None = None,
    wait: timedelta | None = None,
) -> bool:
    """Write the verdict of an attempt. False: the lease ran out and the message is somebody else's."""
    outcome = "retry" if status == "queued" else status
    await session.execute(_ATTEMPT_DONE, {"id": row.id, "number": row.attempts, "outcome": outcome, "reason": reason})
    values = {"id": row.id, "token": token, "status": status, "reason": reason, "provider_id": provider_id}
    result: Any = await session.execute(_SETTLE, {**values, "wait": wait})
    if result.rowcount == 1 and status == "sent" and row.watch_id is not None:
        await session.execute(_NOTIFIED, {"watch_id": row.watch_id})
    return bool(result.rowcount == 1)


async def return_lost(session: AsyncSession) -> None:
    """Messages whose sender did not come back are queued again: better twice than never."""
    await session.execute(_RETURN_LOST)


async def due(session: AsyncSession, *, everything: bool) -> list[tuple[int, str]]:
    """Queued messages that nobody was asked to send, or was asked over a minute ago; or all of them."""
    values = {"everything": everything, "unclaimed_for": UNCLAIMED_FOR}
    return [(row.id, row.channel) for row in await session.execute(_DUE, values)]


async def mark_dispatched(session: AsyncSession, ids: Sequence[int]) -> None:
    if ids:
        await session.execute(_DISPATCHED, {"ids": sorted(ids)})
