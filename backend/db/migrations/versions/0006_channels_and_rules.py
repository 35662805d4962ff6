"""Channels of every kind, people's wishes about messages, rules of booking, and keys that sign."""

import secrets
from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0006"
down_revision: str | None = "0005"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_KINDS = ("email", "sms", "web_push", "webhook", "ntfy", "telegram", "discord", "slack", "pushover")


def _instant(name: str) -> "sa.Column[object]":
    return sa.Column(name, sa.DateTime(timezone=True), nullable=True)


def upgrade() -> None:
    # In the order in which looks lock: whoever runs beside this waits, and neither waits for the other.
    op.execute(
        "LOCK TABLE scan_groups, slot_drops, locations, watches, channels, bookings, notification_log "
        "IN ACCESS EXCLUSIVE MODE"
    )
    # Channels
    op.drop_constraint(op.f("ck_channels_kind_known"), "channels")
    op.execute("UPDATE channels SET kind = 'web_push' WHERE kind = 'push'")
    op.create_check_constraint(op.f("ck_channels_kind_known"), "channels", f"kind IN {_KINDS}")
    op.add_column("channels", sa.Column("label", sa.String(), nullable=True))
    op.add_column(
        "channels", sa.Column("details", postgresql.JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False)
    )
    op.add_column("channels", sa.Column("code_hash", sa.LargeBinary(), nullable=True))
    op.add_column("channels", _instant("code_expires_at"))
    op.add_column("channels", sa.Column("code_attempts", sa.Integer(), server_default=sa.text("0"), nullable=False))
    # Somebody texts STOP, or a mail bounces: who has that number or address?
    op.create_index(op.f("ix_channels_kind_address"), "channels", ["kind", "address"])
    # Who texted STOP, whether or not there is a channel with that number: it must not be forgotten with one.
    op.create_table(
        "stopped_numbers",
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("stopped_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_stopped_numbers")),
    )
    # What people wish
    op.create_table(
        "preferences",
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("timezone", sa.String(), nullable=True),
        sa.Column("quiet_from", sa.Time(), nullable=True),
        sa.Column("quiet_to", sa.Time(), nullable=True),
        sa.Column("quiet_breaks_tonight", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        _instant("snoozed_until"),
        sa.Column("sms_within_hours", sa.Integer(), server_default=sa.text("2"), nullable=False),
        sa.Column("sms_for_auto_book", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("digest_at", sa.Time(), nullable=True),
        sa.Column("calendar_token_hash", sa.LargeBinary(), nullable=True),
        sa.CheckConstraint("(quiet_from IS NULL) = (quiet_to IS NULL)", name=op.f("ck_preferences_quiet_hours_whole")),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_preferences_user_id_users"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_preferences")),
        sa.UniqueConstraint("calendar_token_hash", name=op.f("uq_preferences_calendar_token_hash")),
    )
    # Watches
    op.add_column("watches", sa.Column("slot_preference", sa.String(), server_default="earliest", nullable=False))
    op.add_column("watches", sa.Column("preferred_time", sa.Time(), nullable=True))
    op.add_column("watches", sa.Column("min_notice_minutes", sa.Integer(), server_default=sa.text("0"), nullable=False))
    op.add_column("watches", _instant("snoozed_until"))
    op.add_column("watches", sa.Column("note", sa.String(), nullable=True))
    op.add_column("watches", _instant("moved_at"))
    op.create_check_constraint(
        op.f("ck_watches_slot_preference_known"), "watches", "slot_preference IN ('earliest', 'latest', 'nearest')"
    )
    op.create_check_constraint(
        op.f("ck_watches_nearest_to_a_time"), "watches", "slot_preference <> 'nearest' OR preferred_time IS NOT NULL"
    )
    op.create_check_constraint(op.f("ck_watches_notice_sane"), "watches", "min_notice_minutes BETWEEN 0 AND 10080")
    # Bookings
    op.add_column("locations", sa.Column("auto_book_reason", sa.String(), nullable=True))
    op.execute(
        """
        UPDATE locations SET auto_book_reason = 'New York State restricts booking by third parties'
        WHERE NOT auto_book_allowed AND state = 'NY'
        """
    )
    op.add_column("bookings", sa.Column("settled_by", sa.String(), nullable=True))
    op.add_column("bookings", sa.Column("note", sa.String(), nullable=True))
    op.add_column("bookings", _instant("cancelled_at"))
    op.add_column("bookings", _instant("told_at"))
    op.execute("UPDATE bookings SET told_at = coalesce(settled_at, wanted_at) WHERE state = 'refused'")
    op.create_index(
        "ix_bookings_untold",
        "bookings",
        ["watch_id"],
        postgresql_where=sa.text("state = 'refused' AND told_at IS NULL"),
    )
    # Messages
    op.add_column(
        "notification_log", sa.Column("priority", sa.SmallInteger(), server_default=sa.text("1"), nullable=False)
    )
    op.add_column("notification_log", sa.Column("details", postgresql.JSONB(), nullable=True))
    op.add_column("notification_log", sa.Column("hold_reason", sa.String(), nullable=True))
    op.add_column("notification_log", _instant("look_wanted_at"))
    op.add_column("notification_log", sa.Column("replaces_id", sa.BigInteger(), nullable=True))
    op.add_column("notification_log", sa.Column("provider_status", sa.String(), nullable=True))
    op.add_column("notification_log", _instant("delivered_at"))
    op.create_foreign_key(
        op.f("fk_notification_log_replaces_id_notification_log"),
        "notification_log",
        "notification_log",
        ["replaces_id"],
        ["id"],
        ondelete="SET NULL",
    )
    op.create_index(
        "ix_notification_log_replaces_id",
        "notification_log",
        ["replaces_id"],
        postgresql_where=sa.text("replaces_id IS NOT NULL"),
    )
    op.create_index(op.f("ix_notification_log_channel_id"), "notification_log", ["channel_id"])
    op.create_index(
        "ix_notification_log_provider_id",
        "notification_log",
        ["provider_id"],
        postgresql_where=sa.text("provider_id IS NOT NULL"),
    )
    op.create_index(
        "ix_notification_log_turn",
        "notification_log",
        ["channel", "priority", "next_attempt_at"],
        postgresql_where=sa.text("status = 'queued'"),
    )
    op.create_index(
        "ix_notification_log_held",
        "notification_log",
        ["watch_id", "channel_id"],
        postgresql_where=sa.text("status = 'queued' AND hold_reason IS NOT NULL"),
    )
    # What administrators are told, and how often a group was looked at
    op.create_table(
        "events",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("subject_id", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("kind IN ('new_sign_up', 'new_watch', 'new_feedback')", name=op.f("ck_events_kind_known")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_events")),
    )
    op.add_column("scan_groups", sa.Column("looks", sa.BigInteger(), server_default=sa.text("0"), nullable=False))
    op.add_column(
        "scan_groups", sa.Column("failed_looks", sa.BigInteger(), server_default=sa.text("0"), nullable=False)
    )
    op.create_index(op.f("ix_slot_drops_group_id"), "slot_drops", ["group_id"])
    op.create_index(
        "ix_notification_log_texts",
        "notification_log",
        ["created_at"],
        postgresql_where=sa.text("body IS NOT NULL OR details ? 'address'"),
    )
    # Keys
    keys = op.create_table(
        "keys",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("name IN ('links', 'web_push')", name=op.f("ck_keys_name_known")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_keys")),
    )
    op.create_index(op.f("ix_keys_name"), "keys", ["name", "id"])
    op.bulk_insert(keys, [{"name": "links", "value": secrets.token_bytes(32)}])


def downgrade() -> None:
    raise NotImplementedError("restore a backup instead")
