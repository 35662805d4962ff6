"""What people and machines reported: wishes by mail, waits at the door, telephone calls, opinions."""

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from backend.db.base import Base, BigInt, CreatedAt, Id, Instant


class Alert(Base):
    """A wish left without an account. Date and time are text: `YYYY-MM-DD` and `HH:MM`, or what an old row said.

    `location` is a key, `both`, or what an old row said; `user_id` is set when the person was signed in.
    """

    __tablename__ = "alerts"

    id: Mapped[Id]
    user_id: Mapped[BigInt | None] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    name: Mapped[str]
    email: Mapped[str] = mapped_column(index=True)
    party_size: Mapped[int] = mapped_column(server_default=text("2"))
    preferred_date: Mapped[str | None]
    preferred_time: Mapped[str | None]
    location: Mapped[str] = mapped_column(server_default="both")
    created_at: Mapped[CreatedAt]


class WaitReport(Base):
    """How long somebody waited for a table without a reservation."""

    __tablename__ = "wait_reports"

    id: Mapped[Id]
    location: Mapped[str] = mapped_column(ForeignKey("locations.key"))
    wait_minutes: Mapped[int]
    source: Mapped[str] = mapped_column(server_default="user")
    created_at: Mapped[CreatedAt]

    __table_args__ = (Index("ix_wait_reports_location_created_at", "location", "created_at"),)


class CallLog(Base):
    """One telephone call to a restaurant. `call_duration` is in seconds; `raw_json` is what some old rows hold."""

    __tablename__ = "call_logs"

    id: Mapped[Id]
    location: Mapped[str] = mapped_column(ForeignKey("locations.key"))
    phone: Mapped[str | None]
    call_id: Mapped[str | None]
    wait_count: Mapped[int | None]
    wait_minutes: Mapped[int | None]
    transcript: Mapped[str | None]
    summary: Mapped[str | None]
    recording_url: Mapped[str | None]
    call_duration: Mapped[float | None]
    answered_by: Mapped[str | None]
    status: Mapped[str | None]
    called_at: Mapped[Instant]
    raw_json: Mapped[str | None]
    created_at: Mapped[CreatedAt]

    __table_args__ = (Index("ix_call_logs_location_called_at", "location", "called_at"),)


class Feedback(Base):
    """What somebody thinks of the product."""

    __tablename__ = "feedback"

    id: Mapped[Id]
    message: Mapped[str]
    contact: Mapped[str | None]
    ip: Mapped[str | None]
    created_at: Mapped[CreatedAt]
