"""When a person's digest is due."""

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from backend.domain.windows import instant

# After a longer pause of ours, yesterday's digest is no news.
LATE_AT_MOST = timedelta(hours=6)


def due_on(at: time, timezone: str, *, now: datetime) -> date | None:
    """The local day whose digest is due at this instant, or None.

    `at` is a clock time in `timezone`; on the day on which it does not exist, the instant after the gap counts, and of
    two the first (PEP 495).
    """
    today = now.astimezone(ZoneInfo(timezone)).date()
    for day in (today, today - timedelta(days=1)):
        waited = now - instant(day, at, timezone)
        if timedelta() <= waited <= LATE_AT_MOST:
            return day
    return None
