"""From the ledgers to the queue: right after a commit, and again for what a crash or an empty Redis left behind."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError
from sqlalchemy import Row

from backend.clients.jobs import Job, Jobs
from backend.db.base import Sessions
from backend.db.insist import insist
from backend.db.queries import bookings, notifications, runs
from backend.services.booking_news import tell_refusals
from backend.services.booking_outcomes import conclude
from backend.services.turns import next_turns
from backend.services.work import Work

_EPOCH_KEY = "outbox:epoch"
# So many mails of one commit are sent at once, in one go; more are taken from the ledger in turn, as all other
# channels' messages are, so that one channel's long queue or slow provider holds up nobody else's.
DIRECT = 20


@dataclass(frozen=True, slots=True)
class Relayed:
    """What the relay found."""

    messages: int
    bookings: int
    lost_bookings: int
    closed_runs: Sequence[Row[Any]]


async def dispatch(sessions: Sessions, jobs: Jobs, work: Work) -> bool:
    """Enqueue committed rows and stamp them. False when Redis is away: the relay will find them."""
    if not work.messages and not work.bookings:
        return True
    queue: list[Job] = [("auto_book_reservation", (booking_id,)) for booking_id in work.bookings]
    queue += _deliveries(work.messages)
    try:
        await jobs.send(queue)
    except RedisError:
        return False
    await insist(lambda: _stamp(sessions, work))
    return True


def _deliveries(messages: Sequence[tuple[int, str]]) -> list[Job]:
    mails = [message_id for message_id, channel in messages if channel == "email"]
    crowded = sorted({channel for _, channel in messages if channel != "email" or len(mails) > DIRECT})
    jobs: list[Job] = []
    if len(mails) == 1:
        jobs.append(("send_email_notification", (mails[0],)))
    elif mails:
        jobs.append(("send_notifications", (mails[:DIRECT],)))
    return jobs + [("drain_notifications", (channel,)) for channel in crowded]


async def _stamp(sessions: Sessions, work: Work) -> None:
    async with sessions.begin() as session:
        await notifications.mark_dispatched(session, [message_id for message_id, _ in work.messages])
        await bookings.mark_dispatched(session, work.bookings)


async def relay(sessions: Sessions, redis: Redis, jobs: Jobs, *, operators: Sequence[str], now: datetime) -> Relayed:
    """Find what was left behind, and send it on. Raises RedisError when Redis is away: the next tick tries again."""
    was_flushed = not await redis.exists(_EPOCH_KEY)
    async with sessions.begin() as session:
        await notifications.return_lost(session)
        lost = await bookings.take_lost(session)
        chosen = set()
        for booking_id in lost:
            chosen |= set((await conclude(session, booking_id, operators=operators, now=now)).bookings)
        await bookings.lapse_old(session)
        # What these chances were waited for with: all messages written here are due below.
        await tell_refusals(session, None)
        groups = await bookings.waiting_groups(session, everything=was_flushed)
        chosen |= set((await next_turns(session, groups, now=now)).bookings)
        due = await notifications.due(session, everything=was_flushed)
        closed = await runs.close_stale(session)
    if await dispatch(sessions, jobs, Work(tuple(due), tuple(sorted(chosen)))):
        await redis.set(_EPOCH_KEY, now.isoformat())
    return Relayed(len(due), len(chosen), len(lost), closed)
