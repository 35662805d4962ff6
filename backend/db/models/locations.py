"""Restaurants, and the switches that stop work everywhere. Both are edited without a deploy."""

from sqlalchemy import CheckConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from backend.db.base import Base, BigInt, CreatedAt


class Location(Base):
    """A restaurant. `horizon_days` is how far ahead it offers tables; `looking` false stops all looks at it.

    `auto_book_reason`: why automatic booking is not allowed here, in a sentence.
    """

    __tablename__ = "locations"

    key: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    brand: Mapped[str]
    city: Mapped[str]
    state: Mapped[str]
    timezone: Mapped[str]
    lat: Mapped[float]
    lon: Mapped[float]
    merchant_id: Mapped[BigInt] = mapped_column(unique=True)
    reservation_type_id: Mapped[BigInt]
    booking_slug: Mapped[str]
    auto_book_allowed: Mapped[bool] = mapped_column(server_default=text("true"))
    auto_book_reason: Mapped[str | None]
    horizon_days: Mapped[int] = mapped_column(server_default=text("30"))
    looking: Mapped[bool] = mapped_column(server_default=text("true"))

    __table_args__ = (CheckConstraint("horizon_days BETWEEN 0 AND 365", name="horizon_sane"),)


class Switch(Base):
    """scanning, notifying or booking: off stops it in every process at its next unit of work."""

    __tablename__ = "switches"

    name: Mapped[str] = mapped_column(primary_key=True)
    is_on: Mapped[bool] = mapped_column(server_default=text("true"))
    changed_at: Mapped[CreatedAt]
