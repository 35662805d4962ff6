"""Reads dates, clock times, numbers and flags as people and older programs write them; else ValueError says why."""

import re
from datetime import UTC, date, datetime, time
from typing import Any

_CLOCK = re.compile(r"(\d{1,2})(?::(\d{2}))?(?::\d{2}(?:\.\d+)?)?\s*([ap])?\.?(?:m\.?)?", re.IGNORECASE)
_ISO = re.compile(r"\d{4}-\d{2}-\d{2}([T ].*)?")
_DAYS = ("%Y-%m-%d", "%m/%d/%Y", "%m/%d/%y", "%m-%d-%Y", "%Y/%m/%d", "%B %d, %Y", "%b %d, %Y", "%B %d %Y", "%b %d %Y")
_NORTH_AMERICAN = re.compile(r"[2-9]\d{2}[2-9]\d{6}")
_TRUE, _FALSE = {"1", "true", "t", "yes", "y", "on"}, {"0", "false", "f", "no", "n", "off", ""}


def clock(value: Any) -> time:
    """A time of day: 18:00, 18:00:00, 6:00 PM, 6pm."""
    if isinstance(value, datetime):
        return value.time().replace(second=0, microsecond=0)
    if isinstance(value, time):
        return value.replace(second=0, microsecond=0, tzinfo=None)
    said = str(value or "").strip()
    found = _CLOCK.fullmatch(said)
    if found is None or not (found[2] or found[3]):
        raise ValueError(f"{said!r} is not a time of day such as 18:00 or 6:00 PM")
    hour, minute, half = int(found[1]), int(found[2] or 0), (found[3] or "").lower()
    # 18:30 PM is seen too: above twelve, the half of the day is said already.
    if half and 1 <= hour <= 12:
        hour = hour % 12 + (12 if half == "p" else 0)
    if hour > 23 or minute > 59:
        raise ValueError(f"{said!r} is not a time of day such as 18:00 or 6:00 PM")
    return time(hour, minute)


def spoken(at: time | datetime) -> str:
    """A clock time as people say it, such as 6:15 PM."""
    return f"{at.hour % 12 or 12}:{at:%M} {'AM' if at.hour < 12 else 'PM'}"


def day(value: Any) -> date:
    """A date: 2026-02-14, 02/14/2026 (month first), February 14, 2026."""
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    said = str(value or "").strip()
    text = said[:10] if _ISO.fullmatch(said) else said
    for form in _DAYS:
        try:
            return datetime.strptime(text, form).date()
        except ValueError:
            continue
    raise ValueError(f"{said!r} is not a date such as 2026-02-14")


def instant(value: Any) -> datetime:
    """An instant in UTC; without a zone it is taken as UTC. Numbers are seconds since 1970, or milliseconds."""
    if isinstance(value, datetime):
        at = value
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        try:
            at = datetime.fromtimestamp(value / 1000 if value > 1e11 else value, UTC)
        except (OverflowError, OSError, ValueError):
            raise ValueError(f"{value!r} is not an instant") from None
    else:
        said = str(value or "").strip()
        try:
            at = datetime.fromisoformat(said)
        except ValueError:
            raise ValueError(f"{said!r} is not an instant such as 2026-02-14 18:00:00") from None
    try:
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except OverflowError:
        raise ValueError(f"{value!r} is not an instant") from None


def flag(value: Any) -> bool:
    """Yes or no: true, 1, "1", "yes"; nothing at all is no."""
    said = str(value if value is not None else "").strip().lower()
    if said not in _TRUE | _FALSE:
        raise ValueError(f"{said!r} is neither yes nor no")
    return said in _TRUE


def whole(value: Any, *, low: int, high: int) -> int:
    """A whole number within bounds: 4, 4.0, "4"."""
    try:
        number = float(str(value).strip())
        if number != int(number):
            raise ValueError
    except (ValueError, OverflowError):
        raise ValueError(f"{str(value)[:50]!r} is not a whole number") from None
    if not low <= number <= high:
        raise ValueError(f"{int(number)} is not between {low} and {high}")
    return int(number)


def telephone(value: Any) -> str | None:
    """A telephone number as +14045550123; without a + it is one in North America. None when there are no digits."""
    said = str(value or "").strip()
    found = "".join(c for c in said if c in "0123456789")
    if not found:
        return None
    if said.startswith("+") and not found.startswith("1"):
        if not 8 <= len(found) <= 15:
            raise ValueError(f"a telephone number has 8 to 15 digits after the +, this one has {len(found)}")
        return f"+{found}"
    national = found[1:] if len(found) == 11 and found.startswith("1") else found
    if len(national) != 10:
        raise ValueError(f"a telephone number has ten digits, this one has {len(national)}")
    if not _NORTH_AMERICAN.fullmatch(national):
        raise ValueError("there is no such telephone number in North America")
    return f"+1{national}"
