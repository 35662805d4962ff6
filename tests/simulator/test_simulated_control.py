"""The control routes over HTTP: slots, manners, statistics, reset."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from tests.simulator.conftest import NEW_YORK, PARK_AVENUE, Clock, Guest, instant

Order = dict[str, object]


async def test_an_opened_slot_is_described_and_listed(guest: Guest) -> None:
    opened = await guest.open("19:00", party_sizes=[4, 2], tables=3)

    listed = (await guest.http.get("/control/slots")).json()

    assert listed == {"slots": opened["opened"]}
    assert listed["slots"] == [
        {
            "merchant_id": PARK_AVENUE,
            "reserved_ts": instant("2026-08-14T19:00"),
            "local": "2026-08-14T19:00",
            "display_time": "7:00 PM",
            "reservation_type_id": 1695,
            "reservation_type_name": "Dinner",
            "party_sizes": [2, 4],
            "min_party_size": 2,
            "max_party_size": 4,
            "tables": 3,
            "origin": "control",
        }
    ]


async def test_slots_can_be_opened_by_instant_off_the_grid_and_off_hours(guest: Guest) -> None:
    await guest.order("slots/open", merchant_id=PARK_AVENUE, reserved_ts=[instant("2026-08-14T23:07")])

    assert await guest.times() == ["11:07 PM"]


async def test_the_listing_can_be_narrowed(guest: Guest) -> None:
    await guest.open("19:00", day="2026-08-14")
    await guest.open("19:00", day="2026-08-15")
    await guest.open("19:00", merchant_id=278258)

    query = {"merchant_id": PARK_AVENUE, "date": "2026-08-15"}
    listed = (await guest.http.get("/control/slots", params=query)).json()["slots"]

    assert [(slot["merchant_id"], slot["local"]) for slot in listed] == [(PARK_AVENUE, "2026-08-15T19:00")]


@pytest.mark.parametrize(
    ("choice", "left"),
    [
        ({"times": ["19:00"]}, ["12:00 PM", "8:00 PM"]),
        ({"reserved_ts": instant("2026-08-14T20:00")}, ["12:00 PM", "7:00 PM"]),
        ({"reservation_type_id": 1862}, ["7:00 PM", "8:00 PM"]),
        ({"party_size": 5}, ["12:00 PM", "7:00 PM", "8:00 PM"]),
        ({"date": "2026-08-14"}, []),
        ({}, []),
    ],
)
async def test_slots_are_closed_by_any_choice(guest: Guest, choice: Order, left: list[str]) -> None:
    await guest.open("12:00", "19:00", "20:00")

    await guest.order("slots/close", merchant_id=PARK_AVENUE, **choice)

    assert await guest.times() == left


async def test_opening_again_sets_the_number_of_tables(guest: Guest) -> None:
    await guest.open("19:00", tables=5)
    await guest.open("19:00", tables=1)

    listed = (await guest.http.get("/control/slots")).json()["slots"]

    assert [slot["tables"] for slot in listed] == [1]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"merchant_id": 1}, "There is no restaurant with the merchant id 1."),
        ({"date": "tomorrow"}, "tomorrow is not a date like 2026-08-14."),
        ({"times": ["7pm"]}, "7pm is not a time like 18:30."),
        ({"times": []}, "Give either a date with times, or reserved_ts."),
        ({"date": "2027-03-14", "times": ["02:30"]}, "does not exist in America/New_York"),
        ({"party_sizes": []}, "Party sizes must lie between 1 and 20"),
        ({"min_party_size": 4, "max_party_size": 2}, "Party sizes must lie between 1 and 20"),
        ({"party_sizes": [2], "max_party_size": 2}, "Give either party_sizes"),
        ({"reservation_type_name": "Brunch"}, "has no reservation type Brunch"),
        ({"tables": 0}, "tables must be at least 1."),
        ({"tables": "one"}, "Expected `int`, got `str`"),
    ],
)
async def test_an_order_that_makes_no_sense_is_refused_with_a_sentence(
    guest: Guest, change: dict[str, object], sentence: str
) -> None:
    order = {"merchant_id": PARK_AVENUE, "date": "2026-08-14", "times": ["19:00"]} | change

    response = await guest.http.post("/control/slots/open", json=order)

    assert response.status_code == 400
    assert sentence in response.json()["error"]
    assert (await guest.http.get("/control/slots")).json() == {"slots": []}


@pytest.mark.parametrize("path", ["slots/open", "slots/close", "trouble", "latency", "manners", "turnover"])
@pytest.mark.parametrize("content", [b"{", b"[]", b"7", b"\xff"])
async def test_a_body_that_is_no_object_is_refused(guest: Guest, path: str, content: bytes) -> None:
    response = await guest.http.post(f"/control/{path}", content=content)

    assert response.status_code == 400
    assert response.json()["error"]


async def test_manners_that_are_not_named_stay_as_they_are(guest: Guest) -> None:
    await guest.order("manners", maximum_limit=7)
    await guest.order("manners", available_as="bool")

    manners = (await guest.http.get("/control/manners")).json()

    assert (manners["maximum_limit"], manners["available_as"]) == (7, "bool")


async def test_restaurants_are_listed_with_their_types(guest: Guest) -> None:
    listed = (await guest.http.get("/control/restaurants")).json()["restaurants"]

    assert len(listed) == 30
    assert [one["reservation_type_id"] for one in listed[0]["reservation_types"]] == [1681, 91681]


async def test_statistics_count_requests_to_wisely_only(guest: Guest) -> None:
    await guest.search()
    await guest.search(merchant_id=278258)
    await guest.book()

    report = (await guest.http.get("/control/statistics?timestamps=true")).json()

    assert report["requests_by_operation"] == {"inventory": 2, "booking": 1}
    assert report["requests_by_merchant"] == {"278278": 2, "278258": 1}
    assert report["answers"] == {"200": 2, "409": 1}
    assert (report["bookings"], report["refusals"]) == (0, 1)
    assert [one["operation"] for one in report["timestamps"]] == ["inventory", "inventory", "booking"]


async def test_statistics_know_how_many_requests_were_under_way_at_once(guest: Guest) -> None:
    await guest.order("latency", seconds=0.1)

    await asyncio.gather(*(guest.search() for _ in range(6)))

    report = (await guest.http.get("/control/statistics")).json()
    assert (report["most_at_once"], report["now_at_once"]) == (6, 0)


async def test_statistics_can_be_reset_by_themselves(guest: Guest) -> None:
    await guest.open("19:00")
    await guest.search()

    report = (await guest.http.delete("/control/statistics")).json()

    assert report["requests"] == 0
    assert await guest.times() == ["7:00 PM"]


async def test_a_reset_leaves_nothing_behind(guest: Guest) -> None:
    await guest.open("19:00", "20:00")
    await guest.book("2026-08-14T19:00")
    await guest.order("trouble", kind="500")
    await guest.order("manners", list_empty_types=False)
    await guest.order("latency", seconds=9)
    await guest.order("turnover", on=True)

    await guest.http.post("/control/reset")

    assert (await guest.search()).json()["types"][0]["times"] == []
    assert (await guest.http.get("/control/slots")).json() == {"slots": []}
    assert (await guest.http.get("/control/bookings")).json() == {"bookings": [], "refusals": []}
    assert (await guest.http.get("/control/turnover")).json() == {"on": False}


async def test_turnover_opens_tables_and_takes_them_away_when_it_stops(guest: Guest) -> None:
    await guest.open("19:07")
    await guest.order("turnover", on=True, seed=7, merchant_ids=[PARK_AVENUE])

    during = (await guest.http.get("/control/slots")).json()["slots"]
    await guest.order("turnover", on=False)
    after = (await guest.http.get("/control/slots")).json()["slots"]

    assert {slot["merchant_id"] for slot in during} == {PARK_AVENUE}
    assert {slot["origin"] for slot in during} == {"control", "turnover"}
    assert [slot["local"] for slot in after] == ["2026-08-14T19:07"]


async def test_the_release_of_the_evening_shows_in_the_inventory(guest: Guest, clock: Clock) -> None:
    clock.set(datetime(2026, 8, 13, 16, 59, 59, tzinfo=NEW_YORK))
    await guest.order("turnover", on=True, seed=7, merchant_ids=[PARK_AVENUE])

    before = await tomorrow(guest)
    clock.seconds += 61
    within_a_minute = await tomorrow(guest)

    assert within_a_minute > before


@pytest.mark.parametrize("wrong", [{"speed": 0}, {"speed": 1e9}, {"days_ahead": 0}, {"merchant_ids": [1]}])
async def test_turnover_that_makes_no_sense_is_refused(guest: Guest, wrong: dict[str, object]) -> None:
    response = await guest.http.post("/control/turnover", json={"on": True} | wrong)

    assert response.status_code == 400
    assert response.json()["error"]


async def test_a_path_that_leads_nowhere_is_not_found(guest: Guest) -> None:
    response = await guest.http.get("/v2/web/nothing")

    assert response.status_code == 404


async def tomorrow(guest: Guest) -> set[tuple[int, int]]:
    """What is open on the next day, as (epoch ms, largest party)."""
    day = (datetime(2026, 8, 13, tzinfo=UTC) + timedelta(days=1)).date().isoformat()
    listed = (await guest.http.get("/control/slots", params={"date": day})).json()["slots"]
    return {(slot["reserved_ts"], slot["max_party_size"]) for slot in listed}
