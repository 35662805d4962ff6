"""`POST /v2/web/reservations` over HTTP, with the ways in which its outcome can stay unknown."""

from __future__ import annotations

from datetime import datetime

import httpx
import pytest

from tests.simulator.conftest import BOOKING, NEW_YORK, Clock, Guest, booking_body, instant

Error = type[Exception]


async def test_a_booking_takes_the_table(guest: Guest) -> None:
    await guest.open("19:00")

    response = await guest.book("2026-08-14T19:00")

    assert response.status_code == 200
    assert response.json()["party"]["reserved_ts"] == instant("2026-08-14T19:00")
    assert await guest.times() == []


async def test_the_second_guest_is_told_that_the_table_is_gone(guest: Guest) -> None:
    await guest.open("19:00")
    await guest.book("2026-08-14T19:00")

    response = await guest.book("2026-08-14T19:00", first_name="Bob")

    assert response.status_code == 409
    assert "no longer available" in response.json()["message"]


async def test_a_slot_closes_with_its_last_table(guest: Guest) -> None:
    await guest.open("19:00", tables=2)

    answers = [(await guest.book("2026-08-14T19:00")).status_code for _ in range(3)]

    assert answers == [200, 200, 409]


@pytest.mark.parametrize(
    "change",
    [
        {"reservation_type_id": 1862},
        {"party_size": 5},
        {"merchant_id": 278258},
        {"reserved_ts": instant("2026-08-15T19:00")},
    ],
)
async def test_only_the_slot_itself_can_be_booked(guest: Guest, change: dict[str, int]) -> None:
    await guest.open("19:00")

    response = await guest.book("2026-08-14T19:00", **change)

    assert response.status_code == 409
    assert await guest.times() == ["7:00 PM"]


async def test_a_time_too_near_cannot_be_booked(guest: Guest, clock: Clock) -> None:
    await guest.open("19:00")
    clock.set(datetime(2026, 8, 14, 18, 55, tzinfo=NEW_YORK))

    response = await guest.book("2026-08-14T19:00")

    assert response.status_code == 409


@pytest.mark.parametrize("field", sorted(booking_body("2026-08-14T19:00")))
async def test_a_missing_field_is_named(guest: Guest, field: str) -> None:
    body = booking_body("2026-08-14T19:00")
    del body[field]

    response = await guest.http.post(BOOKING, json=body)

    assert (response.status_code, response.json()) == (422, {"message": f"Missing: {field}."})


@pytest.mark.parametrize(
    "wrong",
    [
        {"phone": "212-555-0100"},
        {"phone": "55501"},
        {"email": "alice"},
        {"party_size": "2"},
        {"name": 7},
        {"marketing_opt_in": "no"},
        {"reserved_ts": 10**15},
    ],
)
async def test_a_field_that_makes_no_sense_is_refused(guest: Guest, wrong: dict[str, object]) -> None:
    await guest.open("19:00")

    response = await guest.book("2026-08-14T19:00", **wrong)

    assert response.status_code == 422
    assert await guest.times() == ["7:00 PM"]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'"text"'])
async def test_a_body_that_is_no_object_is_a_bad_request(guest: Guest, content: bytes) -> None:
    response = await guest.http.post(BOOKING, content=content)

    assert response.status_code == 400


async def test_an_unknown_restaurant_takes_no_bookings(guest: Guest) -> None:
    response = await guest.book(merchant_id=1)

    assert (response.status_code, response.json()) == (404, {"message": "Merchant not found."})


async def test_every_booking_and_every_refusal_is_kept_with_its_whole_body(guest: Guest) -> None:
    await guest.open("19:00")
    body = booking_body("2026-08-14T19:00")
    await guest.http.post(BOOKING, json=body)
    await guest.http.post(BOOKING, json=body)

    kept = (await guest.http.get("/control/bookings")).json()

    assert [(one["local"], one["at"], one["body"]) for one in kept["bookings"]] == [
        ("2026-08-14T19:00", "2026-08-13T16:00:00.000Z", body)
    ]
    assert [(one["status"], one["body"]) for one in kept["refusals"]] == [(409, body)]


@pytest.mark.parametrize(
    ("kind", "error"),
    [("accept-and-drop", httpx.RemoteProtocolError), ("accept-and-hang", httpx.ReadTimeout)],
)
async def test_a_table_is_booked_though_no_answer_comes(guest: Guest, kind: str, error: Error) -> None:
    await guest.open("19:00")
    await guest.order("trouble", kind=kind, count=1)

    with pytest.raises(error):
        await guest.http.post(BOOKING, json=booking_body("2026-08-14T19:00"), timeout=0.2)

    assert len((await guest.http.get("/control/bookings")).json()["bookings"]) == 1
    assert await guest.times() == []


@pytest.mark.parametrize(("kind", "status"), [("accept-and-500", 500), ("no-party", 200)])
async def test_a_table_is_booked_though_the_answer_does_not_say(guest: Guest, kind: str, status: int) -> None:
    await guest.open("19:00")
    await guest.order("trouble", kind=kind, count=1)

    response = await guest.book("2026-08-14T19:00")

    assert response.status_code == status
    assert "party" not in response.json()
    assert len((await guest.http.get("/control/bookings")).json()["bookings"]) == 1


@pytest.mark.parametrize(("status", "key"), [(409, "message"), (422, "error")])
async def test_a_booking_can_be_refused_in_either_words(guest: Guest, status: int, key: str) -> None:
    await guest.open("19:00")
    await guest.order("trouble", kind="refuse", count=1, status=status, message_key=key, message="Not today.")

    response = await guest.book("2026-08-14T19:00")

    assert (response.status_code, response.json()) == (status, {key: "Not today."})
    assert await guest.times() == ["7:00 PM"]


async def test_a_booking_can_be_refused_for_want_of_a_card(guest: Guest) -> None:
    await guest.open("19:00")
    await guest.order("trouble", kind="card-required", count=1)

    response = await guest.book("2026-08-14T19:00")

    assert response.status_code == 422
    assert "credit card" in response.json()["message"]
    assert (await guest.http.get("/control/bookings")).json()["bookings"] == []


async def test_a_closed_slot_is_refused_even_when_acceptances_are_to_be_lost(guest: Guest) -> None:
    await guest.order("trouble", kind="accept-and-500")

    response = await guest.book("2026-08-14T19:00")

    assert response.status_code == 409
