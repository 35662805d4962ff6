"""What the web process is asked: people who are signed in, their watches, a full grid of open tables, and requests."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from backend.domain.windows import epoch_ms, instant

ROUTES = ("locations", "me", "watches", "make_watch", "availability")
PEOPLE = 1_000
WATCHES_A_PERSON = 10
PARTY = 2
# Days and table times of a day that are open at each restaurant.
DAYS = 21
_FIRST_TABLE, _TABLES, _BETWEEN = time(11), 42, timedelta(minutes=15)
# Days ahead of watches that are made: none of them has that day already.
_FAR, _FAR_DAYS = DAYS + 4, 60

_GETS = {
    "locations": "/api/locations",
    "me": "/api/auth/me",
    "watches": "/api/watches",
    "availability": f"/api/availability?party_size={PARTY}&days={DAYS}",
}


@dataclass(frozen=True, slots=True)
class Restaurant:
    """Where, and what time it is there."""

    key: str
    timezone: str


async def seed(connection: Any) -> list[Restaurant]:
    """Write people with sessions and watches, and groups looked at a moment ago with all their tables open."""
    rows = await connection.fetch("SELECT key, timezone FROM locations ORDER BY key")
    restaurants = [Restaurant(row["key"], row["timezone"]) for row in rows]
    now = datetime.now(UTC)
    people = range(1, PEOPLE + 1)
    await connection.copy_records_to_table(
        "users",
        columns=("id", "email", "name", "first_name", "last_name", "phone"),
        records=((n, f"guest{n}@guests.test", f"Guest {n}", "Guest", str(n), "4045550100") for n in people),
    )
    await connection.copy_records_to_table(
        "sessions",
        columns=("user_id", "token_hash", "expires_at"),
        records=((n, hashlib.sha256(_token(n).encode()).digest(), now + timedelta(days=30)) for n in people),
    )
    # At the restaurants it may be yesterday still.
    days = [now.date() + timedelta(days=ahead) for ahead in range(-1, DAYS)]
    groups = [(restaurant, day) for day in days for restaurant in restaurants]
    to_come = [(at, day) for at, day in groups if day > now.date()]
    await connection.copy_records_to_table(
        "scan_groups",
        columns=(
            *("id", "location_key", "target_date", "party_size"),
            *("tier", "next_scan_at", "applied_look_at", "last_ok_at"),
        ),
        records=(
            (n, at.key, day, PARTY, "normal", now + timedelta(minutes=30), now, now)
            for n, (at, day) in enumerate(groups, 1)
        ),
    )
    await connection.execute("SELECT setval(pg_get_serial_sequence('scan_groups', 'id'), $1)", len(groups))
    await connection.copy_records_to_table(
        "slot_drops",
        columns=(
            *("group_id", "location", "slot_date", "slot_time", "party_size", "reserved_ts"),
            *("reservation_type_id", "reservation_type_name", "appeared_at", "last_seen_at"),
        ),
        records=_tables(groups, now),
    )
    await connection.copy_records_to_table(
        "watches",
        columns=("user_id", "location_key", "party_size", "target_date", "time_start", "time_end"),
        records=(
            (person, at.key, PARTY, day, time(18), time(20, number))
            for person in people
            for number in range(WATCHES_A_PERSON)
            for at, day in [to_come[(7 * person + 11 * number) % len(to_come)]]
        ),
    )
    # Statistics as a database has them that did not come into being a moment ago.
    await connection.execute("ANALYZE")
    return restaurants


class Requests:
    """Makes up requests; no two of them leave the same watch."""

    def __init__(self, restaurants: Sequence[Restaurant]) -> None:
        self._restaurants = restaurants
        self._today = datetime.now(UTC).date()
        self._made = 0

    def to(self, route: str, count: int) -> list[str]:
        """So many, by all people in turn."""
        return [self._one(route, n) for n in range(count)]

    def _one(self, route: str, number: int) -> str:
        person = 1 + number % PEOPLE
        if route == "make_watch":
            return self._new_watch()
        token = _token(person) if route in ("me", "watches") else None
        return _http("GET", _GETS[route], token=token)

    def _new_watch(self) -> str:
        # People in turn, and each of them another restaurant every time.
        turn, person = divmod(self._made, PEOPLE)
        self._made += 1
        at = self._restaurants[(turn + person) % len(self._restaurants)]
        body = {
            "location_key": at.key,
            "target_date": str(self._today + timedelta(days=_FAR + (person + turn) % _FAR_DAYS)),
            "party_size": 2 + person % 4,
            "time_start": "18:00",
            "time_end": f"20:{turn // len(self._restaurants):02d}",
        }
        return _http("POST", "/api/watches", token=_token(1 + person), body=json.dumps(body))


def _tables(groups: Sequence[tuple[Restaurant, date]], now: datetime) -> Iterator[tuple[Any, ...]]:
    clocks = [(datetime.combine(now, _FIRST_TABLE) + n * _BETWEEN).time() for n in range(_TABLES)]
    for group_id, (at, day) in enumerate(groups, 1):
        for clock in clocks:
            opens = epoch_ms(instant(day, clock, at.timezone))
            yield group_id, at.key, day, f"{clock:%H:%M}", PARTY, opens, 1681, "Dining Room", now, now


def _http(method: str, path: str, *, token: str | None, body: str = "") -> str:
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", "Accept-Encoding: gzip"]
    if token is not None:
        lines.append(f"Authorization: Bearer {token}")
    if body:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", body])


def _token(person: int) -> str:
    return f"{person:043d}"
