"""Accounts."""

from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

_COLUMNS = """
    id, email, password_hash, name, first_name, last_name, phone, picture, role, google_id, email_verified_at,
    disabled_at
"""
_ADD = text(f"""
    WITH added AS (
        INSERT INTO users (email, password_hash, name, google_id, picture, last_login)
        VALUES (:email, :password_hash, :name, :google_id, :picture, now())
        ON CONFLICT DO NOTHING RETURNING {_COLUMNS}
    ), told AS (
        INSERT INTO events (kind, subject_id) SELECT 'new_sign_up', id FROM added
    )
    SELECT {_COLUMNS} FROM added
""")
_BY_EMAIL = text(f"SELECT {_COLUMNS} FROM users WHERE email = :email")
_BY_GOOGLE_ID = text(f"SELECT {_COLUMNS} FROM users WHERE google_id = :google_id")
_LOCK = text(f"SELECT {_COLUMNS} FROM users WHERE id = :id FOR UPDATE")
_ADD_CHANNEL = text("""
    INSERT INTO channels (user_id, kind, address) VALUES (:user_id, :kind, :address)
    ON CONFLICT (user_id, kind, address) DO NOTHING
""")
_PROVE_CHANNEL = text("""
    INSERT INTO channels AS c (user_id, kind, address, verified_at, verified_by)
    VALUES (:user_id, 'email', :address, now(), 'owner')
    ON CONFLICT (user_id, kind, address) DO UPDATE
      SET verified_at = coalesce(c.verified_at, now()), verified_by = 'owner',
          disabled_at = NULL, disabled_reason = NULL
""")
_PROVE = text("UPDATE users SET email_verified_at = coalesce(email_verified_at, now()) WHERE id = :id")
# What is open already is new to somebody who could not be told before.
_MATCH_AGAIN = text("""
    UPDATE watches SET needs_match = true WHERE user_id = :id AND status = 'active'
""")
_LOGGED_IN = text(f"""
    UPDATE users SET last_login = now()
    WHERE id = :id AND disabled_at IS NULL AND password_hash IS NOT DISTINCT FROM CAST(:seen AS text)
    RETURNING {_COLUMNS}
""")
_MAKE_ADMIN = text("""
    UPDATE users SET role = 'admin', updated_at = now() WHERE id = :id AND role <> 'admin'
""")
_PROFILE = text("""
    UPDATE users SET phone = :phone, first_name = :first_name, last_name = :last_name, updated_at = now()
    WHERE id = :id
""")


async def add(
    session: AsyncSession,
    *,
    email: str,
    password_hash: str | None,
    name: str,
    google_id: str | None = None,
    picture: str | None = None,
) -> Row[Any] | None:
    """The new account; None when the address, or the Google account, is taken."""
    values = {"email": email, "password_hash": password_hash, "name": name}
    return (await session.execute(_ADD, {**values, "google_id": google_id, "picture": picture})).one_or_none()


async def by_email(session: AsyncSession, email: str) -> Row[Any] | None:
    return (await session.execute(_BY_EMAIL, {"email": email})).one_or_none()


async def by_google_id(session: AsyncSession, google_id: str) -> Row[Any] | None:
    return (await session.execute(_BY_GOOGLE_ID, {"google_id": google_id})).one_or_none()


async def lock(session: AsyncSession, user_id: int) -> Row[Any] | None:
    """An account as it is now, until the transaction ends."""
    return (await session.execute(_LOCK, {"id": user_id})).one_or_none()


async def mark_login(session: AsyncSession, user_id: int, *, seen_hash: str | None) -> Row[Any] | None:
    """Lock the account for a new session; None when its password was changed since it was read, or it was disabled."""
    return (await session.execute(_LOGGED_IN, {"id": user_id, "seen": seen_hash})).one_or_none()


async def set_password_hash(session: AsyncSession, user_id: int, password_hash: str | None) -> None:
    statement = text("UPDATE users SET password_hash = :hash, updated_at = now() WHERE id = :id")
    await session.execute(statement, {"id": user_id, "hash": password_hash})


async def link_google(session: AsyncSession, user_id: int, *, google_id: str, picture: str | None) -> None:
    statement = text("""
        UPDATE users SET google_id = :google_id, picture = coalesce(CAST(:picture AS text), picture), updated_at = now()
        WHERE id = :id
    """)
    await session.execute(statement, {"id": user_id, "google_id": google_id, "picture": picture})


async def add_channel(session: AsyncSession, user_id: int, *, kind: str, address: str) -> None:
    await session.execute(_ADD_CHANNEL, {"user_id": user_id, "kind": kind, "address": address})


async def prove_address(session: AsyncSession, user_id: int, *, address: str) -> None:
    """The account's address is its owner's: it may be written to, and what is open now is told."""
    await session.execute(text("SET LOCAL lock_timeout = '500ms'"))
    await session.execute(_PROVE, {"id": user_id})
    await session.execute(_PROVE_CHANNEL, {"user_id": user_id, "address": address})
    await session.execute(_MATCH_AGAIN, {"id": user_id})


async def match_again(session: AsyncSession, user_id: int) -> None:
    """Match a person's active watches anew with what is open."""
    await session.execute(_MATCH_AGAIN, {"id": user_id})


async def make_admin(session: AsyncSession, user_id: int) -> None:
    await session.execute(_MAKE_ADMIN, {"id": user_id})


async def set_profile(
    session: AsyncSession, user_id: int, *, phone: str | None, first_name: str | None, last_name: str | None
) -> None:
    values = {"id": user_id, "phone": phone, "first_name": first_name, "last_name": last_name}
    await session.execute(_PROFILE, values)
