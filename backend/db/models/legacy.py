"""What is known of moving in from the earlier version."""

from datetime import date, time

from sqlalchemy import ForeignKey, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from backend.db.base import Base, BigInt, CreatedAt, Id, Instant, Json


class LegacyImport(Base):
    """One import that was written. The newest says which ids came, and which belong to this version.

    `highest` is the highest id that the source had, by table; rows above `own_above` were made here.
    `rejected` lists, by table, the ids that could not come.
    """

    __tablename__ = "legacy_imports"

    id: Mapped[Id]
    source: Mapped[str]
    is_final: Mapped[bool] = mapped_column(server_default=text("false"))
    highest: Mapped[Json]
    own_above: Mapped[Json]
    counts: Mapped[Json]
    rejected: Mapped[Json]
    created_at: Mapped[CreatedAt]


class ToldBefore(Base):
    """A table that the earlier version told a watch of. `drop_id` is the first drop that fitted: it is not told."""

    __tablename__ = "told_before"

    id: Mapped[Id]
    watch_id: Mapped[BigInt] = mapped_column(ForeignKey("watches.id", ondelete="CASCADE"))
    slot_date: Mapped[date]
    slot_time: Mapped[time]
    party_size: Mapped[int]
    told_at: Mapped[Instant]
    drop_id: Mapped[BigInt | None] = mapped_column(ForeignKey("slot_drops.id"))

    __table_args__ = (UniqueConstraint("watch_id", "slot_date", "slot_time", "party_size"),)
