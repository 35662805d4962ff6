"""Which slots a watch wants."""

from collections.abc import Iterable
from datetime import datetime

from backend.domain.types import Watch
from backend.domain.windows import epoch_ms, local


def wants(watch: Watch, reserved_ts: int, timezone: str, *, now: datetime) -> bool:
    """True when a slot lies in the watch's window, on its day, by the restaurant's clock, and has not begun."""
    if reserved_ts <= epoch_ms(now):
        return False
    at = local(reserved_ts, timezone)
    return at.date() == watch.target_date and watch.time_start <= at.time() <= watch.time_end


def matching(watch: Watch, slots: Iterable[int], timezone: str, *, now: datetime) -> list[int]:
    """The wanted ones of some `reserved_ts`, earliest first, each once."""
    return sorted({ts for ts in slots if wants(watch, ts, timezone, now=now)})


def still_wants(
    watch: Watch, reserved_ts: int, timezone: str, *, location_key: str, party_size: int, now: datetime
) -> bool:
    """True when a slot found earlier is still what the watch asks for: it may have been changed since."""
    same_group = (watch.location_key, watch.party_size) == (location_key, party_size)
    return same_group and wants(watch, reserved_ts, timezone, now=now)
