"""What looks have seen: episodes of tables being open, changes, and how long was looked without seeing anything."""

from datetime import date

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from backend.db.base import Base, BigInt, CreatedAt, Id, Instant


class SlotDrop(Base):
    """One episode of a slot being open.

    `unseen_at` is the last good look that did not have it (null at the group's first look), so that the moment it
    opened lies in (unseen_at, appeared_at] and the moment it closed in (last_seen_at, gone_at].
    """

    __tablename__ = "slot_drops"

    id: Mapped[Id]
    group_id: Mapped[BigInt | None] = mapped_column(ForeignKey("scan_groups.id"), index=True)
    location: Mapped[str] = mapped_column(ForeignKey("locations.key"))
    slot_date: Mapped[date]
    slot_time: Mapped[str]
    party_size: Mapped[int | None]
    reserved_ts: Mapped[BigInt | None]
    reservation_type_id: Mapped[BigInt | None]
    reservation_type_name: Mapped[str | None]
    source: Mapped[str] = mapped_column(server_default="look")
    unseen_at: Mapped[Instant | None]
    appeared_at: Mapped[Instant]
    last_seen_at: Mapped[Instant]
    gone_at: Mapped[Instant | None]
    created_at: Mapped[CreatedAt]

    __table_args__ = (
        Index(
            "uq_slot_drops_open",
            "group_id",
            "reserved_ts",
            "reservation_type_id",
            unique=True,
            postgresql_where=text("gone_at IS NULL"),
        ),
        Index("ix_slot_drops_appeared_at", "appeared_at"),
        CheckConstraint("source IN ('look', 'push', 'record', 'import')", name="source_known"),
    )


class LookExposure(Base):
    """How much was looked at, so that rates can be estimated from looks that found nothing.

    Hour and weekday (0 is Monday) are the restaurant's at the time of the look; `days_ahead` counts to the day looked
    at; `seconds_covered` is the time since the look before, at most one hour a look.
    """

    __tablename__ = "look_exposure"

    location: Mapped[str] = mapped_column(ForeignKey("locations.key"), primary_key=True)
    weekday: Mapped[int] = mapped_column(primary_key=True)
    hour: Mapped[int] = mapped_column(primary_key=True)
    days_ahead: Mapped[int] = mapped_column(primary_key=True)
    looks: Mapped[BigInt]
    seconds_covered: Mapped[float]


class ScanHistory(Base):
    """One row a change: a slot became available, or no longer is."""

    __tablename__ = "scan_history"

    id: Mapped[Id]
    location: Mapped[str] = mapped_column(ForeignKey("locations.key"))
    scan_date: Mapped[date]
    time_slot: Mapped[str]
    party_sizes: Mapped[str]
    available: Mapped[bool]
    scanned_at: Mapped[Instant] = mapped_column(index=True)

    __table_args__ = (Index("ix_scan_history_slot", "location", "scan_date", "time_slot"),)
