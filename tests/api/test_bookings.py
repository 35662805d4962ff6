"""What guests say of their own bookings, and what they are told about automatic booking."""

from typing import Any

import httpx
import pytest

from backend.settings import Settings
from tests.api.conftest import execute, refusal, scalar
from tests.api.test_own_data import STORY
from tests.api.test_watches import BOOKING, PARK_AVENUE, listed, make, wish
from tests.conftest import serving
from workers.resources import Resources


async def unclear(http: httpx.AsyncClient, resources: Resources) -> int:
    """A booking of that person whose outcome is unknown."""
    await make(http, **BOOKING)
    await execute(resources, STORY)
    await execute(resources, "UPDATE bookings SET state = 'unknown', reason = 'no answer'")
    booking_id: int = await scalar(resources, "SELECT max(id) FROM bookings")
    return booking_id


async def only_booking(http: httpx.AsyncClient) -> dict[str, Any]:
    [booking] = (await http.get("/api/bookings")).json()["bookings"]
    found: dict[str, Any] = booking
    return found


async def test_a_guest_settles_an_unclear_booking_and_cancels_it_later(
    alice: httpx.AsyncClient, resources: Resources
) -> None:
    booking_id = await unclear(alice, resources)

    settled = await alice.post(f"/api/bookings/{booking_id}/settle", json={"outcome": "booked", "note": "Mail came"})
    booked = await only_booking(alice)
    cancelled = await alice.post(f"/api/bookings/{booking_id}/cancel")
    after = await only_booking(alice)

    assert (settled.status_code, cancelled.status_code) == (200, 200)
    assert (booked["state"], booked["settled_by"], booked["note"]) == ("booked", "guest", "Mail came")
    assert "the restaurant does not know" in cancelled.json()["message"]
    assert (after["state"], after["cancelled_at"] is not None) == ("cancelled", True)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "outcome"),
        ({"outcome": "perhaps"}, "outcome"),
        ({"outcome": "booked", "note": "x" * 501}, "note"),
        ({"outcome": "booked", "note": "\0"}, "note"),
    ],
)
async def test_a_settlement_that_says_nothing_clear_is_400(
    alice: httpx.AsyncClient, resources: Resources, body: dict[str, Any], field: str
) -> None:
    booking_id = await unclear(alice, resources)

    assert refusal(await alice.post(f"/api/bookings/{booking_id}/settle", json=body)) == (400, field)


async def test_to_others_a_booking_is_not_even_there(
    alice: httpx.AsyncClient, charlie: httpx.AsyncClient, resources: Resources
) -> None:
    booking_id = await unclear(alice, resources)
    body = {"outcome": "not_booked"}

    theirs = await charlie.post(f"/api/bookings/{booking_id}/settle", json=body)
    nobodys = await charlie.post("/api/bookings/999999/settle", json=body)
    cancelled = await charlie.post(f"/api/bookings/{booking_id}/cancel")

    assert refusal(theirs) == refusal(nobodys) == refusal(cancelled) == (404, None)
    assert theirs.json() == nobodys.json()
    assert (await only_booking(alice))["state"] == "unknown"


async def test_a_watch_says_whether_a_table_will_be_booked(alice: httpx.AsyncClient, resources: Resources) -> None:
    without = (await alice.post("/api/watches", json=wish(party_size=3))).json()
    made = (await alice.post("/api/watches", json=wish(**BOOKING))).json()
    await execute(resources, "UPDATE switches SET is_on = false WHERE name = 'booking'")
    switched_off = (await alice.patch(f"/api/watches/{made['watch_id']}", json={"time_end": "21:00"})).json()

    assert without["auto_book"] is None
    assert made["auto_book"]["will_book"] is True
    assert "Peachtree" in made["auto_book"]["sentence"]
    assert switched_off["auto_book"]["will_book"] is False


@pytest.mark.parametrize(("mode", "word"), [("dry-run", "dry run"), ("off", "book them yourself")])
async def test_where_nothing_is_booked_the_watch_is_taken_and_says_so(
    alice: httpx.AsyncClient, settings: Settings, mode: str, word: str
) -> None:
    with serving(settings.model_copy(update={"auto_book": mode})) as url:
        config = (await alice.get(f"{url}/api/config")).json()["auto_book"]
        made = (await alice.post(f"{url}/api/watches", json=wish(**BOOKING))).json()["auto_book"]

    assert (config["mode"], word in config["sentence"]) == (mode, True)
    assert (made["will_book"], word in made["sentence"]) == (False, True)
    assert [watch["auto_book"] for watch in await listed(alice)] == [True]


async def test_a_restaurant_says_why_it_is_not_booked(alice: httpx.AsyncClient) -> None:
    rows = {row["key"]: row for row in (await alice.get("/api/locations")).json()["locations"]}
    answer = await alice.post("/api/watches", json=wish(**BOOKING, location_key=PARK_AVENUE))

    why = rows[PARK_AVENUE]["auto_book_reason"]
    assert why == "New York State restricts booking by third parties"
    assert rows["peachtree"]["auto_book_reason"] is None
    assert refusal(answer) == (400, "auto_book")
    assert why in answer.json()["error"]


async def test_which_table_to_book_is_kept_changed_and_shown(alice: httpx.AsyncClient) -> None:
    wishes = {"slot_preference": "nearest", "preferred_time": "19:15", "min_notice_minutes": 90}
    watch_id = await make(alice, **BOOKING, **wishes)
    [left] = await listed(alice)

    late = await alice.patch(f"/api/watches/{watch_id}", json={"slot_preference": "latest", "preferred_time": None})
    nowhere = await alice.patch(f"/api/watches/{watch_id}", json={"slot_preference": "nearest"})
    [changed] = await listed(alice)

    assert left.items() >= {**wishes, "note": None}.items()
    assert (late.status_code, refusal(nowhere)) == (200, (400, "preferred_time"))
    assert (changed["slot_preference"], changed["preferred_time"]) == ("latest", None)
    assert changed["min_notice_minutes"] == 90


@pytest.mark.parametrize(
    ("change", "keeps"),
    [({"time_end": "21:00"}, True), ({"auto_book": False}, True), ({"party_size": 4}, False)],
)
async def test_a_changed_watch_keeps_its_place_in_line_unless_it_asks_for_something_else(
    alice: httpx.AsyncClient, resources: Resources, change: dict[str, Any], keeps: bool
) -> None:
    watch_id = await make(alice, **BOOKING)

    await alice.patch(f"/api/watches/{watch_id}", json=change)
    await make(alice, **BOOKING, **{key: value for key, value in change.items() if key != "auto_book"})

    assert (await scalar(resources, "SELECT moved_at IS NULL FROM watches")) is keeps


async def test_a_watch_that_was_paused_for_its_person_loses_the_note_when_it_is_resumed(
    alice: httpx.AsyncClient, resources: Resources
) -> None:
    watch_id = await make(alice)
    await execute(resources, "UPDATE watches SET status = 'paused', note = 'paused: you have a table at a restaurant'")
    [paused] = await listed(alice)

    await alice.post(f"/api/watches/{watch_id}/resume")

    [resumed] = await listed(alice)
    assert paused["note"] == "paused: you have a table at a restaurant"
    assert (resumed["status"], resumed["note"]) == ("active", None)
