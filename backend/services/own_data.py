"""What a person may see, take along and have deleted: their messages, bookings, everything we keep of them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from backend.db.base import Sessions
from backend.db.queries import own_data as queries
from backend.db.queries import users
from backend.domain import watch_log
from backend.domain.watch_log import Entry
from backend.services.errors import AppError
from backend.services.sessions import MAX_ID


async def notifications(sessions: Sessions, user_id: int, *, before: int | None, limit: int) -> Sequence[Row[Any]]:
    """A person's messages, the newest first; `before` is the last id of the page before."""
    async with sessions() as session:
        return await queries.notifications(session, user_id, before=min(before or MAX_ID, MAX_ID), limit=limit)


async def bookings(sessions: Sessions, user_id: int, *, before: int | None, limit: int) -> Sequence[Row[Any]]:
    """What was booked, or tried, for a person, the newest first."""
    async with sessions() as session:
        return await queries.bookings(session, user_id, before=min(before or MAX_ID, MAX_ID), limit=limit)


async def log_of_watch(sessions: Sessions, watch_id: int, *, user_id: int) -> list[Entry]:
    """What happened to one's own watch, the newest first. Raises AppError 404."""
    async with sessions() as session:
        watch = await queries.watch(session, watch_id, user_id=user_id) if 0 < watch_id <= MAX_ID else None
        if watch is None:
            raise AppError(404, "There is no such watch")
        facts = watch_log.Facts(
            made_at=watch.created_at,
            status=watch.status,
            changed_at=watch.updated_at,
            timezone=watch.timezone,
            looked_at=watch.last_ok_at,
            trouble=watch.last_error,
            trouble_at=watch.last_error_at,
            openings=tuple(
                watch_log.Opening(row.slot_time, row.appeared_at, row.gone_at)
                for row in await queries.openings_in_window(session, watch)
            ),
            messages=tuple(
                watch_log.Message(row.kind, row.channel, row.status, row.created_at, row.sent_at, row.error_message)
                for row in await queries.messages_of_watch(session, watch_id)
            ),
            bookings=tuple(
                watch_log.Attempt(row.state, row.reserved_ts, row.reason, row.settled_at or row.wanted_at)
                for row in await queries.bookings_of_watch(session, watch_id)
            ),
        )
    return watch_log.tell(facts)


async def export(sessions: Sessions, user_id: int, *, now: datetime) -> dict[str, Any]:
    """Everything that is kept of a person, but for secrets, as plain values."""
    async with sessions() as session:
        return {"exported_at": now.isoformat(), **await queries.everything(session, user_id)}


async def delete_account(sessions: Sessions, user_id: int) -> None:
    """Forget a person. Of bookings stays that there was one, and nothing that names anybody. Raises AppError 409."""
    async with sessions.begin() as session:
        if await users.lock(session, user_id) is None:
            return
        if await queries.is_being_booked(session, user_id):
            raise AppError(409, "A table is being booked for you at this moment; please try again in a minute")
        await queries.forget(session, user_id)
