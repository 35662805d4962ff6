"""Takes in what a machine of the house has seen: a look like any other, made at the time it says."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import uuid4

from backend.clients.wisely import Look
from backend.db.base import Sessions
from backend.db.queries import groups, locations, runs
from backend.domain import windows
from backend.domain.coverage import Coverage
from backend.domain.types import Slot, Tier
from backend.services.errors import AppError
from backend.services.look_application import Looked, apply_looks
from backend.services.work import Work

COUNTS_FOR = timedelta(minutes=45)
AHEAD_AT_MOST = timedelta(seconds=60)
FARTHEST_DAY = 120
BATCH = 50


@dataclass(frozen=True, slots=True)
class PushedDay:
    """One restaurant's day: what was open, by the restaurant's key."""

    key: str
    day: date
    slots: tuple[Slot, ...]


async def take_push(
    sessions: Sessions,
    days: Sequence[PushedDay],
    *,
    party_size: int,
    at: datetime,
    periods: Mapping[Tier, timedelta],
    now: datetime,
    send_on: Callable[[Work], Awaitable[object]],
) -> int:
    """Apply a push; returns how many days it told. One older than 45 minutes is accepted and changes nothing.

    Everything is checked first. Raises AppError 400 naming the place, and then nothing was taken.
    """
    if at > now + AHEAD_AT_MOST:
        raise AppError(400, "The timestamp lies more than 60 seconds ahead", field="timestamp")
    if not 1 <= party_size <= 20:
        raise AppError(400, "A party has 1 to 20 people", field="party_size")
    async with sessions() as session:
        zones = {row.key: row.timezone for row in await locations.every(session)}
    for pushed in days:
        _check(pushed, zones, now=now)
    # A clock that is fast by some seconds must not make the looks of that time the older ones.
    at = min(at, now)
    ahead = [pushed for pushed in days if pushed.day >= windows.today(now, zones[pushed.key])]
    if at <= now - COUNTS_FOR or not ahead:
        return 0
    ordered = sorted(ahead, key=lambda pushed: (pushed.key, pushed.day))
    async with sessions.begin() as session:
        run_id = await runs.start(session, tier="push", groups=len(ordered))
    for start in range(0, len(ordered), BATCH):
        part = {(pushed.key, pushed.day): pushed.slots for pushed in ordered[start : start + BATCH]}
        async with sessions.begin() as session:
            rows = await groups.ensure_pushed(session, list(part), party_size=party_size)
        # A push tells the whole day.
        looks = [
            Looked(row, Look(at, part[(row.location_key, row.target_date)], Coverage(((0, 2**53),)), calls=0))
            for row in rows
        ]
        applied = await apply_looks(
            sessions, looks, [], token=uuid4(), run_id=run_id, periods=periods, source="push", now=now
        )
        await send_on(applied.work)
    return len(ordered)


def _check(pushed: PushedDay, zones: Mapping[str, str], *, now: datetime) -> None:
    zone = zones.get(pushed.key)
    where = f"data.{pushed.key}"
    if zone is None:
        raise AppError(400, f"There is no restaurant {pushed.key!r}", field=where)
    if (pushed.day - windows.today(now, zone)).days > FARTHEST_DAY:
        raise AppError(400, f"{pushed.day} is more than {FARTHEST_DAY} days ahead", field=f"{where}.days.{pushed.day}")
    for slot in pushed.slots:
        if windows.local(slot.reserved_ts, zone).date() != pushed.day:
            sentence = f"{slot.reserved_ts} is not on {pushed.day} at {pushed.key}"
            raise AppError(400, sentence, field=f"{where}.days.{pushed.day}")
