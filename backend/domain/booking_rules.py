"""Who may try to book which opening now, in which order, how often, and when a chance has passed."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from backend.domain.types import BookingState, SlotPreference, Watch
from backend.domain.windows import epoch_ms, local

# From its match, or from the last look that saw its table open.
WANTED_FOR = timedelta(seconds=120)
TOO_OLD = "not attempted within 120 seconds"
DINNER_FROM = time(16, 0)
# Whoever was refused so often in a day is refused for a reason that another try does not mend.
MOST_REFUSALS_PER_WATCH = 5
REFUSALS_COUNT_FOR = timedelta(hours=24)
# A table that so many people could not get is not to be had, whatever the restaurant shows.
MOST_FAILURES_PER_OPENING = 6


@dataclass(frozen=True, slots=True)
class Candidate:
    """A booking row as the rules see it. `settled_at` is when its outcome was known.

    `in_line_since` is when its watch took its place in line, `rank` its order among those of its watch, and `refusals`
    how often the watch was refused within REFUSALS_COUNT_FOR.
    """

    id: int
    watch_id: int
    drop_id: int
    in_line_since: datetime
    rank: int
    state: BookingState
    wanted_at: datetime
    settled_at: datetime | None
    drop_last_seen_at: datetime
    drop_is_open: bool
    refusals: int = 0


@dataclass(frozen=True, slots=True)
class Place:
    """What a watch stands in line for."""

    location_key: str
    target_date: date
    party_size: int
    time_start: time
    time_end: time


def meal_of(clock: time) -> str:
    """Lunch before 16:00 at the restaurant, else dinner: a person has one table for each."""
    return "lunch" if clock < DINNER_FROM else "dinner"


def preference_rank(watch: Watch, reserved_ts: int, timezone: str) -> int:
    """Where a slot stands among those of its watch, lower first, whichever look found it.

    Of two slots that are equally near to the preferred time, the earlier one comes first.
    """
    at = local(reserved_ts, timezone).time()
    seconds = _seconds(at)
    if watch.slot_preference is SlotPreference.LATEST:
        return -seconds
    if watch.slot_preference is SlotPreference.NEAREST and watch.preferred_time is not None:
        distance = seconds - _seconds(watch.preferred_time)
        return 2 * abs(distance) + (distance > 0)
    return seconds


def has_notice(watch: Watch, reserved_ts: int, *, now: datetime) -> bool:
    """False for a table that starts sooner than the person can be there."""
    return reserved_ts >= epoch_ms(now + timedelta(minutes=watch.min_notice_minutes))


def keeps_place(before: Place, after: Place) -> bool:
    """True when a changed watch waits for the same thing in essence: the same restaurant, day and party, and a window
    that overlaps the one before. Else it stands behind those who waited for that already.
    """
    same = (before.location_key, before.target_date, before.party_size) == (
        after.location_key,
        after.target_date,
        after.party_size,
    )
    return same and before.time_start <= after.time_end and after.time_start <= before.time_end


def choose_attempts(candidates: Sequence[Candidate], *, now: datetime) -> list[int]:
    """The wanted rows of some groups that may be tried now, one for each watch and one for each drop: who has waited
    longest comes first, with the table that they like best.

    A drop that somebody booked waits until a later look shows it open again; after a refusal or an unknown outcome
    the next person is tried at once.
    """
    busy_watches = {c.watch_id for c in candidates if c.state in _HOLDS_WATCH}
    busy_drops = {c.drop_id for c in candidates if _holds_drop(c)}
    spent = exhausted(candidates)
    chosen = []
    for candidate in sorted(candidates, key=lambda c: (c.in_line_since, c.watch_id, c.rank, c.id)):
        if candidate.state is not BookingState.WANTED or candidate.id in spent or lapse_reason(candidate, now=now):
            continue
        if candidate.watch_id in busy_watches or candidate.drop_id in busy_drops:
            continue
        chosen.append(candidate.id)
        busy_watches.add(candidate.watch_id)
        busy_drops.add(candidate.drop_id)
    return chosen


def exhausted(candidates: Sequence[Candidate]) -> dict[int, str]:
    """Wanted rows for which there were attempts enough, with the reason. `candidates` has all rows of an open drop."""
    failures = Counter(c.drop_id for c in candidates if c.state in _FAILED)
    reasons = {}
    for candidate in candidates:
        if candidate.state is not BookingState.WANTED:
            continue
        if failures[candidate.drop_id] >= MOST_FAILURES_PER_OPENING:
            reasons[candidate.id] = f"{MOST_FAILURES_PER_OPENING} people tried this table and did not get it"
        elif candidate.refusals >= MOST_REFUSALS_PER_WATCH:
            reasons[candidate.id] = f"this watch was refused {MOST_REFUSALS_PER_WATCH} times within a day"
    return reasons


def lapse_reason(candidate: Candidate, *, now: datetime) -> str | None:
    """Why a wanted row can no longer be tried, or None."""
    if not candidate.drop_is_open:
        return "the table was gone"
    return TOO_OLD if is_too_old(candidate.wanted_at, candidate.drop_last_seen_at, now=now) else None


def is_too_old(wanted_at: datetime, last_seen_at: datetime | None, *, now: datetime) -> bool:
    """True for a chance whose table nobody has seen open for too long."""
    return now - max(wanted_at, last_seen_at or wanted_at) > WANTED_FOR


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
_FAILED: Collection[BookingState] = (BookingState.REFUSED, BookingState.UNKNOWN)


def _holds_drop(candidate: Candidate) -> bool:
    if candidate.state is BookingState.ATTEMPTING:
        return True
    if candidate.state in (BookingState.BOOKED, BookingState.DRY_RUN):
        return candidate.settled_at is not None and candidate.drop_last_seen_at <= candidate.settled_at
    return False


def _seconds(clock: time) -> int:
    return clock.hour * 3600 + clock.minute * 60 + clock.second
