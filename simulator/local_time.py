"""Between epoch milliseconds and a restaurant's local days and times."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

LATEST_MS = 4_102_444_800_000
"""Instants from 2100-01-01 UTC on (epoch ms) are refused, those before 1970 too."""

_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def is_instant(milliseconds: int) -> bool:
    """Whether epoch milliseconds lie in the range that is served."""
    return 0 <= milliseconds < LATEST_MS


def local(milliseconds: int, zone: ZoneInfo) -> datetime:
    """The restaurant-local date and time of epoch milliseconds."""
    return datetime.fromtimestamp(milliseconds / 1000, zone)


def instant_of(day: date, minute: int, zone: ZoneInfo) -> int:
    """Epoch ms of a minute of a local day; of a time that the clocks show twice, the first.

    Raises ValueError for a time that the clocks skip.
    """
    wanted = datetime.combine(day, time(minute // 60, minute % 60), zone)
    milliseconds = int(wanted.timestamp()) * 1000
    if local(milliseconds, zone).replace(tzinfo=None) != wanted.replace(tzinfo=None):
        raise ValueError(f"{wanted:%Y-%m-%d %H:%M} does not exist in {zone.key}: the clocks skip it")
    return milliseconds


def display_time(moment: datetime) -> str:
    """A time for people, as Wisely shows it: `4:45 PM`."""
    return f"{moment.hour % 12 or 12}:{moment.minute:02d} {'AM' if moment.hour < 12 else 'PM'}"


def display_day(moment: datetime) -> str:
    """A day for people: `Fri 14 Aug` without regard to the machine's locale."""
    return f"{_WEEKDAYS[moment.weekday()]} {moment:%Y-%m-%d}"


def iso_utc(seconds: float) -> str:
    """Epoch seconds as ISO 8601 in UTC, with milliseconds."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def days_from(first: date, count: int) -> list[date]:
    """`count` days in a row, the first included."""
    return [first + timedelta(days=offset) for offset in range(count)]
