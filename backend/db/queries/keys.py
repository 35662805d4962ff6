"""Keys of this installation, by name; the newest signs, and all of them are believed."""

from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

_ALL = text("SELECT value FROM keys WHERE name = :name ORDER BY id")


async def all_of(session: AsyncSession, name: str) -> Sequence[bytes]:
    """The keys of that name, the newest last."""
    return (await session.execute(_ALL, {"name": name})).scalars().all()


async def newest(session: AsyncSession, name: str) -> bytes | None:
    """The key that signs now; None where there is none."""
    found = await all_of(session, name)
    return found[-1] if found else None
