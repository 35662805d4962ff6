"""Opinions."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

_EVERY = text("SELECT id, message, contact, ip, created_at FROM feedback ORDER BY id DESC LIMIT :most")
_ADD = text("""
    WITH added AS (INSERT INTO feedback (message, contact, ip) VALUES (:message, :contact, :ip) RETURNING id)
    INSERT INTO events (kind, subject_id) SELECT 'new_feedback', id FROM added
""")


async def newest(session: AsyncSession, *, most: int) -> Sequence[Row[Any]]:
    return (await session.execute(_EVERY, {"most": most})).all()


async def add(session: AsyncSession, *, message: str, contact: str | None, ip: str | None) -> None:
    await session.execute(_ADD, {"message": message, "contact": contact, "ip": ip})
