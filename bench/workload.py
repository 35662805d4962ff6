"""What is looked at: restaurants × parties × days as groups, people's watches in them, and the tables that are open.

The number of groups alone decides the number of matches: watches beyond those have windows in which nothing is open.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import asyncpg

from backend.domain.windows import epoch_ms, instant

# Of 1,890 groups (30 restaurants, 3 sizes of party, 21 days) 4,443 watches match.
_MATCHES_OF, _GROUPS_OF = 4443, 1890
_TABLES = (time(12, 15), time(18, 30), time(21, 15))
_MATCHING = ((time(18), time(19)), (time(17, 30), time(19, 30)), (time(18, 30), time(20)))
_IDLE = ((time(13), time(15, 30)), (time(19), time(21)), (time(16, 30), time(18, 15)), (time(17), time(18)))
# Within the horizon of 30 days, whatever the time zone.
_DAYS = 28
_WATCHES_A_PERSON = 4


class WorkloadError(Exception):
    """Such a workload cannot be made; the text says why."""


@dataclass(frozen=True, slots=True)
class Group:
    """One look: a restaurant, a day, a party."""

    location_key: str
    timezone: str
    merchant_id: int
    day: date
    party_size: int


@dataclass(frozen=True, slots=True)
class Workload:
    """So many watches in so many groups."""

    watches: int
    groups: int

    def __post_init__(self) -> None:
        if self.watches < self.matches:
            raise WorkloadError(f"{self.groups} groups have {self.matches} matches: use at least as many watches")

    @property
    def matches(self) -> int:
        return _up_to(self.groups)

    def lay_out(self, locations: Sequence[Any], today: date) -> list[Group]:
        """The groups, over all restaurants first, then parties, then days; parties of two and more."""
        parties = max(3, -(-self.groups // (len(locations) * _DAYS)))
        found = []
        for number in range(self.groups):
            rest, place = divmod(number, len(locations))
            days, party = divmod(rest, parties)
            at = locations[place]
            day = today + timedelta(days=1 + days)
            found.append(Group(at["key"], at["timezone"], at["merchant_id"], day, 2 + party))
        return found


async def seed(connection: Any, work: Workload) -> list[Group]:
    """Write people, channels, groups that nobody is looking at yet, and watches. Returns the groups by id, from 1."""
    locations = await connection.fetch("SELECT key, timezone, merchant_id FROM locations ORDER BY key")
    groups = work.lay_out(locations, datetime.now(UTC).date())
    people = range(1, -(-work.watches // _WATCHES_A_PERSON) + 1)
    await _copy(connection, "users", ("id", "email", "name"), ((n, f"guest{n}@guests.test", "Guest") for n in people))
    await _copy(
        connection,
        "channels",
        ("user_id", "kind", "address", "verified_at"),
        ((n, "email", f"guest{n}@guests.test", datetime.now(UTC)) for n in people),
    )
    first = groups[0].day
    await _copy(
        connection,
        "scan_groups",
        ("id", "location_key", "target_date", "party_size", "tier"),
        (
            (n, g.location_key, g.day, g.party_size, "urgent" if g.day == first else "normal")
            for n, g in enumerate(groups, 1)
        ),
    )
    await _copy(connection, "watches", _COLUMNS, _watches(work, groups, len(people)))
    # Statistics as a database has them that did not come into being a moment ago.
    await connection.execute("ANALYZE")
    return groups


def tables(groups: Sequence[Group]) -> Iterator[dict[str, Any]]:
    """What to open at the simulator: the same tables for all parties of a restaurant's day."""
    days: dict[tuple[int, str], set[date]] = {}
    for group in groups:
        days.setdefault((group.merchant_id, group.timezone), set()).add(group.day)
    parties = sorted({group.party_size for group in groups})
    for (merchant_id, timezone), found in days.items():
        at = [epoch_ms(instant(day, clock, timezone)) for day in sorted(found) for clock in _TABLES]
        yield {"merchant_id": merchant_id, "reserved_ts": at, "party_sizes": parties, "tables": 2}


_COLUMNS = (
    *("user_id", "location_key", "target_date", "party_size", "time_start", "time_end", "auto_book"),
    *("book_first_name", "book_last_name", "book_email", "book_phone", "created_at"),
)


def _watches(work: Workload, groups: Sequence[Group], people: int) -> Iterator[tuple[Any, ...]]:
    made_at = datetime.now(UTC) - timedelta(days=2)
    for number in range(work.watches):
        is_match = number < work.matches
        # Matches are spread as evenly as whole numbers allow, all others in turn.
        group = groups[number * len(groups) // work.matches if is_match else number % len(groups)]
        windows = _MATCHING if is_match else _IDLE
        person = 1 + number % people
        books = is_match and number % 10 == 0
        contact = ("Guest", str(person), f"guest{person}@guests.test", f"404555{person % 10_000:04d}")
        yield (
            *(person, group.location_key, group.day, group.party_size, *windows[number % len(windows)], books),
            *(contact if books else (None,) * 4),
            made_at + timedelta(milliseconds=number),
        )


def _up_to(groups: int) -> int:
    return round(groups * _MATCHES_OF / _GROUPS_OF)


async def _copy(connection: asyncpg.Connection, table: str, columns: Sequence[str], rows: Iterator[Any]) -> None:
    await connection.copy_records_to_table(table, columns=columns, records=rows)
