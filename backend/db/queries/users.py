"""Accounts."""

from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

_ADD = text("""
    INSERT INTO users (email, password_hash, name, last_login) VALUES (:email, :password_hash, :name, now())
    ON CONFLICT (email) DO NOTHING
    RETURNING id, email, password_hash, name, first_name, last_name, phone, picture, role
""")
_BY_EMAIL = text("""
    SELECT id, email, password_hash, name, first_name, last_name, phone, picture, role FROM users
    WHERE email = :email AND disabled_at IS NULL
""")
_ADD_CHANNEL = text("""
    INSERT INTO channels (user_id, kind, address) VALUES (:user_id, :kind, :address)
    ON CONFLICT (user_id, kind, address) DO NOTHING
""")


async def add(session: AsyncSession, *, email: str, password_hash: str, name: str) -> Row[Any] | None:
    """The new account; None when the address is taken."""
    values = {"email": email, "password_hash": password_hash, "name": name}
    return (await session.execute(_ADD, values)).one_or_none()


async def by_email(session: AsyncSession, email: str) -> Row[Any] | None:
    return (await session.execute(_BY_EMAIL, {"email": email})).one_or_none()


async def mark_login(session: AsyncSession, user_id: int) -> None:
    await session.execute(text("UPDATE users SET last_login = now() WHERE id = :id"), {"id": user_id})


async def set_password_hash(session: AsyncSession, user_id: int, password_hash: str) -> None:
    statement = text("UPDATE users SET password_hash = :hash, updated_at = now() WHERE id = :id")
    await session.execute(statement, {"id": user_id, "hash": password_hash})


async def add_channel(session: AsyncSession, user_id: int, *, kind: str, address: str) -> None:
    await session.execute(_ADD_CHANNEL, {"user_id": user_id, "kind": kind, "address": address})
