"""Writes down what the reservation service answered to an attempt, by hand or automatic, and what follows."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal
from uuid import UUID

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from backend.clients.wisely import Reply
from backend.db.base import Sessions
from backend.db.queries import bookings, notifications
from backend.services.booking_news import announce_second
from backend.services.booking_outcomes import conclude
from backend.services.turns import next_turns
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

    Where somebody has, the answer is kept. That there is a table is the one thing that the service knows better; beside
    another booking for that meal it is told, and stays as it was settled.
    Run again after a commit whose answer was lost, it says the same, and what follows is sent on all the same.
    """
    answer = json.dumps(reply.answer) if reply.answer is not None else None
    async with sessions.begin() as session:
        locked = await bookings.lock_groups(session, booking_id)
        if not await bookings.settle(
            session, booking_id, token=token, state=reply.outcome, reason=reply.reason, answer=answer
        ):
            if await bookings.is_verdict_of(session, booking_id, token=token, state=reply.outcome):
                return Outcome(reply.outcome, reply.reason, await _left_behind(session, booking_id, locked, now=now))
            await bookings.keep_answer(session, booking_id, token=token, answer=answer)
            if reply.outcome != "booked":
                return Outcome("too_late", reply.outcome)
            corrected = await _correct(session, booking_id, token=token)
            if corrected != "done":
                told = await _second(session, booking_id, operators=operators) if corrected == "second" else ()
                return Outcome("too_late", reply.outcome, Work(told))
        work = await conclude(session, booking_id, operators=operators, now=now)
    return Outcome(reply.outcome, reply.reason, work)


async def _left_behind(session: AsyncSession, booking_id: int, locked: Sequence[int], *, now: datetime) -> Work:
    """What was written with a verdict and not sent on yet."""
    messages = await notifications.unsent_of_booking(session, booking_id)
    turns = await next_turns(session, locked, now=now)
    return Work((*messages, *turns.messages), turns.bookings)


async def _correct(session: AsyncSession, booking_id: int, *, token: UUID) -> Literal["done", "second", "no"]:
    """Second: the person has another booking for that meal by now."""
    try:
        async with session.begin_nested():
            return "done" if await bookings.correct(session, booking_id, token=token) else "no"
    except IntegrityError:
        return "second"


async def _second(session: AsyncSession, booking_id: int, *, operators: Sequence[str]) -> tuple[tuple[int, str], ...]:
    await bookings.explain(session, booking_id, reason="the restaurant says that it has this booking as well")
    booking = await bookings.load(session, booking_id)
    return await announce_second(session, booking, operators=operators) if booking is not None else ()
