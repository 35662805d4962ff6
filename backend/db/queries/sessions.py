"""Sign-ins."""

from datetime import timedelta
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from backend.db.base import AnySession

_ADD = text("""
    INSERT INTO sessions (user_id, token_hash, expires_at) 
    VALUES (:user_id, :token_hash, now() + CAST(:lifetime AS interval))
""")
_USER = text("""
    SELECT u.id, u.email, u.name, u.first_name, u.last_name, u.phone, u.picture, u.role
    FROM sessions s JOIN users u ON u.id = s.user_id
    WHERE s.token_hash = :token_hash AND s.expires_at > now() AND u.disabled_at IS NULL
""")


async def add(session: AsyncSession, *, user_id: int, token_hash: bytes, lifetime: timedelta) -> None:
    await session.execute(_ADD, {"user_id": user_id, "token_hash": token_hash, "lifetime": lifetime})


async def user_of(session: AnySession, token_hash: bytes) -> Row[Any] | None:
    """Who is signed in with this token; None when it is unknown, expired, or the account is disabled."""
    return (await session.execute(_USER, {"token_hash": token_hash})).one_or_none()


async def delete(session: AsyncSession, token_hash: bytes) -> None:
    await session.execute(text("DELETE FROM sessions WHERE token_hash = :hash"), {"hash": token_hash})


async def delete_expired(session: AsyncSession) -> int:
    result: Any = await session.execute(text("DELETE FROM sessions WHERE expires_at < now()"))
    return int(result.rowcount)
