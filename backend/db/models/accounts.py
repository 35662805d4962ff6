"""People, their sessions, and the addresses at which they can be reached."""

from datetime import time

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from backend.db.base import Base, BigInt, CreatedAt, Id, Instant, Json
from backend.domain.types import CHANNEL_KINDS


class User(Base):
    """A person with an account. `password_hash` is argon2 (or the earlier version's SHA-256, until the next sign-in),
    and null when they sign in with Google only. `email_verified_at`: they have shown that the address is theirs, by a
    mailed link or through Google.
    """

    __tablename__ = "users"

    id: Mapped[Id]
    email: Mapped[str] = mapped_column(unique=True)
    email_verified_at: Mapped[Instant | None]
    password_hash: Mapped[str | None]
    name: Mapped[str]
    first_name: Mapped[str | None]
    last_name: Mapped[str | None]
    phone: Mapped[str | None]
    picture: Mapped[str | None]
    google_id: Mapped[str | None] = mapped_column(unique=True)
    role: Mapped[str] = mapped_column(server_default="user")
    disabled_at: Mapped[Instant | None]
    created_at: Mapped[CreatedAt]
    updated_at: Mapped[CreatedAt]
    last_login: Mapped[Instant | None]

    __table_args__ = (
        CheckConstraint("email = lower(email)", name="email_lower"),
        CheckConstraint("role IN ('user', 'admin')", name="role_known"),
    )


class Session(Base):
    """One sign-in. Only the SHA-256 of its token is kept."""

    __tablename__ = "sessions"

    id: Mapped[Id]
    user_id: Mapped[BigInt] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    token_hash: Mapped[bytes] = mapped_column(unique=True)
    user_agent: Mapped[str | None]
    created_at: Mapped[CreatedAt]
    last_used_at: Mapped[CreatedAt]
    expires_at: Mapped[Instant] = mapped_column(index=True)


class OneTimeToken(Base):
    """A link that was mailed to prove an address or to set a new password. Only the SHA-256 of its token is kept."""

    __tablename__ = "one_time_tokens"

    id: Mapped[Id]
    user_id: Mapped[BigInt] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    purpose: Mapped[str]
    address: Mapped[str]
    token_hash: Mapped[bytes] = mapped_column(unique=True)
    created_at: Mapped[CreatedAt]
    expires_at: Mapped[Instant] = mapped_column(index=True)
    used_at: Mapped[Instant | None]

    __table_args__ = (CheckConstraint("purpose IN ('verify', 'reset')", name="purpose_known"),)


class Channel(Base):
    """A way to reach a person, one row an address. Nothing is told there before `verified_at`.

    `details` holds what a kind needs beside its address: the keys of a browser, the secret that signs a webhook.
    `code_hash` is the SHA-256 of the code that was sent there to prove the address.

    `verified_by` is `import` where only the earlier version knew the address: enough to be told of tables, and for
    nothing else; `owner` once they have shown that it is theirs.
    """

    __tablename__ = "channels"

    id: Mapped[Id]
    user_id: Mapped[BigInt] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    kind: Mapped[str]
    address: Mapped[str]
    verified_at: Mapped[Instant | None]
    verified_by: Mapped[str | None]
    muted_at: Mapped[Instant | None]
    disabled_at: Mapped[Instant | None]
    disabled_reason: Mapped[str | None]
    label: Mapped[str | None]
    details: Mapped[Json] = mapped_column(server_default=text("'{}'::jsonb"))
    code_hash: Mapped[bytes | None]
    code_expires_at: Mapped[Instant | None]
    code_attempts: Mapped[int] = mapped_column(server_default=text("0"))
    created_at: Mapped[CreatedAt]

    __table_args__ = (
        CheckConstraint(f"kind IN {CHANNEL_KINDS}", name="kind_known"),
        Index("uq_channels_user_id_kind_address", "user_id", "kind", "address", unique=True),
        Index("ix_channels_kind_address", "kind", "address"),
        Index("ix_channels_usable", "user_id", postgresql_where=text("muted_at IS NULL AND disabled_at IS NULL")),
    )


class StoppedNumber(Base):
    """STOP was texted from there, and not START since. It outlives the channels with that number: nothing goes there,
    not even a code.
    """

    __tablename__ = "stopped_numbers"

    number: Mapped[str] = mapped_column(primary_key=True)
    stopped_at: Mapped[CreatedAt]


class Preferences(Base):
    """How a person wants to be told; somebody without a row has the defaults.

    Clock times are in `timezone` (IANA), or, where that is null, in the restaurant's. `quiet_from` after `quiet_to`:
    over midnight. `digest_at` null: no digest. Only the SHA-256 of the calendar's token is kept.
    """

    __tablename__ = "preferences"

    user_id: Mapped[BigInt] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    timezone: Mapped[str | None]
    quiet_from: Mapped[time | None]
    quiet_to: Mapped[time | None]
    quiet_breaks_tonight: Mapped[bool] = mapped_column(server_default=text("false"))
    snoozed_until: Mapped[Instant | None]
    sms_within_hours: Mapped[int] = mapped_column(server_default=text("2"))
    sms_for_auto_book: Mapped[bool] = mapped_column(server_default=text("true"))
    digest_at: Mapped[time | None]
    calendar_token_hash: Mapped[bytes | None] = mapped_column(unique=True)

    __table_args__ = (CheckConstraint("(quiet_from IS NULL) = (quiet_to IS NULL)", name="quiet_hours_whole"),)
