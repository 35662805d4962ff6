"""Who has a turn to book now, and whose chances end because there were attempts enough."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from backend.db.queries import bookings
from backend.domain.booking_rules import choose_attempts, exhausted
from backend.services.booking_news import tell_refusals
from backend.services.work import Work


async def next_turns(session: AsyncSession, group_ids: Sequence[int], *, now: datetime) -> Work:
    """The chances to try now in some groups, and the refusals to tell of watches that have nothing left to try."""
    if not group_ids:
        return Work()
    candidates = await bookings.candidates(session, group_ids)
    spent = exhausted(candidates)
    await bookings.lapse(session, spent)
    concerned = sorted({candidate.watch_id for candidate in candidates if candidate.id in spent})
    told = await tell_refusals(session, concerned) if concerned else ()
    return Work(told, tuple(choose_attempts(candidates, now=now)))
