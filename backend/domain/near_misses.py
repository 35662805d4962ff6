"""What was open beside a window that nothing opened in."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta

NEAR = timedelta(hours=2)
MOST = 5


@dataclass(frozen=True, slots=True)
class Episode:
    """A table that was open for a while. `clock` is its time at the restaurant; `gone_at` null: open to the end."""

    clock: time
    appeared_at: datetime
    gone_at: datetime | None


@dataclass(frozen=True, slots=True)
class NearMiss:
    """A time outside the window: how often it opened, and for how long altogether. `off` is how far outside."""

    clock: time
    off: timedelta
    times: int
    open_for: timedelta


def near_misses(
    episodes: Sequence[Episode], *, start: time, end: time, since: datetime, now: datetime
) -> list[NearMiss]:
    """The times within two hours of a window (inclusive at both ends), the nearest first, at most five.

    What was gone before `since`, when the watch was left, is nobody's miss.
    """
    found: dict[time, NearMiss] = {}
    for episode in episodes:
        ended_at = episode.gone_at or now
        off = _outside(episode.clock, start, end)
        if ended_at <= since or not timedelta() < off <= NEAR:
            continue
        open_for = ended_at - max(episode.appeared_at, since)
        before = found.get(episode.clock)
        found[episode.clock] = NearMiss(
            episode.clock,
            off,
            times=1 + (before.times if before else 0),
            open_for=open_for + (before.open_for if before else timedelta()),
        )
    return sorted(found.values(), key=lambda miss: (miss.off, miss.clock))[:MOST]


def _outside(clock: time, start: time, end: time) -> timedelta:
    minute = _minutes(clock)
    return timedelta(minutes=max(_minutes(start) - minute, minute - _minutes(end), 0))


def _minutes(clock: time) -> int:
    return 60 * clock.hour + clock.minute
