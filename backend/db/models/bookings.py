"""The ledger of bookings. What must never happen twice is forbidden by its unique indexes."""

from datetime import date
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from backend.db.base import Base, BigInt, CreatedAt, Id, Instant, Json

_LIVE = text("state IN ('attempting', 'booked', 'unknown')")


class Booking(Base):
    """One chance to book one opening for one person; by hand it has neither watch nor drop.

    `settled_by` (guest or operator) and `note`: who said what became of an unknown one. `told_at`: when its guest heard
    of a refusal, or it no longer mattered.
    """

    __tablename__ = "bookings"

    id: Mapped[Id]
    watch_id: Mapped[BigInt | None] = mapped_column(ForeignKey("watches.id", ondelete="SET NULL"))
    drop_id: Mapped[BigInt | None] = mapped_column(ForeignKey("slot_drops.id"))
    user_id: Mapped[BigInt | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"), index=True)
    run_id: Mapped[BigInt | None] = mapped_column(ForeignKey("scan_runs.id", ondelete="SET NULL"))
    location_key: Mapped[str] = mapped_column(ForeignKey("locations.key"))
    target_date: Mapped[date]
    meal: Mapped[str]
    party_size: Mapped[int]
    reserved_ts: Mapped[BigInt]
    reservation_type_id: Mapped[BigInt]
    first_name: Mapped[str]
    last_name: Mapped[str]
    email: Mapped[str]
    phone: Mapped[str]
    rank: Mapped[int] = mapped_column(server_default=text("0"))
    state: Mapped[str] = mapped_column(server_default="wanted")
    reason: Mapped[str | None]
    answer: Mapped[Json | None]
    wanted_at: Mapped[CreatedAt]
    dispatched_at: Mapped[Instant | None]
    claim_token: Mapped[UUID | None]
    lease_until: Mapped[Instant | None]
    attempted_at: Mapped[Instant | None]
    settled_at: Mapped[Instant | None]
    settled_by: Mapped[str | None]
    note: Mapped[str | None]
    cancelled_at: Mapped[Instant | None]
    told_at: Mapped[Instant | None]

    __table_args__ = (
        CheckConstraint(
            "state IN ('wanted', 'dry_run', 'attempting', 'booked', 'refused', 'unknown', 'lapsed', 'cancelled')",
            name="state_known",
        ),
        CheckConstraint("meal IN ('lunch', 'dinner')", name="meal_known"),
        Index("uq_bookings_watch_id_drop_id", "watch_id", "drop_id", unique=True),
        Index("uq_bookings_live_watch", "watch_id", unique=True, postgresql_where=_LIVE),
        Index("uq_bookings_live_person", "user_id", "target_date", "meal", unique=True, postgresql_where=_LIVE),
        Index("uq_bookings_live_phone", "phone", "target_date", "meal", unique=True, postgresql_where=_LIVE),
        Index(
            "uq_bookings_attempting_drop",
            "drop_id",
            unique=True,
            postgresql_where=text("state = 'attempting'"),
        ),
        Index("ix_bookings_wanted", "wanted_at", postgresql_where=text("state = 'wanted'")),
        Index("ix_bookings_attempting", "lease_until", postgresql_where=text("state = 'attempting'")),
        Index("ix_bookings_untold", "watch_id", postgresql_where=text("state = 'refused' AND told_at IS NULL")),
    )
