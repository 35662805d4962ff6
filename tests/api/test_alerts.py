"""Wishes left by mail."""

import httpx
import pytest

from tests.api.conftest import execute, refusal, scalar
from workers.resources import Resources

WISH = {
    "name": "Dora",
    "email": "Dora@Guests.test",
    "party_size": 4,
    "preferred_date": "2026-02-14",
    "preferred_time": "7:00 PM",
    "location": "West Paces",
}


async def test_anyone_may_leave_one_and_learns_how_many_there_are(client: httpx.AsyncClient) -> None:
    first = await client.post("/api/alerts", json=WISH)
    second = await client.post("/api/alerts", json={"name": "Emil", "email": "emil@guests.test"})

    assert (first.status_code, first.json()) == (200, {"success": True, "count": 1})
    assert second.json() == {"success": True, "count": 2}


async def test_a_stranger_and_a_user_see_only_the_count(client: httpx.AsyncClient, charlie: httpx.AsyncClient) -> None:
    await client.post("/api/alerts", json=WISH)

    answers = [await http.get("/api/alerts") for http in (client, charlie)]

    assert [answer.json() for answer in answers] == [{"count": 1, "alerts": []}] * 2


async def test_an_administrator_sees_the_rows(client: httpx.AsyncClient, admin: httpx.AsyncClient) -> None:
    await client.post("/api/alerts", json=WISH)

    (row,) = (await admin.get("/api/alerts")).json()["alerts"]

    assert row.pop("created_at").endswith("Z")
    assert row == {
        "id": 1,
        "name": "Dora",
        "email": "dora@guests.test",
        "party_size": 4,
        "preferred_date": "2026-02-14",
        "preferred_time": "19:00",
        "location": "west_paces",
    }


async def test_what_is_not_said_has_its_default(client: httpx.AsyncClient, admin: httpx.AsyncClient) -> None:
    await client.post("/api/alerts", json={"name": "Emil", "email": "emil@guests.test", "preferred_date": ""})

    (row,) = (await admin.get("/api/alerts")).json()["alerts"]

    assert (row["party_size"], row["location"], row["preferred_date"], row["preferred_time"]) == (2, "both", None, None)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": " "}, "name"),
        ({"email": ""}, "email"),
        ({"email": "nobody"}, "email"),
        ({"party_size": 0}, "party_size"),
        ({"party_size": "many"}, "party_size"),
        ({"preferred_date": "some day"}, "preferred_date"),
        ({"preferred_time": "late"}, "preferred_time"),
        ({"location": "x" * 501}, "location"),
        ({"name": "Do\x00ra"}, "name"),
    ],
)
async def test_what_makes_no_sense_is_refused(client: httpx.AsyncClient, change: dict[str, object], field: str) -> None:
    answer = await client.post("/api/alerts", json={**WISH, **change})

    assert refusal(answer) == (400, field)


async def test_one_sees_those_left_while_signed_in_and_nobody_elses(
    client: httpx.AsyncClient, alice: httpx.AsyncClient, charlie: httpx.AsyncClient
) -> None:
    await alice.post("/api/alerts", json=WISH)
    await client.post("/api/alerts", json={**WISH, "email": "charlie@guests.test"})

    own = (await alice.get("/api/auth/alerts")).json()["alerts"]
    charlies = (await charlie.get("/api/auth/alerts")).json()["alerts"]

    assert [row["name"] for row in own] == ["Dora"]
    assert charlies == []
    assert refusal(await client.get("/api/auth/alerts")) == (401, None)


async def test_those_left_with_an_address_are_seen_once_it_is_verified(
    client: httpx.AsyncClient, charlie: httpx.AsyncClient, resources: Resources
) -> None:
    await client.post("/api/alerts", json={**WISH, "email": "charlie@guests.test"})

    await execute(resources, "UPDATE channels SET verified_at = now() WHERE address = 'charlie@guests.test'")

    assert len((await charlie.get("/api/auth/alerts")).json()["alerts"]) == 1
    assert await scalar(resources, "SELECT user_id FROM alerts") is None
