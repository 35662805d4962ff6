"""Days of change in every zone, on a server in any zone: all clocks are the restaurant's."""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from backend.clients.wisely import Wisely
from backend.db.queries import groups
from backend.domain.types import Tier
from backend.domain.windows import local
from backend.services import notices
from tests.services.conftest import Loop

# One restaurant for each zone, and Phoenix, which never changes its clocks.
PLACES = {
    "peachtree": ("America/New_York", 278258),
    "houston_s_saint_charles": ("America/Chicago", 278261),
    "hillstone_denver": ("America/Denver", 278243),
    "houston_s_pasadena": ("America/Los_Angeles", 278270),
    "hillstone_phoenix": ("America/Phoenix", 278170),
}
# Each with a server that stands elsewhere.
SERVERS = ("UTC", "Pacific/Kiritimati", "America/Los_Angeles", "UTC", "Asia/Kolkata")
QUARTERS = [f"{hour}:{minute:02d}" for hour in range(11, 22) for minute in (0, 15, 30, 45)]


def days_of_change() -> tuple[date, ...]:
    """The next two days on which the clocks of New York (and the others, but for Phoenix) change."""
    zone, found = ZoneInfo("America/New_York"), []
    noon = datetime.combine((datetime.now(UTC) + timedelta(days=2)).date(), time(12))
    while len(found) < 2:
        before, after = (at.replace(tzinfo=zone).utcoffset() for at in (noon - timedelta(days=1), noon))
        if before != after:
            found.append(noon.date())
        noon += timedelta(days=1)
    return tuple(found)


DAYS = days_of_change()


@pytest.fixture(params=zip(PLACES, SERVERS, strict=True), ids=list(PLACES))
def key(request: pytest.FixtureRequest, server_zone: Callable[[str], None]) -> str:
    """A restaurant's key, on a server in some zone."""
    place, server = request.param
    server_zone(server)
    return str(place)


async def insert_watch(loop: Loop, key: str, day: date, start: str, end: str) -> None:
    """A watch for a day further ahead than people may ask for."""
    user = await loop.guest()
    await loop.execute(
        "INSERT INTO scan_groups (location_key, target_date, party_size, tier, next_scan_at) "
        "VALUES (:key, :day, 2, 'normal', now())",
        key=key,
        day=day,
    )
    await loop.execute(
        "INSERT INTO watches (user_id, location_key, target_date, party_size, time_start, time_end) "
        "VALUES (:user_id, :key, :day, 2, :start, :end)",
        user_id=user.id,
        key=key,
        day=day,
        start=time.fromisoformat(start),
        end=time.fromisoformat(end),
    )


@pytest.mark.parametrize("day", DAYS)
async def test_a_look_centres_on_half_past_four_at_the_restaurant(loop: Loop, key: str, day: date) -> None:
    zone, merchant = PLACES[key]
    loop.simulator.open(merchant, day.isoformat(), *QUARTERS)
    nearest = Wisely(
        loop.r.wisely._look_http, loop.r.wisely._booking_http, loop.r.budget, limit=1, max_anchors=1, call_seconds=3
    )

    look = await nearest.look(merchant, day, 2, timezone=zone, priority="normal", patience=timedelta(seconds=20))

    assert [str(local(slot.reserved_ts, zone)) for slot in look.slots] == [
        str(datetime.combine(day, time(16, 30), ZoneInfo(zone)))
    ]


@pytest.mark.parametrize("day", DAYS)
async def test_the_whole_evening_is_seen_and_no_other_days(loop: Loop, key: str, day: date) -> None:
    zone, merchant = PLACES[key]
    await insert_watch(loop, key, day, "21:00", "21:45")
    await loop.execute("UPDATE locations SET horizon_days = 365")
    for offset in (-1, 0, 1):
        loop.simulator.open(merchant, (day + timedelta(days=offset)).isoformat(), *QUARTERS)

    result = await loop.look()

    drops = await loop.rows("SELECT slot_time, slot_date, reserved_ts FROM slot_drops ORDER BY reserved_ts")
    assert len(drops) == len(QUARTERS)
    assert {local(drop.reserved_ts, zone).date() for drop in drops} == {day}
    assert (drops[-1].slot_time, drops[-1].slot_date) == ("9:45 PM", day)
    assert result.matches == 4


@pytest.mark.parametrize("day", DAYS)
async def test_a_watch_is_urgent_24_hours_before_its_window_at_the_restaurant(loop: Loop, key: str, day: date) -> None:
    zone, _ = PLACES[key]
    await insert_watch(loop, key, day, "18:00", "20:00")
    starts_at = datetime.combine(day, time(18), ZoneInfo(zone)).astimezone(UTC)

    counts = []
    for now in (starts_at - timedelta(hours=24, seconds=1), starts_at - timedelta(hours=23, minutes=59)):
        async with loop.r.sessions.begin() as session:
            counts.append(await groups.make_due(session, Tier.URGENT, period=timedelta(minutes=10), now=now))

    assert counts == [0, 1]


@pytest.mark.parametrize("day", DAYS)
async def test_a_window_that_is_over_at_the_restaurant_makes_nothing_due(loop: Loop, key: str, day: date) -> None:
    zone, _ = PLACES[key]
    await insert_watch(loop, key, day, "18:00", "20:00")
    ends_at = datetime.combine(day, time(20), ZoneInfo(zone)).astimezone(UTC)

    counts = []
    for now in (ends_at + timedelta(seconds=1), ends_at):
        async with loop.r.sessions.begin() as session:
            counts.append(await groups.make_due(session, Tier.URGENT, period=timedelta(minutes=10), now=now))

    assert counts == [0, 1]


@pytest.mark.parametrize("day", DAYS)
async def test_a_watch_expires_at_midnight_at_the_restaurant(loop: Loop, key: str, day: date) -> None:
    zone, _ = PLACES[key]
    await insert_watch(loop, key, day, "18:00", "20:00")
    midnight = datetime.combine(day + timedelta(days=1), time(0), ZoneInfo(zone)).astimezone(UTC)

    counts = []
    for now in (midnight - timedelta(seconds=1), midnight):
        counts.append(await notices.expire_watches(loop.r.sessions, now=now))

    assert counts == [0, 1]
