"""Keys of this installation, made by itself and shared by its processes."""

from sqlalchemy import CheckConstraint, Index
from sqlalchemy.orm import Mapped

from backend.db.base import Base, CreatedAt, Id


class Key(Base):
    """`links` signs the links in messages, `web_push` our pushes to browsers. The newest of a name is used; older ones
    still prove what they signed.
    """

    __tablename__ = "keys"

    id: Mapped[Id]
    name: Mapped[str]
    value: Mapped[bytes]
    created_at: Mapped[CreatedAt]

    __table_args__ = (
        CheckConstraint("name IN ('links', 'web_push')", name="name_known"),
        Index("ix_keys_name", "name", "id"),
    )
