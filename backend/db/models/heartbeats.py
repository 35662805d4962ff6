"""Which processes are alive."""

from sqlalchemy import CheckConstraint
from sqlalchemy.orm import Mapped, mapped_column

from backend.db.base import Base, CreatedAt


class Heartbeat(Base):
    """The last sign of life of one process. `process` is host and process id; `queues` are a worker's, by comma."""

    __tablename__ = "heartbeats"

    process: Mapped[str] = mapped_column(primary_key=True)
    part: Mapped[str]
    queues: Mapped[str]
    version: Mapped[str]
    started_at: Mapped[CreatedAt]
    beat_at: Mapped[CreatedAt]

    __table_args__ = (CheckConstraint("part IN ('worker', 'scheduler')", name="part_known"),)
