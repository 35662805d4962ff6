"""Questions and bookings that people send to the reservation service through us."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest

from tests.api.conftest import execute, prove_addresses, refusal, scalar
from tests.api.test_availability import tomorrow
from tests.conftest import Simulator, eventually
from workers.resources import Resources

PEACHTREE, PARK_AVENUE = 278258, 278278
DINNER = 1681


def instant(clock: str) -> int:
    at = datetime.combine(tomorrow(), datetime.strptime(clock, "%H:%M").time(), ZoneInfo("America/New_York"))
    return int(at.timestamp() * 1000)


def wish(simulator: Simulator, clock: str = "19:00", **changes: Any) -> dict[str, Any]:
    """A booking of a table that is open."""
    simulator.open(PEACHTREE, tomorrow().isoformat(), clock)
    query = f"merchant_id={PEACHTREE}&party_size=2&search_ts={instant(clock)}&limit=50&show_reservation_types=1"
    types = simulator.get(f"/v2/web/reservations/inventory?{query}")["types"]
    (type_id,) = [
        block["reservation_type_id"] for block in types for t in block["times"] if t["reserved_ts"] == instant(clock)
    ]
    body = {
        "merchant_id": PEACHTREE,
        "party_size": 2,
        "reserved_ts": instant(clock),
        "reservation_type_id": type_id,
        "name": "Alice Guest",
        "first_name": "Alice",
        "last_name": "Guest",
        "email": "alice@guests.test",
        "phone": "404-555-0123",
    }
    return body | changes


async def test_a_question_is_passed_on_and_its_answer_back(alice: httpx.AsyncClient, simulator: Simulator) -> None:
    simulator.open(PEACHTREE, tomorrow().isoformat(), "19:00")
    query = {"merchant_id": PEACHTREE, "party_size": 2, "search_ts": instant("19:00"), "limit": 3}

    answer = await alice.get("/api/inventory", params={**query, "show_reservation_types": 1})

    times = [t["reserved_ts"] for block in answer.json()["types"] for t in block["times"]]
    assert (answer.status_code, times) == (200, [instant("19:00")])


async def test_the_status_of_the_service_is_passed_back_and_counts_as_trouble(
    alice: httpx.AsyncClient, simulator: Simulator, resources: Resources
) -> None:
    simulator.send("POST", "/control/trouble", {"kind": "503", "operation": "inventory", "count": 1})
    query = {"merchant_id": PEACHTREE, "party_size": 2, "search_ts": instant("19:00")}

    answer = await alice.get("/api/inventory", params=query)

    async def counted() -> bool:
        return int(await resources.redis.hget("budget:state", "failures") or 0) == 1

    assert answer.status_code == 503
    await eventually(counted)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"merchant_id": "1", "party_size": "2"}, "search_ts"),
        ({"merchant_id": "x", "party_size": "2", "search_ts": "1"}, "merchant_id"),
        ({"merchant_id": "1" * 30, "party_size": "2", "search_ts": "1"}, "merchant_id"),
    ],
)
async def test_a_question_that_makes_no_sense_is_refused_without_a_call(
    alice: httpx.AsyncClient, simulator: Simulator, query: dict[str, str], field: str
) -> None:
    assert refusal(await alice.get("/api/inventory", params=query)) == (400, field)
    assert simulator.inventory_requests == 0


async def test_while_calls_are_held_back_a_question_says_so(alice: httpx.AsyncClient, resources: Resources) -> None:
    await resources.redis.hset("budget:state", "pause_until", 2**52)
    query = {"merchant_id": PEACHTREE, "party_size": 2, "search_ts": instant("19:00")}

    assert refusal(await alice.get("/api/inventory", params=query)) == (503, None)


async def test_a_booking_by_hand_is_made_once_and_stands_in_the_ledger(
    alice: httpx.AsyncClient, simulator: Simulator, resources: Resources
) -> None:
    await prove_addresses(resources)
    body = wish(simulator)

    answer = await alice.post("/api/book", json=body)

    row = "SELECT state || ' ' || meal || ' ' || phone FROM bookings"
    assert answer.status_code == 200
    assert answer.json()["party"]["reserved_ts"] == body["reserved_ts"]
    assert simulator.bookings[0]["body"]["phone"] == "4045550123"
    assert await scalar(resources, row) == "booked dinner +14045550123"
    assert await scalar(resources, "SELECT count(*) FROM notification_log WHERE kind = 'booked'") == 1


async def test_a_second_booking_for_that_person_and_meal_is_409(
    alice: httpx.AsyncClient, charlie: httpx.AsyncClient, simulator: Simulator
) -> None:
    await alice.post("/api/book", json=wish(simulator))

    again = await alice.post("/api/book", json=wish(simulator, "19:30"))
    same_phone = await charlie.post("/api/book", json=wish(simulator, "20:00"))
    lunch = await alice.post("/api/book", json=wish(simulator, "12:00"))

    assert refusal(again) == (409, None)
    assert refusal(same_phone) == (409, None)
    assert lunch.status_code == 200
    assert len(simulator.bookings) == 2


async def test_a_refusal_is_passed_back_with_its_sentence_and_blocks_nothing(
    alice: httpx.AsyncClient, simulator: Simulator
) -> None:
    body = wish(simulator)
    order = {"kind": "refuse", "count": 1, "operation": "booking", "message": "Just taken."}
    simulator.send("POST", "/control/trouble", order)

    refused = await alice.post("/api/book", json=body)
    again = await alice.post("/api/book", json=body)

    assert (refused.status_code, refused.json()["error"]) == (409, "Just taken.")
    assert again.status_code == 200


async def test_an_unclear_answer_is_502_told_and_blocks_that_meal(
    alice: httpx.AsyncClient, simulator: Simulator, resources: Resources
) -> None:
    await prove_addresses(resources)
    body = wish(simulator)
    simulator.send("POST", "/control/trouble", {"kind": "accept-and-500", "count": 1, "operation": "booking"})

    unclear = await alice.post("/api/book", json=body)
    again = await alice.post("/api/book", json=wish(simulator, "19:30"))

    assert unclear.status_code == 502
    assert again.status_code == 409
    assert await scalar(resources, "SELECT count(*) FROM notification_log WHERE kind = 'booking_unknown'") == 2


async def test_what_was_not_sent_may_be_tried_again(
    alice: httpx.AsyncClient, simulator: Simulator, resources: Resources
) -> None:
    body = wish(simulator)
    await resources.redis.hset("budget:state", "pause_until", 2**52)

    not_sent = await alice.post("/api/book", json=body)
    await resources.redis.hset("budget:state", "pause_until", 0)
    again = await alice.post("/api/book", json=body)

    assert refusal(not_sent) == (503, None)
    assert again.status_code == 200


async def test_where_booking_is_off_nothing_is_sent(
    alice: httpx.AsyncClient, simulator: Simulator, resources: Resources
) -> None:
    body = wish(simulator)

    new_york = await alice.post("/api/book", json={**body, "merchant_id": PARK_AVENUE})
    await execute(resources, "UPDATE switches SET is_on = false WHERE name = 'booking'")
    switched_off = await alice.post("/api/book", json=body)

    assert refusal(new_york) == refusal(switched_off) == (403, None)
    assert simulator.bookings == []


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"merchant_id": 5}, "merchant_id"),
        ({"party_size": 0}, "party_size"),
        ({"reserved_ts": 1_500_000_000_000}, "reserved_ts"),
        ({"phone": "none"}, "phone"),
        ({"last_name": None}, "last_name"),
        ({"reserved_ts": "soon"}, "reserved_ts"),
    ],
)
async def test_a_booking_that_makes_no_sense_is_refused_with_the_field(
    alice: httpx.AsyncClient, simulator: Simulator, change: dict[str, Any], field: str
) -> None:
    assert refusal(await alice.post("/api/book", json=wish(simulator, **change))) == (400, field)
