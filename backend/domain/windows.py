"""Clock times of a restaurant and the instants they stand for."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from backend.domain.types import Tier, Watch

URGENT_WITHIN = timedelta(hours=24)


def instant(day: date, clock: time, timezone: str) -> datetime:
    """The UTC instant of a restaurant's clock time. In a fold the first one counts; in a gap, the clock as it was."""
    return datetime.combine(day, clock, ZoneInfo(timezone)).astimezone(UTC)


def local(reserved_ts: int, timezone: str) -> datetime:
    """The restaurant's local time of a slot given in epoch milliseconds."""
    return datetime.fromtimestamp(reserved_ts / 1000, ZoneInfo(timezone))


def today(now: datetime, timezone: str) -> date:
    """The calendar day at the restaurant."""
    return now.astimezone(ZoneInfo(timezone)).date()


def epoch_ms(at: datetime) -> int:
    """Epoch milliseconds of an aware instant."""
    return round(at.timestamp() * 1000)


def window_is_ahead(target_date: date, time_end: time, timezone: str, now: datetime) -> bool:
    """True until the last minute of a window has begun: later there is nothing left to look for."""
    return instant(target_date, time_end, timezone) >= now


def tier_of(watch: Watch, timezone: str, now: datetime) -> Tier:
    """Urgent when the window starts in under 24 hours, or is running."""
    starts_at = instant(watch.target_date, watch.time_start, timezone)
    return Tier.URGENT if starts_at - now < URGENT_WITHIN else Tier.NORMAL


def is_within_horizon(target_date: date, timezone: str, horizon_days: int, *, now: datetime) -> bool:
    """True when the restaurant offers that day already: at most `horizon_days` after its today, and not past."""
    return 0 <= (target_date - today(now, timezone)).days <= horizon_days
