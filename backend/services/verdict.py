"""Writes down what the reservation service answered to an attempt, by hand or automatic, and what follows."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from backend.clients.wisely import Reply
from backend.db.base import Sessions
from backend.db.queries import bookings
from backend.services.booking_outcomes import conclude
from backend.services.work import Work


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an attempt came to, and the ledger rows that follow from it."""

    state: str
    reason: str | None = None
    work: Work = field(default_factory=Work)


async def write_verdict(
    sessions: Sessions, booking_id: int, reply: Reply, *, token: UUID, operators: Sequence[str], now: datetime
) -> Outcome:
    """Settle an attempt by its answer. One that comes late still counts while nobody else has settled the booking.

    Where somebody has, the answer is kept. That there is a table is the one thing that the service knows better.
    """
    answer = json.dumps(reply.answer) if reply.answer is not None else None
    async with sessions.begin() as session:
        await bookings.lock_groups(session, booking_id)
        if not await bookings.settle(
            session, booking_id, token=token, state=reply.outcome, reason=reply.reason, answer=answer
        ):
            await bookings.keep_answer(session, booking_id, token=token, answer=answer)
            if reply.outcome != "booked" or not await _correct(session, booking_id, token=token):
                return Outcome("too_late", reply.outcome)
        work = await conclude(session, booking_id, operators=operators, now=now)
    return Outcome(reply.outcome, reply.reason, work)


async def _correct(session: AsyncSession, booking_id: int, *, token: UUID) -> bool:
    try:
        async with session.begin_nested():
            return await bookings.correct(session, booking_id, token=token)
    except IntegrityError:
        return False
