"""Scans that machines of the house push in."""

import time
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest

from tests.api.conftest import refusal, scalar
from tests.api.test_availability import tomorrow
from tests.conftest import PUSH_KEY
from workers.resources import Resources

KEY = {"X-Push-Key": PUSH_KEY}


def slot(clock: str, *, available: bool = True) -> dict[str, Any]:
    at = datetime.combine(tomorrow(), datetime.strptime(clock, "%I:%M %p").time(), ZoneInfo("America/New_York"))
    return {"time": clock, "available": available, "reserved_ts": int(at.timestamp() * 1000), "type_id": 1681}


def push(*slots: dict[str, Any], **changes: Any) -> dict[str, Any]:
    place = {"name": "Houston's - Peachtree", "merchant_id": 278258, "days": {tomorrow().isoformat(): list(slots)}}
    return {"party_size": 2, "timestamp": time.time(), "data": {"peachtree": place}} | changes


async def watch_tomorrow(http: httpx.AsyncClient) -> None:
    wish = {"location_key": "peachtree", "target_date": tomorrow().isoformat(), "party_size": 2}
    assert (await http.post("/api/watches", json=wish)).status_code == 200


async def test_a_push_is_served_and_feeds_drops_and_matching_as_a_look_does(
    client: httpx.AsyncClient, alice: httpx.AsyncClient, resources: Resources
) -> None:
    await watch_tomorrow(alice)

    answer = await client.post(
        "/api/push-scan", json=push(slot("7:15 PM"), slot("7:30 PM", available=False)), headers=KEY
    )

    served = (await client.get("/api/availability")).json()["locations"]["peachtree"]["days"]
    assert answer.json() == {"success": True, "party_size": 2}
    assert [found["time"] for found in served[tomorrow().isoformat()]] == ["7:15 PM"]
    assert await scalar(resources, "SELECT source FROM slot_drops") == "push"
    assert await scalar(resources, "SELECT count(*) FROM notification_log WHERE status = 'queued'") == 1
    assert await resources.redis.llen("dramatiq:notify") == 1
    assert (await alice.get("/api/watches")).json()["watches"][0]["last_scanned"] is not None


async def test_what_a_newer_push_no_longer_has_is_gone(client: httpx.AsyncClient, resources: Resources) -> None:
    await client.post("/api/push-scan", json=push(slot("7:15 PM"), timestamp=time.time() - 60), headers=KEY)

    await client.post("/api/push-scan", json=push(), headers=KEY)

    assert await scalar(resources, "SELECT count(*) FROM slot_drops WHERE gone_at IS NULL") == 0


async def test_an_older_push_than_the_newest_look_changes_nothing(
    client: httpx.AsyncClient, resources: Resources
) -> None:
    await client.post("/api/push-scan", json=push(slot("7:15 PM")), headers=KEY)

    answer = await client.post("/api/push-scan", json=push(timestamp=time.time() - 600), headers=KEY)

    assert answer.status_code == 200
    assert await scalar(resources, "SELECT count(*) FROM slot_drops WHERE gone_at IS NULL") == 1


async def test_a_fast_clock_does_not_make_later_looks_the_older_ones(
    client: httpx.AsyncClient, resources: Resources
) -> None:
    answer = await client.post("/api/push-scan", json=push(slot("7:15 PM"), timestamp=time.time() + 50), headers=KEY)

    assert answer.status_code == 200
    assert await scalar(resources, "SELECT applied_look_at <= now() FROM scan_groups")


async def test_a_push_from_45_minutes_ago_is_accepted_and_changes_nothing(
    client: httpx.AsyncClient, resources: Resources
) -> None:
    answer = await client.post(
        "/api/push-scan", json=push(slot("7:15 PM"), timestamp=time.time() - 46 * 60), headers=KEY
    )

    assert answer.json() == {"success": True, "party_size": 2}
    assert await scalar(resources, "SELECT count(*) FROM scan_groups") == 0


async def test_a_push_of_every_restaurant_and_day_fits(client: httpx.AsyncClient, resources: Resources) -> None:
    keys = [row["key"] for row in (await client.get("/api/locations")).json()["locations"]]
    first = tomorrow() + timedelta(days=1)
    days = {(first + timedelta(days=ahead)).isoformat(): [] for ahead in range(21)}
    data = {key: {"name": "x", "merchant_id": 1, "days": days} for key in keys}
    padding = {"time": "x" * 4_000_000, "available": False, "reserved_ts": slot("7:15 PM")["reserved_ts"]}
    data["peachtree"] = {"days": {**days, tomorrow().isoformat(): [padding]}}

    answer = await client.post("/api/push-scan", json=push(data=data), headers=KEY)

    assert answer.status_code == 200
    assert await scalar(resources, "SELECT count(*) FROM scan_groups WHERE last_ok_at IS NOT NULL") == 30 * 21 + 1


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"timestamp": time.time() + 3600}, "timestamp"),
        ({"party_size": 0}, "party_size"),
        ({"data": {"nowhere": {"days": {}}, "neverland": {"days": {"2026-01-01": []}}}}, "data.neverland"),
        ({"data": {"peachtree": {"days": {"tomorrow": []}}}}, "data"),
        ({"data": {"peachtree": {"days": {"2020-01-01": [slot("7:15 PM")]}}}}, "data.peachtree.days.2020-01-01"),
    ],
)
async def test_a_push_that_makes_no_sense_is_refused_whole(
    client: httpx.AsyncClient, resources: Resources, change: dict[str, Any], field: str
) -> None:
    body = push(slot("7:15 PM"))
    body = {**body, **change, "data": {**body["data"], **change.get("data", {})}}

    answer = await client.post("/api/push-scan", json=body, headers=KEY)

    status, named = refusal(answer)
    assert status == 400
    assert str(named).startswith(field)
    assert await scalar(resources, "SELECT count(*) FROM scan_groups") == 0


async def test_only_machines_with_the_key_may_push(client: httpx.AsyncClient, alice: httpx.AsyncClient) -> None:
    assert refusal(await client.post("/api/push-scan", json=push())) == (401, None)
    assert refusal(await alice.post("/api/push-scan", json=push(), headers={"X-Push-Key": "guess"})) == (401, None)
