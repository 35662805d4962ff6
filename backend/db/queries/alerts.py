"""Wishes left by mail."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

_COLUMNS = "id, name, email, party_size, preferred_date, preferred_time, location, created_at"
_EVERY = text(f"SELECT {_COLUMNS} FROM alerts ORDER BY id DESC")
# An address alone proves nothing: rows found by it are shown only once the account has shown that it is theirs.
_OF_USER = text(f"""
    SELECT {_COLUMNS} FROM alerts a
    WHERE a.user_id = :user_id
       OR (a.user_id IS NULL AND a.email IN (SELECT c.address FROM channels c
           WHERE c.user_id = :user_id AND c.kind = 'email' AND c.verified_at IS NOT NULL
             AND c.verified_by IS DISTINCT FROM 'import'))
    ORDER BY a.id DESC
""")
_ADD = text("""
    INSERT INTO alerts (user_id, name, email, party_size, preferred_date, preferred_time, location)
    VALUES (:user_id, :name, :email, :party_size, :preferred_date, :preferred_time, :location)
""")


async def count(session: AsyncSession) -> int:
    return int(await session.scalar(text("SELECT count(*) FROM alerts")) or 0)


async def every(session: AsyncSession) -> Sequence[Row[Any]]:
    """All, newest first."""
    return (await session.execute(_EVERY)).all()


async def of_user(session: AsyncSession, user_id: int) -> Sequence[Row[Any]]:
    """A person's own: left while signed in, or with an address that they verified."""
    return (await session.execute(_OF_USER, {"user_id": user_id})).all()


async def add(session: AsyncSession, values: dict[str, Any]) -> None:
    await session.execute(_ADD, values)
