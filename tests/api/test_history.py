"""What was open and when; machines with the key add to it."""

import asyncio

import httpx
import pytest

from tests.api.conftest import KEY, execute, refusal, scalar
from workers.resources import Resources

SLOT = {"location": "Peachtree", "scan_date": "2026-02-14", "time_slot": "7:30 PM"}


async def record(client: httpx.AsyncClient, **changes: object) -> httpx.Response:
    return await client.post("/api/history/record", json={**SLOT, **changes}, headers=KEY)


async def test_a_slot_that_becomes_available_makes_a_drop_that_is_closed(
    client: httpx.AsyncClient, resources: Resources
) -> None:
    await record(client, available=False, party_sizes="")
    answer = await record(client, available=True, party_sizes=[2, 4])

    history = (await client.get("/api/history")).json()
    (drop,) = history["drops"]
    assert (answer.status_code, answer.json()) == (200, {"success": True})
    assert [(row["available"], row["party_sizes"]) for row in history["scans"]] == [(True, "2,4"), (False, "")]
    assert set(history["scans"][0]) == {
        *("id", "location", "scan_date", "time_slot", "party_sizes", "available", "scanned_at"),
    }
    assert (drop["location"], drop["slot_date"], drop["slot_time"]) == ("peachtree", "2026-02-14", "7:30 PM")
    assert drop["appeared_at"] == drop["gone_at"]
    assert set(drop) == {"id", "location", "slot_date", "slot_time", "appeared_at", "gone_at", "created_at"}
    assert await scalar(resources, "SELECT source FROM slot_drops") == "record"


@pytest.mark.parametrize("states", [[True], [True, True], [False, False], [True, False], [0, "no"]])
async def test_anything_else_makes_none(client: httpx.AsyncClient, states: list[object]) -> None:
    for state in states:
        assert (await record(client, available=state)).status_code == 200

    history = (await client.get("/api/history")).json()

    assert len(history["scans"]) == len(states)
    assert history["drops"] == []


async def test_other_slots_do_not_count(client: httpx.AsyncClient) -> None:
    await record(client, available=False)
    await record(client, available=False, time_slot="19:45")

    await record(client, available=True, scan_date="2026-02-15")
    await record(client, available=True, location="west_paces")
    await record(client, available=True, time_slot="7:45 PM")

    assert [drop["slot_time"] for drop in (await client.get("/api/history")).json()["drops"]] == ["7:45 PM"]


async def test_two_machines_at_once_make_one_drop(client: httpx.AsyncClient) -> None:
    await record(client, available=False)

    await asyncio.gather(*(record(client, available=True) for _ in range(5)))

    assert len((await client.get("/api/history")).json()["drops"]) == 1


async def test_the_newest_200_and_10_are_shown(client: httpx.AsyncClient, resources: Resources) -> None:
    await execute(
        resources,
        "INSERT INTO scan_history (location, scan_date, time_slot, party_sizes, available, scanned_at) "
        "SELECT 'peachtree', '2026-02-14', '6 PM', CAST(n AS text), true, at "
        "FROM generate_series(1, 210) n, LATERAL (SELECT timestamptz '2026-02-01Z' + n * interval '1 min' AS at) t",
    )
    await execute(
        resources,
        "INSERT INTO slot_drops (location, slot_date, slot_time, source, appeared_at, last_seen_at, gone_at) "
        "SELECT 'peachtree', '2026-02-14', '7.' || n, 'import', at, at, at "
        "FROM generate_series(1, 12) n, LATERAL (SELECT timestamptz '2026-02-01Z' + n * interval '1 min' AS at) t",
    )

    history = (await client.get("/api/history")).json()

    assert [row["party_sizes"] for row in history["scans"]] == [str(n) for n in range(210, 10, -1)]
    assert [row["slot_time"] for row in history["drops"]] == [f"7.{n}" for n in range(12, 2, -1)]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"location": ""}, "location"),
        ({"location": "both"}, "location"),
        ({"scan_date": "soon"}, "scan_date"),
        ({"scan_date": ""}, "scan_date"),
        ({"time_slot": "dinner"}, "time_slot"),
        ({"available": None}, "available"),
        ({"available": "perhaps"}, "available"),
        ({"party_sizes": [0]}, "party_sizes"),
    ],
)
async def test_what_makes_no_sense_is_refused(client: httpx.AsyncClient, change: dict[str, object], field: str) -> None:
    answer = await record(client, **{"available": True, **change})

    status, said = refusal(answer)
    assert status == 400
    assert said is not None
    assert said.startswith(field)


@pytest.mark.parametrize("headers", [{}, {"X-Push-Key": "guess"}, {"X-Push-Key": ""}])
async def test_without_the_key_nobody_records(client: httpx.AsyncClient, headers: dict[str, str]) -> None:
    answer = await client.post("/api/history/record", json={**SLOT, "available": True}, headers=headers)

    assert refusal(answer) == (401, None)


async def test_an_administrator_needs_the_key_too(admin: httpx.AsyncClient) -> None:
    answer = await admin.post("/api/history/record", json={**SLOT, "available": True})

    assert refusal(answer) == (401, None)
