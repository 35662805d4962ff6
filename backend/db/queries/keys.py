"""Keys that sign. The newest of a name is used; older ones still prove what they signed."""

from typing import Literal

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

Name = Literal["links", "web_push"]

_NEWEST = text("SELECT value FROM keys WHERE name = :name ORDER BY id DESC LIMIT 1")
_ALL = text("SELECT value FROM keys WHERE name = :name ORDER BY id DESC")
_ONE_AT_A_TIME = text("SELECT pg_advisory_xact_lock(hashtextextended('keys:' || :name, 0))")
_ADD = text("INSERT INTO keys (name, value) VALUES (:name, :value)")


async def newest(session: AsyncSession, name: Name) -> bytes | None:
    """The key to sign with; None when there is none yet."""
    found: bytes | None = await session.scalar(_NEWEST, {"name": name})
    return found


async def all_of(session: AsyncSession, name: Name) -> list[bytes]:
    """Every key that may have signed something, the newest first."""
    return list(await session.scalars(_ALL, {"name": name}))


async def add_first(session: AsyncSession, name: Name, value: bytes) -> bytes:
    """The key to sign with: `value`, unless somebody else was first. Holds back the others until the commit."""
    await session.execute(_ONE_AT_A_TIME, {"name": name})
    found = await newest(session, name)
    if found is None:
        await session.execute(_ADD, {"name": name, "value": value})
    return value if found is None else found
