"""What follows when a message could not be told where it was sent."""

from datetime import datetime
from typing import Any

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

Queued = tuple[tuple[int, str], ...]


async def after_failure(
    session: AsyncSession, row: Row[Any], *, reason: str, address_is_dead: bool, now: datetime
) -> Queued:
    """The messages that take its place, to be dispatched after the commit."""
    return ()
