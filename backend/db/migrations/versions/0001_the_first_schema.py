"""The first schema."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0001"
down_revision: str | None = None
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "locations",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("brand", sa.String(), nullable=False),
        sa.Column("city", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("timezone", sa.String(), nullable=False),
        sa.Column("lat", sa.Double(), nullable=False),
        sa.Column("lon", sa.Double(), nullable=False),
        sa.Column("merchant_id", sa.BigInteger(), nullable=False),
        sa.Column("reservation_type_id", sa.BigInteger(), nullable=False),
        sa.Column("booking_slug", sa.String(), nullable=False),
        sa.Column("auto_book_allowed", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("horizon_days", sa.Integer(), server_default=sa.text("30"), nullable=False),
        sa.Column("looking", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.CheckConstraint("horizon_days BETWEEN 0 AND 365", name=op.f("ck_locations_horizon_sane")),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_locations")),
        sa.UniqueConstraint("merchant_id", name=op.f("uq_locations_merchant_id")),
    )
    op.create_table(
        "scan_runs",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("tier", sa.String(), nullable=False),
        sa.Column(
            "started_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("groups", sa.Integer(), nullable=False),
        sa.Column("groups_done", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("failed", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("scanned", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("skipped", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("matches", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("booked", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_scan_runs")),
    )
    op.create_index(
        "ix_scan_runs_open", "scan_runs", ["started_at"], unique=False, postgresql_where=sa.text("closed_at IS NULL")
    )
    op.create_table(
        "switches",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("is_on", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column(
            "changed_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_switches")),
    )
    op.create_table(
        "users",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("password_hash", sa.String(), nullable=True),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("first_name", sa.String(), nullable=True),
        sa.Column("last_name", sa.String(), nullable=True),
        sa.Column("phone", sa.String(), nullable=True),
        sa.Column("picture", sa.String(), nullable=True),
        sa.Column("google_id", sa.String(), nullable=True),
        sa.Column("role", sa.String(), server_default="user", nullable=False),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("last_login", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("role IN ('user', 'admin')", name=op.f("ck_users_role_known")),
        sa.CheckConstraint("email = lower(email)", name=op.f("ck_users_email_lower")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
        sa.UniqueConstraint("email", name=op.f("uq_users_email")),
        sa.UniqueConstraint("google_id", name=op.f("uq_users_google_id")),
    )
    op.create_table(
        "channels",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("verified_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("muted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("disabled_reason", sa.String(), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint("kind IN ('email', 'sms', 'push', 'webhook')", name=op.f("ck_channels_kind_known")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_channels_user_id_users"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_channels")),
    )
    op.create_index(
        "ix_channels_usable",
        "channels",
        ["user_id"],
        unique=False,
        postgresql_where=sa.text("muted_at IS NULL AND disabled_at IS NULL"),
    )
    op.create_index("uq_channels_user_id_kind_address", "channels", ["user_id", "kind", "address"], unique=True)
    op.create_table(
        "look_exposure",
        sa.Column("location", sa.String(), nullable=False),
        sa.Column("weekday", sa.Integer(), nullable=False),
        sa.Column("hour", sa.Integer(), nullable=False),
        sa.Column("days_ahead", sa.Integer(), nullable=False),
        sa.Column("looks", sa.BigInteger(), nullable=False),
        sa.Column("seconds_covered", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["location"], ["locations.key"], name=op.f("fk_look_exposure_location_locations")),
        sa.PrimaryKeyConstraint("location", "weekday", "hour", "days_ahead", name=op.f("pk_look_exposure")),
    )
    op.create_table(
        "scan_groups",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("location_key", sa.String(), nullable=False),
        sa.Column("target_date", sa.Date(), nullable=False),
        sa.Column("party_size", sa.Integer(), nullable=False),
        sa.Column("tier", sa.String(), server_default="normal", nullable=False),
        sa.Column("next_scan_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("applied_look_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_ok_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_error", sa.String(), nullable=True),
        sa.Column("last_error_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failures", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint("tier IN ('urgent', 'normal')", name=op.f("ck_scan_groups_tier_known")),
        sa.ForeignKeyConstraint(
            ["location_key"], ["locations.key"], name=op.f("fk_scan_groups_location_key_locations")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_scan_groups")),
    )
    op.create_index(
        "ix_scan_groups_due",
        "scan_groups",
        ["next_scan_at"],
        unique=False,
        postgresql_where=sa.text("next_scan_at IS NOT NULL"),
    )
    op.create_index(
        "ix_scan_groups_in_flight",
        "scan_groups",
        ["lease_until"],
        unique=False,
        postgresql_where=sa.text("lease_until IS NOT NULL"),
    )
    op.create_index(
        "uq_scan_groups_identity", "scan_groups", ["location_key", "target_date", "party_size"], unique=True
    )
    op.create_table(
        "scan_history",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("location", sa.String(), nullable=False),
        sa.Column("scan_date", sa.Date(), nullable=False),
        sa.Column("time_slot", sa.String(), nullable=False),
        sa.Column("party_sizes", sa.String(), nullable=False),
        sa.Column("available", sa.Boolean(), nullable=False),
        sa.Column("scanned_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["location"], ["locations.key"], name=op.f("fk_scan_history_location_locations")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_scan_history")),
    )
    op.create_index(op.f("ix_scan_history_scanned_at"), "scan_history", ["scanned_at"], unique=False)
    op.create_table(
        "sessions",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_sessions_user_id_users"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sessions")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_sessions_token_hash")),
    )
    op.create_index(op.f("ix_sessions_expires_at"), "sessions", ["expires_at"], unique=False)
    op.create_index(op.f("ix_sessions_user_id"), "sessions", ["user_id"], unique=False)
    op.create_table(
        "slot_drops",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("group_id", sa.BigInteger(), nullable=True),
        sa.Column("location", sa.String(), nullable=False),
        sa.Column("slot_date", sa.Date(), nullable=False),
        sa.Column("slot_time", sa.String(), nullable=False),
        sa.Column("party_size", sa.Integer(), nullable=True),
        sa.Column("reserved_ts", sa.BigInteger(), nullable=True),
        sa.Column("reservation_type_id", sa.BigInteger(), nullable=True),
        sa.Column("reservation_type_name", sa.String(), nullable=True),
        sa.Column("source", sa.String(), server_default="look", nullable=False),
        sa.Column("unseen_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("appeared_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("gone_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint("source IN ('look', 'push', 'record', 'import')", name=op.f("ck_slot_drops_source_known")),
        sa.ForeignKeyConstraint(["group_id"], ["scan_groups.id"], name=op.f("fk_slot_drops_group_id_scan_groups")),
        sa.ForeignKeyConstraint(["location"], ["locations.key"], name=op.f("fk_slot_drops_location_locations")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_slot_drops")),
    )
    op.create_index("ix_slot_drops_appeared_at", "slot_drops", ["appeared_at"], unique=False)
    op.create_index(
        "uq_slot_drops_open",
        "slot_drops",
        ["group_id", "reserved_ts", "reservation_type_id"],
        unique=True,
        postgresql_where=sa.text("gone_at IS NULL"),
    )
    op.create_table(
        "watches",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("location_key", sa.String(), nullable=False),
        sa.Column("party_size", sa.Integer(), nullable=False),
        sa.Column("target_date", sa.Date(), nullable=False),
        sa.Column("time_start", sa.Time(), nullable=False),
        sa.Column("time_end", sa.Time(), nullable=False),
        sa.Column("auto_book", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("book_first_name", sa.String(), nullable=True),
        sa.Column("book_last_name", sa.String(), nullable=True),
        sa.Column("book_email", sa.String(), nullable=True),
        sa.Column("book_phone", sa.String(), nullable=True),
        sa.Column("status", sa.String(), server_default="active", nullable=False),
        sa.Column("needs_match", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("notified_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("booked_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "status IN ('active', 'paused', 'booked', 'cancelled', 'expired')", name=op.f("ck_watches_status_known")
        ),
        sa.CheckConstraint("party_size BETWEEN 1 AND 20", name=op.f("ck_watches_party_sane")),
        sa.CheckConstraint("time_start <= time_end", name=op.f("ck_watches_window_forward")),
        sa.ForeignKeyConstraint(
            ["location_key", "target_date", "party_size"],
            ["scan_groups.location_key", "scan_groups.target_date", "scan_groups.party_size"],
            name="fk_watches_group",
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_watches_user_id_users"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_watches")),
    )
    op.create_index(
        "ix_watches_active_group",
        "watches",
        ["target_date", "location_key", "party_size"],
        unique=False,
        postgresql_where=sa.text("status = 'active'"),
    )
    op.create_index("ix_watches_user_id", "watches", ["user_id", "target_date"], unique=False)
    op.create_table(
        "bookings",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("watch_id", sa.BigInteger(), nullable=True),
        sa.Column("drop_id", sa.BigInteger(), nullable=True),
        sa.Column("user_id", sa.BigInteger(), nullable=True),
        sa.Column("run_id", sa.BigInteger(), nullable=True),
        sa.Column("location_key", sa.String(), nullable=False),
        sa.Column("target_date", sa.Date(), nullable=False),
        sa.Column("meal", sa.String(), nullable=False),
        sa.Column("party_size", sa.Integer(), nullable=False),
        sa.Column("reserved_ts", sa.BigInteger(), nullable=False),
        sa.Column("reservation_type_id", sa.BigInteger(), nullable=False),
        sa.Column("first_name", sa.String(), nullable=False),
        sa.Column("last_name", sa.String(), nullable=False),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("phone", sa.String(), nullable=False),
        sa.Column("rank", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("state", sa.String(), server_default="wanted", nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("answer", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column(
            "wanted_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("dispatched_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("claim_token", sa.Uuid(), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("meal IN ('lunch', 'dinner')", name=op.f("ck_bookings_meal_known")),
        sa.CheckConstraint(
            "state IN ('wanted', 'dry_run', 'attempting', 'booked', 'refused', 'unknown', 'lapsed', 'cancelled')",
            name=op.f("ck_bookings_state_known"),
        ),
        sa.ForeignKeyConstraint(["drop_id"], ["slot_drops.id"], name=op.f("fk_bookings_drop_id_slot_drops")),
        sa.ForeignKeyConstraint(["location_key"], ["locations.key"], name=op.f("fk_bookings_location_key_locations")),
        sa.ForeignKeyConstraint(
            ["run_id"], ["scan_runs.id"], name=op.f("fk_bookings_run_id_scan_runs"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_bookings_user_id_users"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(
            ["watch_id"], ["watches.id"], name=op.f("fk_bookings_watch_id_watches"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bookings")),
    )
    op.create_index(
        "ix_bookings_attempting",
        "bookings",
        ["lease_until"],
        unique=False,
        postgresql_where=sa.text("state = 'attempting'"),
    )
    op.create_index(op.f("ix_bookings_user_id"), "bookings", ["user_id"], unique=False)
    op.create_index(
        "ix_bookings_wanted", "bookings", ["wanted_at"], unique=False, postgresql_where=sa.text("state = 'wanted'")
    )
    op.create_index(
        "uq_bookings_attempting_drop",
        "bookings",
        ["drop_id"],
        unique=True,
        postgresql_where=sa.text("state = 'attempting'"),
    )
    op.create_index(
        "uq_bookings_live_person",
        "bookings",
        ["user_id", "target_date", "meal"],
        unique=True,
        postgresql_where=sa.text("state IN ('attempting', 'booked', 'unknown')"),
    )
    op.create_index(
        "uq_bookings_live_phone",
        "bookings",
        ["phone", "target_date", "meal"],
        unique=True,
        postgresql_where=sa.text("state IN ('attempting', 'booked', 'unknown')"),
    )
    op.create_index(
        "uq_bookings_live_watch",
        "bookings",
        ["watch_id"],
        unique=True,
        postgresql_where=sa.text("state IN ('attempting', 'booked', 'unknown')"),
    )
    op.create_index("uq_bookings_watch_id_drop_id", "bookings", ["watch_id", "drop_id"], unique=True)
    op.create_table(
        "notification_log",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("watch_id", sa.BigInteger(), nullable=True),
        sa.Column("booking_id", sa.BigInteger(), nullable=True),
        sa.Column("user_id", sa.BigInteger(), nullable=True),
        sa.Column("channel_id", sa.BigInteger(), nullable=True),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("recipient", sa.String(), nullable=False),
        sa.Column("message_id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("subject", sa.String(), nullable=True),
        sa.Column("body", sa.String(), nullable=True),
        sa.Column("status", sa.String(), server_default="queued", nullable=False),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column(
            "next_attempt_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("dispatched_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("claim_token", sa.Uuid(), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error_message", sa.String(), nullable=True),
        sa.Column("provider_id", sa.String(), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "status IN ('queued', 'sending', 'sent', 'failed', 'suppressed', 'expired', 'bounced')",
            name=op.f("ck_notification_log_status_known"),
        ),
        sa.ForeignKeyConstraint(
            ["booking_id"], ["bookings.id"], name=op.f("fk_notification_log_booking_id_bookings"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["channel_id"], ["channels.id"], name=op.f("fk_notification_log_channel_id_channels"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_notification_log_user_id_users"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["watch_id"], ["watches.id"], name=op.f("fk_notification_log_watch_id_watches"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notification_log")),
    )
    op.create_index("ix_notification_log_created_at", "notification_log", ["created_at"], unique=False)
    op.create_index(
        "ix_notification_log_leased",
        "notification_log",
        ["lease_until"],
        unique=False,
        postgresql_where=sa.text("status = 'sending'"),
    )
    op.create_index(
        "ix_notification_log_outbox",
        "notification_log",
        ["next_attempt_at"],
        unique=False,
        postgresql_where=sa.text("status = 'queued'"),
    )
    op.create_index(op.f("ix_notification_log_user_id"), "notification_log", ["user_id"], unique=False)
    op.create_index(op.f("ix_notification_log_watch_id"), "notification_log", ["watch_id"], unique=False)
    op.create_table(
        "notification_attempts",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("notification_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column(
            "started_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.String(), nullable=True),
        sa.Column("reason", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["notification_id"],
            ["notification_log.id"],
            name=op.f("fk_notification_attempts_notification_id_notification_log"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notification_attempts")),
    )
    op.create_index(
        op.f("ix_notification_attempts_notification_id"), "notification_attempts", ["notification_id"], unique=False
    )
    op.create_table(
        "notification_items",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("notification_id", sa.BigInteger(), nullable=False),
        sa.Column("drop_id", sa.BigInteger(), nullable=True),
        sa.Column("dedup_key", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["drop_id"], ["slot_drops.id"], name=op.f("fk_notification_items_drop_id_slot_drops")),
        sa.ForeignKeyConstraint(
            ["notification_id"],
            ["notification_log.id"],
            name=op.f("fk_notification_items_notification_id_notification_log"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notification_items")),
        sa.UniqueConstraint("dedup_key", name=op.f("uq_notification_items_dedup_key")),
    )
    op.create_index(
        op.f("ix_notification_items_notification_id"), "notification_items", ["notification_id"], unique=False
    )


def downgrade() -> None:
    raise NotImplementedError("restore a backup instead")
