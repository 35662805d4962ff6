"""What happened that administrators are to be told of."""

from sqlalchemy import CheckConstraint
from sqlalchemy.orm import Mapped

from backend.db.base import Base, BigInt, CreatedAt, Id


class Event(Base):
    """One row from the moment it happens until it stands in a message. `subject_id` is the person, watch or opinion."""

    __tablename__ = "events"

    id: Mapped[Id]
    kind: Mapped[str]
    subject_id: Mapped[BigInt]
    created_at: Mapped[CreatedAt]

    __table_args__ = (CheckConstraint("kind IN ('new_sign_up', 'new_watch', 'new_feedback')", name="kind_known"),)
