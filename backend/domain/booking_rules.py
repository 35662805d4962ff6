"""Who may try to book which opening now, and when a chance has passed."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from backend.domain.types import BookingState

WANTED_FOR = timedelta(seconds=120)
DINNER_FROM = time(16, 0)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A booking row as the rules see it. `settled_at` is when its outcome was known."""

    id: int
    watch_id: int
    drop_id: int
    rank: int
    state: BookingState
    wanted_at: datetime
    settled_at: datetime | None
    drop_last_seen_at: datetime
    drop_is_open: bool


def meal_of(clock: time) -> str:
    """Lunch before 16:00 at the restaurant, else dinner: a person has one table for each."""
    return "lunch" if clock < DINNER_FROM else "dinner"


def choose_attempts(candidates: Sequence[Candidate], *, now: datetime) -> list[int]:
    """The wanted rows of one group that may be tried now: by rank, one for each watch and one for each drop.

    A drop that somebody booked waits until a later look shows it open again; after a refusal or an unknown outcome
    the next person is tried at once.
    """
    busy_watches = {c.watch_id for c in candidates if c.state in _HOLDS_WATCH}
    busy_drops = {c.drop_id for c in candidates if _holds_drop(c)}
    chosen = []
    for candidate in sorted(candidates, key=lambda c: (c.rank, c.id)):
        if candidate.state is not BookingState.WANTED or lapse_reason(candidate, now=now):
            continue
        if candidate.watch_id in busy_watches or candidate.drop_id in busy_drops:
            continue
        chosen.append(candidate.id)
        busy_watches.add(candidate.watch_id)
        busy_drops.add(candidate.drop_id)
    return chosen


def lapse_reason(candidate: Candidate, *, now: datetime) -> str | None:
    """Why a wanted row can no longer be tried, or None."""
    if not candidate.drop_is_open:
        return "the table was gone"
    if now - candidate.wanted_at > WANTED_FOR:
        return "not attempted within 120 seconds"
    return None


def held_back(auto_book: str, *, switched_on: bool, allowed_here: bool) -> str | None:
    """Why automatic booking may not be tried at all, or None. A dry run is not held back: it stops before the call."""
    if auto_book == "off":
        return "automatic booking is off for this installation"
    if not switched_on:
        return "automatic booking is switched off"
    if not allowed_here:
        return "automatic booking is off for this restaurant"
    return None


_HOLDS_WATCH: Collection[BookingState] = (
    BookingState.ATTEMPTING,
    BookingState.BOOKED,
    BookingState.UNKNOWN,
)


def _holds_drop(candidate: Candidate) -> bool:
    if candidate.state is BookingState.ATTEMPTING:
        return True
    if candidate.state in (BookingState.BOOKED, BookingState.DRY_RUN):
        return candidate.settled_at is not None and candidate.drop_last_seen_at <= candidate.settled_at
    return False
