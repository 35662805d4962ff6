"""What providers report of messages that were sent."""

from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

_COLUMNS = (
    "id, user_id, channel_id, channel, kind, recipient, message_id, attempts, watch_id, booking_id, status, sent_at"
)
_LOCK_BY_PROVIDER_ID = text(f"""
    SELECT {_COLUMNS} FROM notification_log
    WHERE provider_id = :provider_id AND channel = :channel ORDER BY id LIMIT 1 FOR UPDATE
""")
# A report without the message's id is about the newest one of late.
_LOCK_NEWEST = text(f"""
    SELECT {_COLUMNS} FROM notification_log
    WHERE user_id = :user_id AND channel = :channel AND recipient = :recipient AND status IN ('sent', 'bounced')
      AND sent_at > now() - interval '7 days'
    ORDER BY sent_at DESC, id DESC LIMIT 1 FOR UPDATE
""")
# What comes late says less than what is known: a message that has arrived is no longer on its way.
_PROGRESS = text("""
    UPDATE notification_log SET provider_status = :provider_status,
           delivered_at = CASE WHEN :is_delivered THEN coalesce(delivered_at, now()) ELSE delivered_at END
    WHERE id = :id AND status = 'sent' AND (delivered_at IS NULL OR :is_delivered)
""")
_BOUNCE = text("""
    UPDATE notification_log SET status = 'bounced', provider_status = :provider_status, error_message = :reason
    WHERE id = :id AND status = 'sent' RETURNING id
""")


async def lock_by_provider_id(session: AsyncSession, provider_id: str, *, channel: str) -> Row[Any] | None:
    """The message with the provider's id, until the transaction ends."""
    values = {"provider_id": provider_id, "channel": channel}
    return (await session.execute(_LOCK_BY_PROVIDER_ID, values)).one_or_none()


async def lock_newest(session: AsyncSession, user_id: int, *, channel: str, recipient: str) -> Row[Any] | None:
    """The newest message that was sent to a person's address within a week."""
    values = {"user_id": user_id, "channel": channel, "recipient": recipient}
    return (await session.execute(_LOCK_NEWEST, values)).one_or_none()


async def record_progress(
    session: AsyncSession, notification_id: int, *, provider_status: str, is_delivered: bool
) -> None:
    """What the provider says of a message that was sent; of one that came back, nothing changes."""
    values = {"id": notification_id, "provider_status": provider_status, "is_delivered": is_delivered}
    await session.execute(_PROGRESS, values)


async def bounce(session: AsyncSession, notification_id: int, *, provider_status: str, reason: str) -> bool:
    """A message that was sent did not arrive; False when that was known."""
    values = {"id": notification_id, "provider_status": provider_status, "reason": reason}
    return (await session.execute(_BOUNCE, values)).first() is not None
