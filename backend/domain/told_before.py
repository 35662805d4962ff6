"""What the earlier version told people, so that it is not told again: read from its messages, found among new drops."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, time

from backend.domain import reading
from backend.domain.types import Drop, Watch
from backend.domain.windows import local

_SENTENCE = re.compile(
    r"\bon\s+(\d{4}-\d{2}-\d{2}|\d{1,2}/\d{1,2}/\d{4})\s+at\s+(\d{1,2}:\d{2}(?::\d{2})?\s*(?:[ap]\.?m\.?)?)"
    r"\s+for\s+(?:a\s+)?party\s+of\s+(\d{1,2})\b",
    re.IGNORECASE,
)
_TAG = re.compile(r"<[^>]{0,500}>")


@dataclass(frozen=True, slots=True, order=True)
class Table:
    """A table as a message named it, in the restaurant's date and time."""

    slot_date: date
    slot_time: time
    party_size: int


@dataclass(frozen=True, slots=True)
class Told:
    """A table that a watch was told of by the earlier version, and that no drop has fitted since."""

    id: int
    watch_id: int
    table: Table


def tables_in(body: str) -> list[Table]:
    """The tables that a message names: `… on 2026-02-27 at 7:15 PM for party of 2.`, each once."""
    found = set()
    for day, clock, party in _SENTENCE.findall(_TAG.sub(" ", body)):
        try:
            found.add(Table(reading.day(day), reading.clock(clock), int(party)))
        except ValueError:
            continue
    return sorted(found)


def first_fits(told: Sequence[Told], pairs: Sequence[tuple[Watch, Drop]], timezone: str) -> dict[tuple[int, int], int]:
    """(watch, drop) → what was told, for the first drop that fits each. A later drop at that time is news."""
    open_entries = {(entry.watch_id, entry.table): entry.id for entry in told}
    found: dict[tuple[int, int], int] = {}
    for watch, drop in pairs:
        at = local(drop.reserved_ts, timezone)
        table = Table(at.date(), at.time().replace(second=0, microsecond=0), watch.party_size)
        entry = open_entries.pop((watch.id, table), None)
        if entry is not None:
            found[watch.id, drop.id] = entry
    return found
