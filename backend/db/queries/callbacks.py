"""What providers report of messages that were sent."""

from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

# What is reported of a message before our verdict is there was sent just now.
_COLUMNS = """
    id, user_id, channel_id, channel, kind, recipient, message_id, attempts, watch_id, booking_id, status,
    coalesce(sent_at, now()) AS sent_at
"""
_LOCK_BY_PROVIDER_ID = text(f"""
    SELECT {_COLUMNS} FROM notification_log
    WHERE provider_id = :provider_id AND channel = :channel ORDER BY id LIMIT 1 FOR UPDATE
""")
# By ix_notification_log_leased.
_LOCK_IN_HAND = text(f"""
    SELECT {_COLUMNS} FROM notification_log
    WHERE message_id = :message_id AND channel = :channel AND status = 'sending' FOR UPDATE
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
    WHERE id = :id AND status IN ('sending', 'sent') AND (delivered_at IS NULL OR :is_delivered)
""")
_BOUNCE = text("""
    UPDATE notification_log SET status = 'bounced', provider_status = :provider_status, error_message = :reason,
           sent_at = coalesce(sent_at, now()), provider_id = coalesce(:provider_id, provider_id),
           claim_token = NULL, lease_until = NULL
    WHERE id = :id AND status IN ('sending', 'sent') RETURNING id
""")


async def lock_by_provider_id(session: AsyncSession, provider_id: str, *, channel: str) -> Row[Any] | None:
    """The message with the provider's id, until the transaction ends."""
    values = {"provider_id": provider_id, "channel": channel}
    return (await session.execute(_LOCK_BY_PROVIDER_ID, values)).one_or_none()


async def lock_in_hand(session: AsyncSession, message_id: UUID, *, channel: str) -> Row[Any] | None:
    """A message that is being sent, until the transaction ends: its verdict waits as long."""
    return (await session.execute(_LOCK_IN_HAND, {"message_id": message_id, "channel": channel})).one_or_none()


async def lock_newest(session: AsyncSession, user_id: int, *, channel: str, recipient: str) -> Row[Any] | None:
    """The newest message that was sent to a person's address within a week."""
    values = {"user_id": user_id, "channel": channel, "recipient": recipient}
    return (await session.execute(_LOCK_NEWEST, values)).one_or_none()


async def record_progress(
    session: AsyncSession, notification_id: int, *, provider_status: str, is_delivered: bool
) -> None:
    """What the provider says of a message that went out; of one that came back, nothing changes."""
    values = {"id": notification_id, "provider_status": provider_status, "is_delivered": is_delivered}
    await session.execute(_PROGRESS, values)


async def bounce(
    session: AsyncSession, notification_id: int, *, provider_status: str, reason: str, provider_id: str | None = None
) -> bool:
    """A message that went out did not arrive; False when that was known. No later verdict of ours changes it."""
    values = {"id": notification_id, "provider_status": provider_status, "reason": reason, "provider_id": provider_id}
    return (await session.execute(_BOUNCE, values)).first() is not None
