"""Changing, pausing, resuming and ending watches, one or several, and asking for an early look.

The groups are locked before the watches, as looks do it: a change comes before or after a look, and never in between.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Literal

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

from backend.db.base import Sessions
from backend.db.queries import bookings, groups, locations, watches
from backend.domain import windows
from backend.domain.booking_promises import Promise
from backend.domain.booking_rules import Place, keeps_place
from backend.services.errors import AppError
from backend.services.watches import MAX_ID, NewWatch, booking_details, check, promise_of, tier_of, window_of

Action = Literal["pause", "resume", "cancel"]
# Looks at the same table more often than this tell nobody anything new.
LOOK_AGAIN_AFTER = timedelta(seconds=60)
_STATUS = {"pause": "paused", "resume": "active", "cancel": "cancelled"}
_FROM = {"pause": ("active",), "resume": ("paused",), "cancel": ("active", "paused")}
_BEING_BOOKED = "A table is being booked for this watch at this moment; please look again shortly"
_Key = tuple[str, date, int]


@dataclass(frozen=True, slots=True)
class Changed:
    """What became of several watches: ids that changed, and for the others the reason why not."""

    changed: tuple[int, ...]
    unchanged: dict[int, str]


async def change_watch(
    sessions: Sessions, user: Row[Any], watch_id: int, changes: dict[str, Any], *, auto_book: str, now: datetime
) -> Promise | None:
    """Give a watch other wishes; what is absent from `changes` (fields of NewWatch) stays.

    Returns what becomes of its wish for a booking, if it has one.
    Raises AppError 400 when the result makes no sense, 404 when there is no such watch of that person, 409 when it is
    over, or equals another one of theirs.
    """
    async with sessions.begin() as session:
        seen = _only(await watches.own(session, [_sane(watch_id)], user_id=user.id))
        if seen is None:
            raise AppError(404, "There is no such watch")
        wish = NewWatch(**{**_as_wish(seen), **changes})
        location = await locations.by_key(session, wish.location_key)
        if location is None:
            raise AppError(400, f"There is no restaurant {wish.location_key!r}", field="location_key")
        check(wish, location, now=now)
        values = {**booking_details(wish, user, location), **window_of(wish)}
        old, new = _key(seen), (wish.location_key, wish.target_date, wish.party_size)
        await groups.lock_keys(session, [new, old], make=tier_of(wish, location, now=now))
        watch = _only(await watches.lock_own(session, [watch_id], user_id=user.id))
        if watch is None or watch.status not in ("active", "paused"):
            raise AppError(409, f"The watch is {watch.status if watch else 'gone'}; leave a new one")
        if await bookings.attempting(session, [watch_id]):
            raise AppError(409, _BEING_BOOKED)
        if watch.updated_at != seen.updated_at:
            raise AppError(409, "The watch was just changed elsewhere; please look again")
        same = await watches.find_same(session, {**values, "user_id": user.id})
        if same not in (None, watch_id):
            raise AppError(409, "You have that watch already")
        stays = keeps_place(_place(seen), _place(wish))
        await watches.change(session, watch_id, values, has_moved=new != old, keeps_place=stays)
        if watch.status == "active":
            await groups.ensure(
                session,
                location_key=wish.location_key,
                target_date=wish.target_date,
                party_size=wish.party_size,
                tier=tier_of(wish, location, now=now),
            )
        return await promise_of(session, wish, location, auto_book=auto_book)


async def act_on_watches(
    sessions: Sessions, user_id: int, ids: Sequence[int], action: Action, *, now: datetime
) -> Changed:
    """Pause, resume or cancel several watches in one commit. Those that cannot are named with the reason: among
    others, that a table is being booked, which nobody could call back.
    """
    wanted = list(dict.fromkeys(ids))
    reasons: dict[int, str] = {}
    changed: list[int] = []
    async with sessions.begin() as session:
        seen = await watches.own(session, [i for i in wanted if 0 < i <= MAX_ID], user_id=user_id)
        locked = await groups.lock_keys(session, sorted({_key(row) for row in seen}), make=None) if seen else {}
        rows = {row.id: row for row in await watches.lock_own(session, [row.id for row in seen], user_id=user_id)}
        # Under the groups' locks no other attempt begins; one that is under way is past stopping.
        being_booked = await bookings.attempting(session, list(rows))
        for watch_id in wanted:
            row = rows.get(watch_id)
            if row is None or row.status not in _FROM[action]:
                reasons[watch_id] = f"The watch is {row.status}" if row else "There is no such watch"
            elif _key(row) not in locked:
                reasons[watch_id] = "The watch was just changed elsewhere; please look again"
            elif watch_id in being_booked:
                reasons[watch_id] = _BEING_BOOKED
            elif action == "resume" and (reason := await _why_not_again(session, row, now=now)):
                reasons[watch_id] = reason
            else:
                changed.append(watch_id)
        await watches.set_status(session, changed, _STATUS[action])
        if action == "resume":
            for group_id in sorted({locked[_key(rows[watch_id])] for watch_id in changed}):
                await groups.wake(session, group_id)
    return Changed(tuple(changed), reasons)


async def act_on_watch(sessions: Sessions, user_id: int, watch_id: int, action: Action, *, now: datetime) -> None:
    """The same for one. Raises AppError 404 or 409. To pause what is paused changes nothing, and is no error."""
    result = await act_on_watches(sessions, user_id, [watch_id], action, now=now)
    if result.changed:
        return
    async with sessions() as session:
        row = _only(await watches.own(session, [_sane(watch_id)], user_id=user_id))
    if row is None:
        raise AppError(404, "There is no such watch")
    if row.status != _STATUS[action]:
        raise AppError(409, result.unchanged[watch_id])


async def ask_for_looks(sessions: Sessions, user_id: int) -> int:
    """Make due what a person's active watches wait for, unless it was just looked at; returns how many groups."""
    async with sessions.begin() as session:
        return await groups.make_due_for_user(session, user_id, older_than=LOOK_AGAIN_AFTER)


async def _why_not_again(session: AsyncSession, row: Row[Any], *, now: datetime) -> str | None:
    location = await locations.by_key(session, row.location_key)
    if location is None or windows.instant(row.target_date, row.time_end, location.timezone) < now:
        return "That window has passed at the restaurant"
    is_double = await watches.find_same(session, dict(row._mapping)) is not None
    return "You have that watch already" if is_double else None


def _as_wish(row: Row[Any]) -> dict[str, Any]:
    same = (
        *("location_key", "target_date", "party_size", "time_start", "time_end", "auto_book"),
        *("slot_preference", "preferred_time", "min_notice_minutes"),
    )
    details = ("first_name", "last_name", "email", "phone")
    return {key: row._mapping[key] for key in same} | {key: row._mapping[f"book_{key}"] for key in details}


def _key(row: Row[Any]) -> _Key:
    return (row.location_key, row.target_date, row.party_size)


def _place(wanted: Row[Any] | NewWatch) -> Place:
    return Place(wanted.location_key, wanted.target_date, wanted.party_size, wanted.time_start, wanted.time_end)


def _only(rows: Sequence[Row[Any]]) -> Row[Any] | None:
    return rows[0] if rows else None


def _sane(watch_id: int) -> int:
    return watch_id if 0 < watch_id <= MAX_ID else 0
