"""Sign-ins."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from backend.db.base import AnySession

_ADD = text("""
    INSERT INTO sessions (user_id, token_hash, user_agent, expires_at)
    VALUES (:user_id, :token_hash, :user_agent, now() + CAST(:lifetime AS interval))
""")
_USER = text("""
    SELECT u.id, u.email, u.name, u.first_name, u.last_name, u.phone, u.picture, u.role, u.google_id,
           u.email_verified_at, u.password_hash IS NOT NULL AS has_password, s.id AS session_id,
           s.last_used_at < now() - interval '10 minutes' AS is_stale
    FROM sessions s JOIN users u ON u.id = s.user_id
    WHERE s.token_hash = :token_hash AND s.expires_at > now() AND u.disabled_at IS NULL
""")
_MARK_USED = text("UPDATE sessions SET last_used_at = now() WHERE id = :id")
_OF_USER = text("""
    SELECT id, user_agent, created_at, last_used_at, expires_at FROM sessions
    WHERE user_id = :user_id AND expires_at > now() ORDER BY last_used_at DESC, id DESC
""")


async def add(
    session: AsyncSession, *, user_id: int, token_hash: bytes, user_agent: str | None, lifetime: timedelta
) -> None:
    values = {"user_id": user_id, "token_hash": token_hash, "user_agent": user_agent, "lifetime": lifetime}
    await session.execute(_ADD, values)


async def user_of(session: AnySession, token_hash: bytes) -> Row[Any] | None:
    """Who is signed in with this token; None when it is unknown, expired, or the account is disabled."""
    return (await session.execute(_USER, {"token_hash": token_hash})).one_or_none()


async def mark_used(session: AnySession, session_id: int) -> None:
    await session.execute(_MARK_USED, {"id": session_id})


async def of_user(session: AsyncSession, user_id: int) -> Sequence[Row[Any]]:
    """A person's sign-ins, the last used one first."""
    return (await session.execute(_OF_USER, {"user_id": user_id})).all()


async def delete(session: AsyncSession, session_id: int, *, user_id: int) -> bool:
    """True when this ended a session of that person."""
    statement = text("DELETE FROM sessions WHERE id = :id AND user_id = :user_id RETURNING id")
    return (await session.execute(statement, {"id": session_id, "user_id": user_id})).first() is not None


async def delete_all(session: AsyncSession, *, user_id: int, but: int | None = None) -> int:
    """End a person's sessions, but for one; returns how many."""
    statement = text("DELETE FROM sessions WHERE user_id = :user_id AND id <> coalesce(CAST(:but AS bigint), 0)")
    result: Any = await session.execute(statement, {"user_id": user_id, "but": but})
    return int(result.rowcount)


async def delete_expired(session: AsyncSession) -> int:
    """Delete sessions and one-time links that have run out; returns how many sessions."""
    await session.execute(text("DELETE FROM one_time_tokens WHERE expires_at < now()"))
    result: Any = await session.execute(text("DELETE FROM sessions WHERE expires_at < now()"))
    return int(result.rowcount)
