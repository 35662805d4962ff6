"""One-time links: made, looked up, used once."""

from datetime import timedelta
from typing import Any, Literal

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

Purpose = Literal["verify", "reset"]

_ADD = text("""
    INSERT INTO one_time_tokens (user_id, purpose, address, token_hash, expires_at)
    VALUES (:user_id, :purpose, :address, :token_hash, now() + CAST(:lifetime AS interval))
""")
# The row stays locked until the end: of two uses at once, the second one sees that it is used.
_FIND = text("""
    SELECT t.id, t.user_id, t.address, t.used_at, u.email, u.name, u.email_verified_at
    FROM one_time_tokens t JOIN users u ON u.id = t.user_id
    WHERE t.token_hash = :token_hash AND t.purpose = :purpose AND t.expires_at > now() AND u.disabled_at IS NULL
      AND t.address = u.email
    FOR UPDATE OF t
""")


async def add(
    session: AsyncSession, *, user_id: int, purpose: Purpose, address: str, token_hash: bytes, lifetime: timedelta
) -> None:
    values = {"user_id": user_id, "purpose": purpose, "address": address, "token_hash": token_hash}
    await session.execute(_ADD, {**values, "lifetime": lifetime})


async def find(session: AsyncSession, token_hash: bytes, *, purpose: Purpose) -> Row[Any] | None:
    """A link that has not run out, used or not, with its person; None also when their address is another one now."""
    return (await session.execute(_FIND, {"token_hash": token_hash, "purpose": purpose})).one_or_none()


async def use_up(session: AsyncSession, *, user_id: int, purpose: Purpose) -> None:
    """All links of that purpose are used: the newest makes the older ones worthless too."""
    statement = text("""
        UPDATE one_time_tokens SET used_at = now()
        WHERE user_id = :user_id AND purpose = :purpose AND used_at IS NULL
    """)
    await session.execute(statement, {"user_id": user_id, "purpose": purpose})
