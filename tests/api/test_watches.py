"""A person's own watches."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from workers.resources import Resources


def wish(**changes: Any) -> dict[str, Any]:
    day = (datetime.now(UTC) + timedelta(days=3)).date().isoformat()
    return {"location_key": "peachtree", "target_date": day, **changes}


async def bearer(client: httpx.AsyncClient, name: str) -> dict[str, str]:
    body = {"name": name.title(), "email": f"{name}@guests.test", "password": "correct horse"}
    token = (await client.post("/api/auth/signup", json=body)).json()["token"]
    client.cookies.clear()
    return {"Authorization": f"Bearer {token}"}


async def count(resources: Resources, table: str) -> int:
    async with resources.sessions() as session:
        return int(await session.scalar(text(f"SELECT count(*) FROM {table}")) or 0)


async def test_a_watch_is_made_with_defaults_and_listed(client: httpx.AsyncClient) -> None:
    alice = await bearer(client, "alice")

    made = await client.post("/api/watches", json=wish(), headers=alice)

    (watch,) = (await client.get("/api/watches", headers=alice)).json()["watches"]
    assert made.json() == {"success": True, "watch_id": watch["id"]}
    assert (watch["party_size"], watch["time_start"], watch["time_end"]) == (2, "18:00", "20:00")
    assert (watch["status"], watch["auto_book"], watch["last_scanned"]) == ("active", False, None)
    assert datetime.fromisoformat(watch["created_at"]).tzinfo is not None


async def test_making_a_watch_makes_its_group_due_and_wakes_the_scanner(
    client: httpx.AsyncClient, resources: Resources
) -> None:
    alice = await bearer(client, "alice")

    await client.post("/api/watches", json=wish(), headers=alice)

    async with resources.sessions() as session:
        assert await session.scalar(text("SELECT next_scan_at <= now() FROM scan_groups"))
    assert await resources.redis.llen("dramatiq:scan") == 1


async def test_the_same_watch_twice_is_the_same_watch(client: httpx.AsyncClient) -> None:
    alice = await bearer(client, "alice")

    ids = {(await client.post("/api/watches", json=wish(), headers=alice)).json()["watch_id"] for _ in range(2)}

    assert len(ids) == 1


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"location_key": "nowhere"}, "location_key"),
        ({"location_key": ""}, "location_key"),
        ({"target_date": None}, "target_date"),
        ({"target_date": "2020-01-01"}, "target_date"),
        ({"target_date": "2099-01-01"}, "target_date"),
        ({"target_date": "02/14/2027"}, "target_date"),
        ({"party_size": 0}, "party_size"),
        ({"party_size": 21}, "party_size"),
        ({"party_size": "two"}, "party_size"),
        ({"time_start": "20:00", "time_end": "18:00"}, "time_end"),
        ({"time_start": "6 pm"}, "time_start"),
        ({"time_end": "25:00"}, "time_end"),
        ({"auto_book": True}, "book_first_name"),
        ({"auto_book": True, "book_first_name": "A", "book_last_name": "B"}, "book_phone"),
        ({"auto_book": True, "book_first_name": "A", "book_last_name": "B", "book_phone": "404555012"}, "book_phone"),
        ({"auto_book": True, "location_key": "east_hampton_grill"}, "auto_book"),
    ],
)
async def test_what_cannot_be_is_refused_with_the_field_and_writes_nothing(
    client: httpx.AsyncClient, resources: Resources, changes: dict[str, Any], field: str
) -> None:
    alice = await bearer(client, "alice")

    answer = await client.post("/api/watches", json=wish(**changes), headers=alice)

    assert (answer.status_code, answer.json().get("field")) == (400, field)
    assert answer.json()["error"]
    assert await count(resources, "watches") == await count(resources, "scan_groups") == 0


async def test_booking_details_are_kept_as_digits(client: httpx.AsyncClient) -> None:
    alice = await bearer(client, "alice")
    details = {"book_first_name": "Alice", "book_last_name": "Guest", "book_phone": "(404) 555-0123"}

    await client.post("/api/watches", json=wish(auto_book=True, **details), headers=alice)

    (watch,) = (await client.get("/api/watches", headers=alice)).json()["watches"]
    assert (watch["auto_book"], watch["book_phone"], watch["book_email"]) == (True, "4045550123", "alice@guests.test")


async def test_nobody_sees_or_ends_the_watches_of_somebody_else(client: httpx.AsyncClient) -> None:
    alice, charlie = await bearer(client, "alice"), await bearer(client, "charlie")
    watch_id = (await client.post("/api/watches", json=wish(), headers=alice)).json()["watch_id"]

    listed = await client.get("/api/watches", headers=charlie)
    ended = await client.delete(f"/api/watches/{watch_id}", headers=charlie)
    unknown = await client.delete("/api/watches/999999", headers=charlie)

    assert listed.json() == {"watches": []}
    assert ended.status_code == unknown.status_code == 404
    assert ended.json() == unknown.json()
    assert len((await client.get("/api/watches", headers=alice)).json()["watches"]) == 1


async def test_a_cancelled_watch_is_gone_from_the_list_and_can_be_asked_for(client: httpx.AsyncClient) -> None:
    alice = await bearer(client, "alice")
    watch_id = (await client.post("/api/watches", json=wish(), headers=alice)).json()["watch_id"]

    ended = await client.delete(f"/api/watches/{watch_id}", headers=alice)

    assert ended.json() == {"success": True}
    assert (await client.get("/api/watches", headers=alice)).json() == {"watches": []}
    (watch,) = (await client.get("/api/watches?status=cancelled", headers=alice)).json()["watches"]
    assert watch["id"] == watch_id


async def test_an_unknown_status_is_refused(client: httpx.AsyncClient) -> None:
    alice = await bearer(client, "alice")

    answer = await client.get("/api/watches?status=asleep", headers=alice)

    assert (answer.status_code, answer.json()["field"]) == (400, "status")


async def test_a_person_has_a_limited_number_of_watches(client: httpx.AsyncClient) -> None:
    alice = await bearer(client, "alice")
    for party_size in range(1, 21):
        await client.post("/api/watches", json=wish(party_size=party_size), headers=alice)
    for party_size in range(1, 6):
        await client.post("/api/watches", json=wish(party_size=party_size, location_key="west_paces"), headers=alice)

    answer = await client.post("/api/watches", json=wish(location_key="scottsdale"), headers=alice)

    assert answer.status_code == 400
    assert "25 watches" in answer.json()["error"]
