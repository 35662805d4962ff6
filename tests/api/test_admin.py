"""What only administrators may read."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest

from tests.api.conftest import refusal, scalar
from tests.api.test_bookings import unclear
from workers.resources import Resources


def wish(days: int = 3) -> dict[str, object]:
    return {"location_key": "peachtree", "target_date": str((datetime.now(UTC) + timedelta(days=days)).date())}


async def test_an_administrator_sees_everybodys_watches_with_their_owners(
    alice: httpx.AsyncClient, charlie: httpx.AsyncClient, admin: httpx.AsyncClient
) -> None:
    first = (await alice.post("/api/watches", json=wish())).json()["watch_id"]
    second = (await charlie.post("/api/watches", json=wish(days=4))).json()["watch_id"]
    await alice.delete(f"/api/watches/{first}")

    rows = (await admin.get("/api/admin/watches")).json()["watches"]

    assert [(row["id"], row["user_email"], row["user_name"], row["status"]) for row in rows] == [
        (second, "charlie@guests.test", "Charlie", "active"),
        (first, "alice@guests.test", "Alice", "cancelled"),
    ]
    (own,) = (await charlie.get("/api/watches")).json()["watches"]
    assert {key: value for key, value in rows[0].items() if not key.startswith("user_")} | {
        "user_id": rows[0]["user_id"]
    } == own


async def test_an_administrator_settles_what_is_unclear(
    alice: httpx.AsyncClient, admin: httpx.AsyncClient, resources: Resources
) -> None:
    booking_id = await unclear(alice, resources)
    path = f"/api/admin/bookings/{booking_id}/settle"

    waiting = (await admin.get("/api/admin/bookings?state=unknown")).json()["bookings"]
    unclear_answer = await admin.post(path, json={})
    settled = await admin.post(path, json={"outcome": "booked", "note": "They said so"})
    otherwise = await admin.post(path, json={"outcome": "not_booked"})
    left = (await admin.get("/api/admin/bookings")).json()["bookings"]

    assert [row["id"] for row in waiting] == [booking_id]
    assert refusal(unclear_answer) == (400, "outcome")
    assert (settled.status_code, otherwise.status_code, left) == (200, 409, [])
    assert await scalar(resources, "SELECT settled_by FROM bookings WHERE id = :id", id=booking_id) == "operator"


@pytest.mark.parametrize("path", ["/api/admin/watches", "/api/admin/feedback", "/api/admin/bookings"])
async def test_a_stranger_is_401_and_a_user_403(client: httpx.AsyncClient, alice: httpx.AsyncClient, path: str) -> None:
    assert refusal(await client.get(path)) == (401, None)
    assert refusal(await alice.get(path)) == (403, None)


async def test_without_a_key_configured_machines_are_shut_out(keyless: httpx.AsyncClient) -> None:
    paths = ("/api/calls", "/api/history/record")

    answers = [
        await keyless.post(path, json={}, headers={"X-Push-Key": key})
        for path in paths
        for key in (b"", b"None", "é".encode())
    ]

    assert [refusal(answer) for answer in answers] == [(401, None)] * 6
