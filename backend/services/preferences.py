"""How a person wants to be told, and watches that are to be quiet for some hours."""

from datetime import date, datetime, timedelta
from functools import cache
from typing import Any
from zoneinfo import available_timezones

from sqlalchemy import Row

from backend.db.base import Sessions
from backend.db.queries import channels, groups, preferences, watches
from backend.services.account_mail import Queued
from backend.services.errors import AppError
from backend.services.sessions import MAX_ID

SNOOZE_AT_MOST = 168
SMS_WITHIN_AT_MOST = 2160


async def read(sessions: Sessions, user_id: int) -> Row[Any]:
    """A person's wishes, the defaults where they named none."""
    async with sessions() as session:
        return await preferences.of_user(session, user_id)


async def change(sessions: Sessions, user_id: int, changes: dict[str, Any], *, now: datetime) -> Queued:
    """Write what is given; returns what was held back and is judged anew, to dispatch. Raises AppError 400.

    `snooze_hours` beside the columns: None ends it. Whoever is told again is matched again with what is open.
    """
    _check(changes)
    values = {name: value for name, value in changes.items() if name != "snooze_hours"}
    if "snooze_hours" in changes:
        values["snoozed_until"] = _until(changes["snooze_hours"], field="snooze_hours", now=now)
    ends_snooze = "snooze_hours" in changes and changes["snooze_hours"] is None
    async with sessions.begin() as session:
        if ends_snooze:
            # The groups come first: their row locks put this before or after a look, never in between.
            await groups.make_due_for_user(session, user_id)
        before = await preferences.lock(session, user_id)
        wanted = {**before._mapping, **values}
        if (wanted["quiet_from"] is None) != (wanted["quiet_to"] is None):
            missing = "quiet_from" if wanted["quiet_from"] is None else "quiet_to"
            raise AppError(400, "Quiet hours need a beginning and an end", field=missing)
        if wanted["quiet_from"] is not None and wanted["quiet_from"] == wanted["quiet_to"]:
            raise AppError(400, "Quiet hours must end at another time than they begin", field="quiet_to")
        await preferences.change(session, user_id, wanted)
        if ends_snooze:
            await channels.match_again(session, user_id)
        return await preferences.release_held(session, user_id)


async def snooze_watch(
    sessions: Sessions, user_id: int, watch_id: int, hours: int | None, *, now: datetime
) -> tuple[datetime | None, Queued]:
    """Tell nothing of a watch for some hours, or, with None, tell again from now on.

    Returns until when it is quiet, and what was held back and is judged anew, to dispatch. Raises AppError 400, 404,
    or 409 when the watch is over.
    """
    async with sessions.begin() as session:
        seen = await watches.own(session, [watch_id] if 0 < watch_id <= MAX_ID else [], user_id=user_id)
        if not seen:
            raise AppError(404, "There is no such watch")
        until = _until(hours, field="hours", now=now)
        key = _key(seen[0])
        locked = await groups.lock_keys(session, [key], make=None)
        watch = next(iter(await watches.lock_own(session, [watch_id], user_id=user_id)), None)
        if watch is None or key != _key(watch):
            raise AppError(409, "The watch was just changed elsewhere; please look again")
        if watch.status not in ("active", "paused"):
            raise AppError(409, f"The watch is {watch.status}")
        await preferences.snooze_watch(session, watch_id, until)
        if until is not None:
            return until, ()
        await groups.wake(session, locked[key])
        return None, await preferences.release_held(session, user_id, watch_id=watch_id)


def _key(watch: Row[Any]) -> tuple[str, date, int]:
    return watch.location_key, watch.target_date, watch.party_size


def _until(hours: int | None, *, field: str, now: datetime) -> datetime | None:
    if hours is None:
        return None
    if not 1 <= hours <= SNOOZE_AT_MOST:
        raise AppError(400, f"A snooze takes 1 to {SNOOZE_AT_MOST} hours", field=field)
    return now + timedelta(hours=hours)


def _check(changes: dict[str, Any]) -> None:
    zone = changes.get("timezone")
    if zone is not None and zone not in _zones():
        raise AppError(400, f"{zone!r} is not a time zone such as America/New_York", field="timezone")
    hours = changes.get("sms_within_hours")
    if hours is not None and not 0 <= hours <= SMS_WITHIN_AT_MOST:
        raise AppError(400, f"Texts can be sent 0 to {SMS_WITHIN_AT_MOST} hours ahead", field="sms_within_hours")


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())
