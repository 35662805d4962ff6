"""The 33 routes that existing clients call: paths, methods, who may, and the names in the answers.

Each row is called by an administrator with a body that makes sense, and by a stranger.
"""

from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from tests.api.conftest import account, execute
from tests.api.test_availability import tomorrow
from tests.api.test_push import KEY, push, slot
from tests.conftest import Simulator
from workers.resources import Resources

USER = {"id", "name", "email", "phone", "first_name", "last_name"}
WATCH = {
    *("id", "user_id", "location_key", "party_size", "target_date", "time_start", "time_end", "auto_book"),
    *("book_first_name", "book_last_name", "book_email", "book_phone", "status", "created_at", "updated_at"),
    *("notified_at", "booked_at", "last_scanned"),
}
PLACE = {"key", "name", "city", "state", "brand", "lat", "lon", "merchant_id"}
CALL = {
    *("location", "phone", "call_id", "wait_count", "wait_minutes", "transcript", "summary", "recording_url"),
    *("call_duration", "answered_by", "status", "called_at"),
}


@dataclass(frozen=True)
class Row:
    """One route. `keys` are in the answer; `inside` maps a key to the names in its first element (or itself)."""

    method: str
    path: str
    access: str
    keys: set[str]
    body: dict[str, Any] | None = None
    query: dict[str, Any] = field(default_factory=dict)
    inside: dict[str, set[str]] = field(default_factory=dict)


def watch_body() -> dict[str, Any]:
    return {"location_key": "peachtree", "target_date": tomorrow().isoformat()}


def rows(reserved_ts: int) -> list[Row]:
    """The table, in its order."""
    inventory = {"merchant_id": 278258, "party_size": 2, "search_ts": reserved_ts}
    book = {"merchant_id": 278258, "party_size": 2, "reserved_ts": reserved_ts, "reservation_type_id": 1681}
    person = {"first_name": "Ann", "last_name": "Guest", "email": "ann@guests.test", "phone": "4045550123"}
    grid = {"locations", "dates", "scanned_at", "party_size", "source"}
    alert = {"name": "Ann", "email": "ann@guests.test"}
    wait = {"location": "Peachtree", "wait_minutes": 20}
    record = {"location": "peachtree", "scan_date": "2026-12-01", "time_slot": "6:15 PM", "party_sizes": "2"}
    return [
        Row("GET", "/api/locations", "open", {"locations"}, inside={"locations": PLACE}),
        Row(
            *("GET", "/api/geolocate", "open"),
            {"location", "method", "distance_miles", "user_city", "user_region"},
        ),
        Row("GET", "/api/availability", "open", grid, query={"party_size": 2, "days": 2}),
        Row("GET", "/api/scan", "open", grid),
        Row("POST", "/api/push-scan", "key", {"success", "party_size"}, push(slot("7:15 PM"))),
        Row("GET", "/api/inventory", "user", {"types"}, query=inventory),
        Row("POST", "/api/book", "user", {"error"}, {**book, **person}),
        Row("POST", "/api/alerts", "open", {"success", "count"}, alert),
        Row("GET", "/api/alerts", "open", {"count", "alerts"}),
        Row("POST", "/api/waittimes", "open", {"success"}, wait),
        Row("GET", "/api/waittimes", "open", {"waittimes"}),
        Row("POST", "/api/history/record", "key", {"success"}, {**record, "available": True}),
        Row("GET", "/api/history", "open", {"scans", "drops"}),
        Row("POST", "/api/calls", "key", {"success"}, {"location": "Peachtree", "wait_minutes": 5}),
        Row("GET", "/api/calls", "admin", {"calls"}, query={"location": "Peachtree"}, inside={"calls": CALL}),
        Row("GET", "/api/calls/latest", "open", {"latest"}),
        Row("GET", "/api/calls/stats", "open", {"by_day_of_week", "by_hour", "by_location"}),
        Row("GET", "/api/config", "open", {"google_client_id"}),
        Row("POST", "/api/auth/signup", "open", {"success", "token", "user"}, account("Zoe"), inside={"user": USER}),
        Row("POST", "/api/auth/login", "open", {"success", "token", "user"}, account("Zoe"), inside={"user": USER}),
        Row("POST", "/api/auth/google", "open", {"error"}, {"credential": "x.y.z"}),
        Row("GET", "/api/auth/me", "user", {"user"}, inside={"user": {*USER, "picture"}}),
        Row("GET", "/api/auth/alerts", "user", {"alerts"}),
        Row("POST", "/api/profile", "user", {"success"}, {"first_name": "Ann", "last_name": "Guest"}),
        Row("GET", "/api/profile", "user", {"phone", "first_name", "last_name", "name", "email", "picture"}),
        Row("POST", "/api/watches", "user", {"success", "watch_id"}, watch_body()),
        Row("GET", "/api/watches", "user", {"watches"}, inside={"watches": WATCH}),
        Row("POST", "/api/watches/scan", "user", {"success"}),
        Row("POST", "/api/feedback", "open", {"success"}, {"message": "Good."}),
        Row("GET", "/api/admin/feedback", "admin", {"feedback"}, inside={"feedback": {"message", "contact"}}),
        Row(
            *("GET", "/api/admin/watches", "admin", {"watches"}),
            inside={"watches": {*WATCH, "user_email", "user_name"}},
        ),
        Row("DELETE", "/api/watches/{watch_id}", "user", {"success"}),
        Row("POST", "/api/auth/logout", "user", {"success"}),
    ]


async def call(http: httpx.AsyncClient, row: Row, *, watch_id: int) -> httpx.Response:
    return await http.request(
        row.method,
        row.path.replace("{watch_id}", str(watch_id)),
        json=row.body,
        params=row.query,
        headers=KEY if row.access == "key" else {},
    )


def missing(row: Row, body: dict[str, Any]) -> set[str]:
    """The names that the answer lacks."""
    lacking = row.keys - set(body)
    for key, names in row.inside.items():
        found = body[key][0] if isinstance(body.get(key), list) else body.get(key, {})
        lacking |= {f"{key}.{name}" for name in names - set(found)}
    return lacking


async def test_every_route_answers_with_its_names(
    alice: httpx.AsyncClient, resources: Resources, simulator: Simulator
) -> None:
    await execute(resources, "UPDATE users SET role = 'admin'")
    table = rows(int(slot("7:15 PM")["reserved_ts"]))

    lacking, watch_id = {}, 0
    for row in table:
        answer = await call(alice, row, watch_id=watch_id)
        body = answer.json()
        watch_id = body.get("watch_id", watch_id)
        refused = "error" in row.keys
        if answer.is_success == refused or missing(row, body):
            lacking[f"{row.method} {row.path}"] = (answer.status_code, missing(row, body), body)

    assert len(table) == 33
    assert lacking == {}


@pytest.mark.parametrize("row", [row for row in rows(0) if row.access != "open"], ids=lambda row: row.path)
async def test_a_stranger_gets_401_from_every_guarded_route(client: httpx.AsyncClient, row: Row) -> None:
    answer = await client.request(row.method, row.path.replace("{watch_id}", "1"), json=row.body, params=row.query)

    assert answer.status_code == 401
    assert set(answer.json()) >= {"error", "status", "title"}
