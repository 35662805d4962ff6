"""The ledger of messages. A row is written before anything is sent, and the row decides what is sent again."""

from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, SmallInteger, text
from sqlalchemy.orm import Mapped, mapped_column

from backend.db.base import Base, BigInt, CreatedAt, Id, Instant, Json


class Notification(Base):
    """One message to one address. `message_id` is stable over all attempts; subject and body are set when sending.

    Lower `priority` goes first. `details` holds ids of what it tells, where neither items nor the other columns do.
    `hold_reason`: why it waits until `next_attempt_at` (quiet hours, snoozed); `look_wanted_at`: since when it waits
    for a fresh look before it is told late. `replaces_id`: the message that failed on another channel.
    `provider_status` and `delivered_at`: what the provider said afterwards.
    """

    __tablename__ = "notification_log"

    id: Mapped[Id]
    watch_id: Mapped[BigInt | None] = mapped_column(ForeignKey("watches.id", ondelete="SET NULL"), index=True)
    booking_id: Mapped[BigInt | None] = mapped_column(ForeignKey("bookings.id", ondelete="SET NULL"))
    user_id: Mapped[BigInt | None] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    channel_id: Mapped[BigInt | None] = mapped_column(ForeignKey("channels.id", ondelete="SET NULL"), index=True)
    channel: Mapped[str]
    kind: Mapped[str]
    recipient: Mapped[str]
    message_id: Mapped[UUID] = mapped_column(server_default=text("gen_random_uuid()"))
    subject: Mapped[str | None]
    body: Mapped[str | None]
    status: Mapped[str] = mapped_column(server_default="queued")
    attempts: Mapped[int] = mapped_column(server_default=text("0"))
    next_attempt_at: Mapped[CreatedAt]
    dispatched_at: Mapped[Instant | None]
    claim_token: Mapped[UUID | None]
    lease_until: Mapped[Instant | None]
    error_message: Mapped[str | None]
    provider_id: Mapped[str | None]
    created_at: Mapped[CreatedAt]
    sent_at: Mapped[Instant | None]
    priority: Mapped[int] = mapped_column(SmallInteger, server_default=text("1"))
    details: Mapped[Json | None]
    hold_reason: Mapped[str | None]
    look_wanted_at: Mapped[Instant | None]
    replaces_id: Mapped[BigInt | None] = mapped_column(ForeignKey("notification_log.id", ondelete="SET NULL"))
    provider_status: Mapped[str | None]
    delivered_at: Mapped[Instant | None]

    __table_args__ = (
        CheckConstraint(
            "status IN ('queued', 'sending', 'sent', 'failed', 'suppressed', 'expired', 'bounced')",
            name="status_known",
        ),
        Index("ix_notification_log_outbox", "next_attempt_at", postgresql_where=text("status = 'queued'")),
        Index(
            "ix_notification_log_turn",
            "channel",
            "priority",
            "next_attempt_at",
            postgresql_where=text("status = 'queued'"),
        ),
        Index("ix_notification_log_leased", "lease_until", postgresql_where=text("status = 'sending'")),
        Index("ix_notification_log_created_at", "created_at"),
        Index(
            "ix_notification_log_texts",
            "created_at",
            postgresql_where=text("body IS NOT NULL OR details ? 'address'"),
        ),
        Index(
            "ix_notification_log_held",
            "watch_id",
            "channel_id",
            postgresql_where=text("status = 'queued' AND hold_reason IS NOT NULL"),
        ),
        Index("ix_notification_log_provider_id", "provider_id", postgresql_where=text("provider_id IS NOT NULL")),
        Index("ix_notification_log_replaces_id", "replaces_id", postgresql_where=text("replaces_id IS NOT NULL")),
    )


class NotificationItem(Base):
    """What a message tells. The key is unique: the same thing is never told twice over the same channel."""

    __tablename__ = "notification_items"

    id: Mapped[Id]
    notification_id: Mapped[BigInt] = mapped_column(ForeignKey("notification_log.id", ondelete="CASCADE"), index=True)
    drop_id: Mapped[BigInt | None] = mapped_column(ForeignKey("slot_drops.id"))
    dedup_key: Mapped[str] = mapped_column(unique=True)


class NotificationAttempt(Base):
    """One try to send, written before it is made. `outcome` null: no verdict came back."""

    __tablename__ = "notification_attempts"

    id: Mapped[Id]
    notification_id: Mapped[BigInt] = mapped_column(ForeignKey("notification_log.id", ondelete="CASCADE"), index=True)
    number: Mapped[int]
    started_at: Mapped[CreatedAt]
    finished_at: Mapped[Instant | None]
    outcome: Mapped[str | None]
    reason: Mapped[str | None]
