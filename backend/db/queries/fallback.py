"""What stands in for a message that failed: other channels, new rows of the ledger, and channels that are given up."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

_DISABLE = text("""
    UPDATE channels SET disabled_at = :now, disabled_reason = :reason
    WHERE id = :id AND disabled_at IS NULL RETURNING id
""")
_OTHERS = text("""
    SELECT c.id, c.kind, c.address, c.muted_at IS NOT NULL AS is_muted,
           coalesce(p.sms_within_hours, 2) > 0 OR coalesce(p.sms_for_auto_book, true) AS wants_texts
    FROM channels c JOIN users u ON u.id = c.user_id AND u.disabled_at IS NULL
    LEFT JOIN preferences p ON p.user_id = c.user_id
    WHERE c.user_id = :user_id AND c.verified_at IS NOT NULL AND c.disabled_at IS NULL
      AND c.id IS DISTINCT FROM CAST(:without AS bigint)
    ORDER BY c.id
""")
_TOLD = text("""
    SELECT i.drop_id, coalesce(d.gone_at IS NULL, true) AS is_open
    FROM notification_items i LEFT JOIN slot_drops d ON d.id = i.drop_id
    WHERE i.notification_id = :id ORDER BY i.drop_id
""")
_ADD = text("""
    INSERT INTO notification_log
        (user_id, watch_id, booking_id, channel_id, channel, kind, recipient, details, priority, replaces_id)
    VALUES (:user_id, :watch_id, :booking_id, :channel_id, :channel, :kind, :recipient, CAST(:details AS jsonb),
            coalesce((SELECT priority FROM notification_log WHERE id = :replaces_id), 1), :replaces_id)
    RETURNING id
""")
_ADD_ITEMS = text("""
    INSERT INTO notification_items (notification_id, drop_id, dedup_key)
    SELECT :id, i.drop_id, i.dedup_key
    FROM unnest(CAST(:drops AS bigint[]), CAST(:keys AS text[])) AS i(drop_id, dedup_key)
    ORDER BY i.dedup_key ON CONFLICT (dedup_key) DO NOTHING RETURNING id
""")
_TAKE_BACK = text("DELETE FROM notification_log WHERE id = :id")
# As it was then: the channel may be gone meanwhile, or in use again.
_DISABLED = text("""
    SELECT n.details->>'kind' AS kind, n.details->>'address' AS address, n.details->>'reason' AS reason, c.label, u.name
    FROM notification_log n JOIN users u ON u.id = n.user_id
    LEFT JOIN channels c ON c.id = CAST(n.details->>'channel_id' AS bigint) WHERE n.id = :id
""")


@dataclass(frozen=True, slots=True)
class StandIn:
    """A message instead of, or because of, one that failed. Items as (drop or None, dedup key)."""

    user_id: int
    watch_id: int | None
    booking_id: int | None
    channel_id: int
    channel: str
    recipient: str
    kind: str
    items: Sequence[tuple[int | None, str]]
    replaces_id: int | None = None
    details: dict[str, Any] | None = None


async def disable(session: AsyncSession, channel_id: int, *, reason: str, now: datetime) -> bool:
    """Give a channel up; True when this did it."""
    values = {"id": channel_id, "reason": reason, "now": now}
    return (await session.execute(_DISABLE, values)).first() is not None


async def others(session: AsyncSession, user_id: int, *, without: int | None) -> Sequence[Row[Any]]:
    """A person's other proven channels, muted ones too."""
    return (await session.execute(_OTHERS, {"user_id": user_id, "without": without})).all()


async def told(session: AsyncSession, notification_id: int) -> Sequence[Row[Any]]:
    """What a message was to tell, as (drop_id, is_open)."""
    return (await session.execute(_TOLD, {"id": notification_id})).all()


async def add(session: AsyncSession, message: StandIn) -> int | None:
    """Write it with those of its items that are not told yet, whoever writes them at the same time; None: all are."""
    values = {
        "user_id": message.user_id,
        "watch_id": message.watch_id,
        "booking_id": message.booking_id,
        "channel_id": message.channel_id,
        "channel": message.channel,
        "recipient": message.recipient,
        "kind": message.kind,
        "replaces_id": message.replaces_id,
        "details": json.dumps(message.details) if message.details is not None else None,
    }
    notification_id = int((await session.execute(_ADD, values)).scalar_one())
    drops, keys = [drop_id for drop_id, _ in message.items], [key for _, key in message.items]
    added = await session.execute(_ADD_ITEMS, {"id": notification_id, "drops": drops, "keys": keys})
    if added.first() is None:
        await session.execute(_TAKE_BACK, {"id": notification_id})
        return None
    return notification_id


async def disabled_channel(session: AsyncSession, notification_id: int) -> Row[Any]:
    """The channel of which a message says that it was given up, with its person's name."""
    return (await session.execute(_DISABLED, {"id": notification_id})).one()
