"""Waits at the door."""

import httpx
import pytest

from tests.api.conftest import refusal


async def test_a_report_shows_under_its_restaurant(client: httpx.AsyncClient) -> None:
    answer = await client.post("/api/waittimes", json={"location": "Peachtree", "wait_minutes": 25})

    waits = (await client.get("/api/waittimes")).json()["waittimes"]
    (row,) = waits["peachtree"]
    assert (answer.status_code, answer.json()) == (200, {"success": True})
    assert row.pop("created_at").endswith("Z")
    assert row == {"id": 1, "location": "peachtree", "wait_minutes": 25, "source": "user"}
    assert len(waits) == 30
    assert waits["west_paces"] == []


async def test_the_newest_six_are_shown_newest_first(client: httpx.AsyncClient) -> None:
    for minutes in range(8):
        await client.post("/api/waittimes", json={"location": "west_paces", "wait_minutes": str(minutes)})

    waits = (await client.get("/api/waittimes")).json()["waittimes"]

    assert [row["wait_minutes"] for row in waits["west_paces"]] == [7, 6, 5, 4, 3, 2]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"wait_minutes": 5}, "location"),
        ({"location": "nowhere", "wait_minutes": 5}, "location"),
        ({"location": "peachtree"}, "wait_minutes"),
        ({"location": "peachtree", "wait_minutes": -1}, "wait_minutes"),
        ({"location": "peachtree", "wait_minutes": 601}, "wait_minutes"),
        ({"location": "peachtree", "wait_minutes": "long"}, "wait_minutes"),
        ({"location": "peachtree", "wait_minutes": 5, "source": "x" * 101}, "source"),
    ],
)
async def test_what_makes_no_sense_is_refused(client: httpx.AsyncClient, body: dict[str, object], field: str) -> None:
    assert refusal(await client.post("/api/waittimes", json=body)) == (400, field)
