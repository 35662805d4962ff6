"""Telephone calls to restaurants."""

from typing import Any

import httpx
import pytest

from tests.api.conftest import KEY, refusal

CALL = {
    "location": "Peachtree",
    "phone": "+14045550101",
    "call_id": "c-1",
    "wait_count": 3,
    "wait_minutes": 45,
    "transcript": "“About forty-five minutes” 🍽",
    "summary": "45 minutes",
    "recording_url": "https://calls.test/c-1.mp3",
    "call_duration": 61.5,
    "answered_by": "human",
    "status": "completed",
    "called_at": "2026-02-14T23:30:00Z",
}


async def report(client: httpx.AsyncClient, **changes: Any) -> httpx.Response:
    return await client.post("/api/calls", json={**CALL, **changes}, headers=KEY)


async def test_an_administrator_reads_what_a_machine_reported(
    client: httpx.AsyncClient, admin: httpx.AsyncClient
) -> None:
    answer = await report(client)

    (row,) = (await admin.get("/api/calls")).json()["calls"]
    assert (answer.status_code, answer.json()) == (200, {"success": True})
    assert row.pop("created_at").endswith("Z")
    assert row == {**CALL, "id": 1, "location": "peachtree"}


async def test_the_location_alone_is_enough(client: httpx.AsyncClient, admin: httpx.AsyncClient) -> None:
    await client.post("/api/calls", json={"location": "west_paces"}, headers=KEY)

    (row,) = (await admin.get("/api/calls")).json()["calls"]

    assert row["called_at"] is not None
    assert row["wait_minutes"] is None


async def test_calls_can_be_asked_for_by_restaurant(client: httpx.AsyncClient, admin: httpx.AsyncClient) -> None:
    for location in ("peachtree", "west_paces", "peachtree"):
        await report(client, location=location)

    by_name = (await admin.get("/api/calls", params={"location": "West Paces"})).json()["calls"]

    assert [row["id"] for row in by_name] == [2]
    assert refusal(await admin.get("/api/calls", params={"location": "nowhere"})) == (400, "location")


async def test_strangers_and_users_do_not_read_them(client: httpx.AsyncClient, alice: httpx.AsyncClient) -> None:
    assert refusal(await client.get("/api/calls")) == (401, None)
    assert refusal(await alice.get("/api/calls")) == (403, None)


async def test_nobody_reports_without_the_key(client: httpx.AsyncClient, admin: httpx.AsyncClient) -> None:
    answers = [await http.post("/api/calls", json=CALL) for http in (client, admin)]

    assert [refusal(answer) for answer in answers] == [(401, None)] * 2


async def test_the_latest_call_is_for_everybody_without_what_was_said(client: httpx.AsyncClient) -> None:
    await report(client, called_at="2026-02-14T20:00:00Z", wait_minutes=10)
    await report(client)
    await report(client, location="Rutherford Grill", wait_minutes=None, wait_count=None)

    latest = (await client.get("/api/calls/latest")).json()["latest"]

    assert latest == {
        "Houston's - Peachtree": {
            "location": "peachtree",
            "wait_count": 3,
            "wait_minutes": 45,
            "called_at": "2026-02-14T23:30:00Z",
        },
        "Rutherford Grill": {
            "location": "rutherford_grill",
            "wait_count": None,
            "wait_minutes": None,
            "called_at": "2026-02-14T23:30:00Z",
        },
    }


async def test_averages_are_by_the_restaurants_clock(client: httpx.AsyncClient) -> None:
    # Saturday evening in Atlanta, Sunday in UTC.
    await report(client, called_at="2026-02-15T00:30:00Z", wait_minutes=30)
    await report(client, called_at="2026-02-15T00:40:00Z", wait_minutes=45)
    await report(client, called_at="2026-02-15T00:50:00Z", wait_minutes=None)
    await report(client, location="west_paces", wait_minutes=None)

    stats = (await client.get("/api/calls/stats")).json()

    assert stats == {
        "by_day_of_week": [{"location": "peachtree", "dow": 6, "avg_wait": 37.5, "n": 2}],
        "by_hour": [{"location": "peachtree", "hour": 19, "avg_wait": 37.5, "n": 2}],
        "by_location": [
            {"location": "peachtree", "avg_wait": 37.5, "total_calls": 3, "calls_with_data": 2},
            {"location": "west_paces", "avg_wait": None, "total_calls": 1, "calls_with_data": 0},
        ],
    }


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"location": None}, "location"),
        ({"location": "nowhere"}, "location"),
        ({"wait_minutes": -5}, "wait_minutes"),
        ({"wait_count": "few"}, "wait_count"),
        ({"called_at": "today"}, "called_at"),
        ({"call_duration": -1}, "call_duration"),
        ({"transcript": "a\x00b"}, "transcript"),
    ],
)
async def test_what_makes_no_sense_is_refused(client: httpx.AsyncClient, change: dict[str, Any], field: str) -> None:
    assert refusal(await report(client, **change)) == (400, field)
