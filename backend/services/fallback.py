"""After a message has failed for good: an address that is dead is given up."""

from datetime import datetime
from typing import Any

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

from backend.db.queries import channels
from backend.services.account_mail import Queued


async def after_failure(
    session: AsyncSession, row: Row[Any], *, reason: str, address_is_dead: bool, now: datetime
) -> Queued:
    """Draw the consequences, in the transaction that settles the message; returns what to dispatch after the commit."""
    if address_is_dead and row.channel_id is not None:
        await channels.disable(session, row.channel_id, reason=reason, sent_at=now)
    return ()
