"""What is open, as the workers saw it."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
from sqlalchemy import text

from tests.api.conftest import execute, refusal, scalar
from tests.conftest import Simulator
from workers.resources import Resources


def tomorrow() -> date:
    """Tomorrow in Atlanta."""
    return (datetime.now(ZoneInfo("America/New_York")) + timedelta(days=1)).date()


async def add_group(resources: Resources, **changes: Any) -> int:
    """A group of Peachtree, looked at just now."""
    now = datetime.now(UTC)
    values = {
        "location_key": "peachtree",
        "target_date": tomorrow(),
        "party_size": 2,
        "last_ok_at": now,
        "applied_look_at": now,
        "next_scan_at": now + timedelta(minutes=5),
        "last_error": None,
        "last_error_at": None,
    } | changes
    columns = ", ".join(values)
    statement = f"INSERT INTO scan_groups ({columns}) VALUES ({', '.join(':' + name for name in values)}) RETURNING id"
    async with resources.sessions.begin() as session:
        return int((await session.execute(text(statement), values)).scalar_one())


async def add_drop(resources: Resources, group_id: int, clock: str, *, gone: bool = False) -> int:
    at = datetime.combine(tomorrow(), datetime.strptime(clock, "%I:%M %p").time(), ZoneInfo("America/New_York"))
    reserved_ts = int(at.timestamp() * 1000)
    async with resources.sessions.begin() as session:
        await session.execute(
            text(
                "INSERT INTO slot_drops (group_id, location, slot_date, slot_time, party_size, reserved_ts, "
                "reservation_type_id, appeared_at, last_seen_at, gone_at) VALUES (:group_id, 'peachtree', :day, "
                ":clock, 2, :reserved_ts, 1681, now(), now(), CASE WHEN :gone THEN now() END)"
            ),
            {"group_id": group_id, "day": tomorrow(), "clock": clock, "reserved_ts": reserved_ts, "gone": gone},
        )
    return reserved_ts


@pytest.mark.parametrize("path", ["/api/availability", "/api/scan"])
async def test_it_shows_what_is_open_and_when_that_was_seen(
    client: httpx.AsyncClient, resources: Resources, simulator: Simulator, path: str
) -> None:
    group_id = await add_group(resources)
    await add_drop(resources, group_id, "6:00 PM", gone=True)
    reserved_ts = await add_drop(resources, group_id, "7:15 PM")
    seen_at = await scalar(resources, "SELECT last_ok_at FROM scan_groups")

    body = (await client.get(path, params={"party_size": 2, "days": 3})).json()

    place = body["locations"]["peachtree"]
    slot = {"time": "7:15 PM", "available": True, "reserved_ts": reserved_ts, "type_id": 1681}
    assert (place["name"], place["merchant_id"]) == ("Houston's - Peachtree", 278258)
    assert place["days"] == {tomorrow().isoformat(): [slot]}
    assert place["looks"][tomorrow().isoformat()]["state"] == "ok"
    assert datetime.fromisoformat(body["scanned_at"]) == seen_at
    assert (body["party_size"], body["source"], len(body["dates"])) == (2, "cache", 3)
    assert tomorrow().isoformat() in body["dates"]
    assert len(body["locations"]) == 30
    assert simulator.inventory_requests == 0


async def test_a_day_that_could_not_be_looked_at_is_not_shown_as_full(
    client: httpx.AsyncClient, resources: Resources
) -> None:
    failed_at = datetime.now(UTC)
    await add_group(
        resources,
        last_ok_at=None,
        applied_look_at=None,
        last_error="server_error: status 500",
        last_error_at=failed_at,
    )
    await add_group(resources, location_key="west_paces")

    locations = (await client.get("/api/availability")).json()["locations"]

    day = tomorrow().isoformat()
    assert locations["peachtree"]["days"] == {}
    assert locations["peachtree"]["looks"][day]["state"] == "trouble"
    assert datetime.fromisoformat(locations["peachtree"]["looks"][day]["failed_at"]) == failed_at
    assert locations["west_paces"]["days"] == {day: []}
    assert "500" not in str(locations)


async def test_a_party_size_that_nobody_had_asked_for_is_looked_at_first(
    client: httpx.AsyncClient, resources: Resources
) -> None:
    first = (await client.get("/api/availability", params={"party_size": 7, "days": 2})).json()

    asked = await scalar(resources, "SELECT count(*) FROM scan_groups WHERE party_size = 7 AND asked_at IS NOT NULL")
    assert asked == 60
    assert {look["state"] for look in first["locations"]["peachtree"]["looks"].values()} == {"looking"}
    assert first["scanned_at"] is None


async def test_what_is_on_a_screen_goes_before_what_is_not(client: httpx.AsyncClient, resources: Resources) -> None:
    from backend.db.queries import groups

    await execute(
        resources,
        "INSERT INTO scan_groups (location_key, target_date, party_size, tier, next_scan_at) "
        "SELECT 'peachtree', current_date + 1 + n, 2 + n, 'browse', now() FROM generate_series(0, 1) n",
    )
    await client.get("/api/availability", params={"party_size": 3})

    async with resources.sessions() as session:
        first, *_ = await groups.due_browse(session, most=5, party_sizes=(2, 3))

    assert await scalar(resources, "SELECT party_size FROM scan_groups WHERE id = :id", id=first.id) == 3


async def test_the_same_answer_is_sent_once(client: httpx.AsyncClient, resources: Resources) -> None:
    first = await client.get("/api/availability")

    again = await client.get("/api/availability", headers={"If-None-Match": first.headers["etag"]})
    plain = await client.get("/api/availability", headers={"Accept-Encoding": "identity"})

    assert first.headers["content-encoding"] == "gzip"
    assert first.headers["cache-control"].startswith("public, max-age=")
    assert (again.status_code, again.content) == (304, b"")
    assert plain.json() == first.json()
    assert "content-encoding" not in plain.headers


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"party_size": 0}, "party_size"),
        ({"party_size": 21}, "party_size"),
        ({"days": 22}, "days"),
        ({"days": 0}, "days"),
        ({"days": "many"}, "days"),
    ],
)
async def test_what_makes_no_sense_is_refused(client: httpx.AsyncClient, query: dict[str, Any], field: str) -> None:
    assert refusal(await client.get("/api/availability", params=query)) == (400, field)
