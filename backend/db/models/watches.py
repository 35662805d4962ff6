"""Watches, the groups in which they are looked at, and the runs that looked."""

from datetime import date, time
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from backend.db.base import Base, BigInt, CreatedAt, Id, Instant


class ScanGroup(Base):
    """One (location, date, party): what a single look answers. `next_scan_at` null means nobody needs it.

    Nobody watches a group of tier browse; `asked_at` is when somebody last had it on the screen.

    `complete_look_at` is the newest of which nothing was cut off.
    `looks` and `failed_looks` count since the group was made.
    `applied_look_at` is the newest look that was written; `last_error` and "nothing open" are different facts.
    `due_since`: when the look that is under way, or the last one, was due.
    A lease begins when the group is sent to the workers with a run; `claim_token` is the worker's that looks at it.
    """

    __tablename__ = "scan_groups"

    id: Mapped[Id]
    location_key: Mapped[str] = mapped_column(ForeignKey("locations.key"))
    target_date: Mapped[date]
    party_size: Mapped[int]
    tier: Mapped[str] = mapped_column(server_default="normal")
    next_scan_at: Mapped[Instant | None]
    due_since: Mapped[Instant | None]
    lease_until: Mapped[Instant | None]
    run_id: Mapped[BigInt | None]
    claim_token: Mapped[UUID | None]
    applied_look_at: Mapped[Instant | None]
    complete_look_at: Mapped[Instant | None]
    last_ok_at: Mapped[Instant | None]
    last_error: Mapped[str | None]
    last_error_at: Mapped[Instant | None]
    failures: Mapped[int] = mapped_column(server_default=text("0"))
    looks: Mapped[BigInt] = mapped_column(server_default=text("0"))
    failed_looks: Mapped[BigInt] = mapped_column(server_default=text("0"))
    asked_at: Mapped[Instant | None]
    created_at: Mapped[CreatedAt]

    __table_args__ = (
        Index("uq_scan_groups_identity", "location_key", "target_date", "party_size", unique=True),
        Index("ix_scan_groups_grid", "party_size", "target_date"),
        Index("ix_scan_groups_due", "next_scan_at", postgresql_where=text("next_scan_at IS NOT NULL")),
        Index("ix_scan_groups_in_flight", "lease_until", postgresql_where=text("lease_until IS NOT NULL")),
        CheckConstraint("tier IN ('urgent', 'normal', 'browse')", name="tier_known"),
    )


class Watch(Base):
    """What a person waits for. `needs_match` is set by every change and cleared by the look that matched it.

    `auto_book_held`: the earlier version may still book for this watch, so this one must not. Among open tables the one
    booked is the earliest, the latest, or the nearest to `preferred_time`, and none that starts sooner than
    `min_notice_minutes` from now. `note`: why it was paused, when it was not its person who did it.
    `moved_at`: when it last asked for something else altogether; its place in line counts from then.
    """

    __tablename__ = "watches"

    id: Mapped[Id]
    user_id: Mapped[BigInt] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    location_key: Mapped[str]
    party_size: Mapped[int]
    target_date: Mapped[date]
    time_start: Mapped[time]
    time_end: Mapped[time]
    auto_book: Mapped[bool] = mapped_column(server_default=text("false"))
    auto_book_held: Mapped[bool] = mapped_column(server_default=text("false"))
    book_first_name: Mapped[str | None]
    book_last_name: Mapped[str | None]
    book_email: Mapped[str | None]
    book_phone: Mapped[str | None]
    status: Mapped[str] = mapped_column(server_default="active")
    needs_match: Mapped[bool] = mapped_column(server_default=text("true"))
    created_at: Mapped[CreatedAt]
    updated_at: Mapped[CreatedAt]
    notified_at: Mapped[Instant | None]
    booked_at: Mapped[Instant | None]
    slot_preference: Mapped[str] = mapped_column(server_default="earliest")
    preferred_time: Mapped[time | None]
    min_notice_minutes: Mapped[int] = mapped_column(server_default=text("0"))
    snoozed_until: Mapped[Instant | None]
    note: Mapped[str | None]
    moved_at: Mapped[Instant | None]

    __table_args__ = (
        ForeignKeyConstraint(
            ["location_key", "target_date", "party_size"],
            ["scan_groups.location_key", "scan_groups.target_date", "scan_groups.party_size"],
            name="fk_watches_group",
        ),
        Index("ix_watches_user_id", "user_id", "target_date"),
        Index(
            "ix_watches_active_group",
            "target_date",
            "location_key",
            "party_size",
            postgresql_where=text("status = 'active'"),
        ),
        CheckConstraint("status IN ('active', 'paused', 'booked', 'cancelled', 'expired')", name="status_known"),
        CheckConstraint("party_size BETWEEN 1 AND 20", name="party_sane"),
        CheckConstraint("time_start <= time_end", name="window_forward"),
        CheckConstraint("slot_preference IN ('earliest', 'latest', 'nearest')", name="slot_preference_known"),
        CheckConstraint("slot_preference <> 'nearest' OR preferred_time IS NOT NULL", name="nearest_to_a_time"),
        CheckConstraint("min_notice_minutes BETWEEN 0 AND 10080", name="notice_sane"),
    )


class ScanRun(Base):
    """One dispatch of due groups of a tier. Counts of watches, of new pairs of watch and drop, and of bookings."""

    __tablename__ = "scan_runs"

    id: Mapped[Id]
    tier: Mapped[str]
    started_at: Mapped[CreatedAt]
    closed_at: Mapped[Instant | None]
    groups: Mapped[int]
    groups_done: Mapped[int] = mapped_column(server_default=text("0"))
    failed: Mapped[int] = mapped_column(server_default=text("0"))
    scanned: Mapped[int] = mapped_column(server_default=text("0"))
    skipped: Mapped[int] = mapped_column(server_default=text("0"))
    matches: Mapped[int] = mapped_column(server_default=text("0"))
    booked: Mapped[int] = mapped_column(server_default=text("0"))

    __table_args__ = (Index("ix_scan_runs_open", "started_at", postgresql_where=text("closed_at IS NULL")),)
