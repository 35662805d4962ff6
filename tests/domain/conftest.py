"""Values to reason about."""

from datetime import UTC, date, datetime, time
from typing import Any

from backend.domain.types import Drop, Watch
from backend.domain.windows import epoch_ms, instant

NEW_YORK = "America/New_York"
DAY = date(2026, 12, 4)
NOW = datetime(2026, 12, 1, 15, tzinfo=UTC)


def watch(watch_id: int = 1, **changes: Any) -> Watch:
    values: dict[str, Any] = {
        "id": watch_id,
        "user_id": watch_id,
        "location_key": "peachtree",
        "target_date": DAY,
        "party_size": 2,
        "time_start": time(18),
        "time_end": time(20),
        "auto_book": False,
        "created_at": NOW,
    }
    return Watch(**{**values, **changes})


def at(clock: str, *, day: date = DAY, zone: str = NEW_YORK) -> int:
    """Epoch ms of a clock time."""
    hour, minute = map(int, clock.split(":"))
    return epoch_ms(instant(day, time(hour, minute), zone))


def drop(drop_id: int, clock: str, *, type_id: int = 1) -> Drop:
    return Drop(drop_id, at(clock), type_id, NOW, NOW)
