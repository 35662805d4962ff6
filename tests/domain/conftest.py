"""Values of the domain with everything filled in, so that a test names only what it is about."""

from datetime import UTC, date, datetime, time

from hypothesis import HealthCheck, settings

from backend.domain.types import Drop, Watch

# Two busy cores are no bug: only results are judged, not how long they took.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")

NEW_YORK = "America/New_York"
DAY = date(2026, 7, 10)
NOW = datetime(2026, 7, 9, 12, 0, tzinfo=UTC)


def make_watch(
    id: int = 1,
    *,
    user_id: int = 1,
    start: time = time(18, 0),
    end: time = time(20, 0),
    day: date = DAY,
    auto_book: bool = False,
    created_at: datetime = NOW,
    needs_match: bool = False,
) -> Watch:
    return Watch(id, user_id, "peachtree", day, 2, start, end, auto_book, created_at, needs_match)


def make_drop(id: int, reserved_ts: int, type_id: int = 1) -> Drop:
    return Drop(id, reserved_ts, type_id, NOW, NOW)
