"""What was open beside the window."""

from datetime import UTC, datetime, time, timedelta

import pytest

from backend.domain.near_misses import Episode, near_misses

pytestmark = pytest.mark.fast

LEFT = datetime(2026, 11, 20, 12, tzinfo=UTC)
NOW = LEFT + timedelta(days=2)


def episode(clock: str, after: float, minutes: float | None) -> Episode:
    """Opened `after` minutes after the watch was left, for so many minutes; None: to the end."""
    appeared = LEFT + timedelta(minutes=after)
    return Episode(time.fromisoformat(clock), appeared, appeared + timedelta(minutes=minutes) if minutes else None)


def found(*episodes: Episode) -> list[tuple[str, int, float]]:
    misses = near_misses(episodes, start=time(18), end=time(20), since=LEFT, now=NOW)
    return [(miss.clock.isoformat("minutes"), miss.times, miss.open_for.total_seconds() / 60) for miss in misses]


@pytest.mark.parametrize(
    ("clock", "is_near"),
    [
        ("18:00", False),
        ("19:00", False),
        ("20:00", False),
        ("17:45", True),
        ("20:15", True),
        ("16:00", True),
        ("15:45", False),
        ("22:00", True),
        ("22:15", False),
    ],
)
def test_near_is_outside_the_window_and_within_two_hours_of_it(clock: str, is_near: bool) -> None:
    assert bool(found(episode(clock, 10, 5))) is is_near


def test_the_nearest_come_first_and_at_most_five() -> None:
    clocks = ["21:45", "17:45", "21:00", "20:15", "16:00", "16:30", "17:00"]

    assert [clock for clock, _, _ in found(*(episode(c, 10, 5) for c in clocks))] == [
        "17:45",
        "20:15",
        "17:00",
        "21:00",
        "16:30",
    ]


def test_pieces_of_one_time_are_added_up() -> None:
    assert found(episode("20:15", 10, 5), episode("20:15", 60, 7)) == [("20:15", 2, 12)]


def test_what_was_gone_before_the_watch_was_left_is_no_miss() -> None:
    assert found(episode("20:15", -30, 20)) == []


def test_of_what_was_open_already_only_the_time_since_counts() -> None:
    assert found(episode("20:15", -30, 50)) == [("20:15", 1, 20)]


def test_what_stayed_open_counts_to_the_end() -> None:
    assert found(episode("20:15", 2 * 24 * 60 - 30, None)) == [("20:15", 1, 30)]
