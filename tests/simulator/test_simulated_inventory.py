"""`GET /v2/web/reservations/inventory` over HTTP."""

from __future__ import annotations

from datetime import datetime

import pytest

from tests.simulator.conftest import INVENTORY, NEW_YORK, PARK_AVENUE, Clock, Guest, instant


async def test_an_answer_has_the_shape_that_wisely_gives_it(guest: Guest) -> None:
    await guest.open("16:45", min_party_size=1, max_party_size=2)

    response = await guest.search()

    assert response.headers["content-type"] == "application/json"
    assert response.json() == {
        "types": [
            {
                "reservation_type_id": 1695,
                "reservation_type_name": "Dinner",
                "times": [
                    {
                        "reserved_ts": instant("2026-08-14T16:45"),
                        "display_time": "4:45 PM",
                        "is_available": 1,
                        "min_party_size": 1,
                        "max_party_size": 2,
                    }
                ],
            },
            {"reservation_type_id": 1862, "reservation_type_name": "Lunch", "times": []},
        ]
    }


async def test_the_nearest_times_come_back_in_ascending_order(guest: Guest) -> None:
    await guest.open("17:00", "18:30", "19:15", "20:00", "21:30")

    found = await guest.times("2026-08-14T19:00", limit=3)

    assert found == ["6:30 PM", "7:15 PM", "8:00 PM"]


async def test_one_search_covers_a_whole_day(guest: Guest) -> None:
    lunch = [f"{minute // 60}:{minute % 60:02d}" for minute in range(690, 976, 15)]
    dinner = [f"{minute // 60}:{minute % 60:02d}" for minute in range(990, 1306, 15)]
    await guest.open(*lunch, *dinner)

    found = await guest.times("2026-08-14T16:30", limit=50)

    assert len(found) == 42


async def test_other_days_never_pad_the_list(guest: Guest) -> None:
    await guest.open("19:00", day="2026-08-14")
    await guest.open("19:00", day="2026-08-15")

    found = (await guest.search("2026-08-14T23:30")).json()["types"][0]["times"]

    assert [slot["reserved_ts"] for slot in found] == [instant("2026-08-14T19:00")]


async def test_what_is_open_differs_by_party_size(guest: Guest) -> None:
    await guest.open("18:00", party_sizes=[2])
    await guest.open("19:00", party_sizes=[2, 4])

    assert await guest.times(party_size=2) == ["6:00 PM", "7:00 PM"]
    assert await guest.times(party_size=3) == []
    assert await guest.times(party_size=4) == ["7:00 PM"]


async def test_a_search_in_the_past_works(guest: Guest, clock: Clock) -> None:
    clock.set(datetime(2026, 8, 14, 15, 0, tzinfo=NEW_YORK))
    await guest.open("12:00", "19:00")

    assert await guest.times("2026-08-14T08:00", limit=1) == ["7:00 PM"]


async def test_one_type_can_be_asked_for(guest: Guest) -> None:
    await guest.open("12:00", "19:00")

    response = await guest.search(reservation_type_id=1862)

    assert [block["reservation_type_name"] for block in response.json()["types"]] == ["Lunch"]
    assert await guest.times(reservation_type_id=1862) == ["12:00 PM"]


async def test_a_large_limit_is_cut_down_to_the_maximum(guest: Guest) -> None:
    await guest.open("18:00", "18:30", "19:00")
    await guest.order("manners", maximum_limit=2)

    assert await guest.times("2026-08-14T19:00") == ["6:30 PM", "7:00 PM"]


async def test_a_limit_can_count_within_each_type(guest: Guest) -> None:
    await guest.open("12:00", "12:30", "19:00", "19:30")

    over_all = await guest.times("2026-08-14T19:00", limit=1)
    await guest.order("manners", limit_counts="per-type")
    per_type = await guest.times("2026-08-14T19:00", limit=1)

    assert over_all == ["7:00 PM"]
    assert per_type == ["12:30 PM", "7:00 PM"]


async def test_empty_types_can_be_left_out(guest: Guest) -> None:
    await guest.open("12:00")
    await guest.order("manners", list_empty_types=False)

    response = await guest.search()

    assert [block["reservation_type_name"] for block in response.json()["types"]] == ["Lunch"]


async def test_availability_can_be_written_as_a_boolean(guest: Guest) -> None:
    await guest.open("19:00")
    await guest.order("manners", available_as="bool")

    response = await guest.search()

    assert response.json()["types"][0]["times"][0]["is_available"] is True


async def test_a_type_of_its_own_is_listed_with_its_name(guest: Guest) -> None:
    await guest.open("19:00", reservation_type_id=77, reservation_type_name="Patio")

    blocks = (await guest.search()).json()["types"]

    assert [block["reservation_type_name"] for block in blocks] == ["Dinner", "Lunch", "Patio"]


async def test_an_unknown_restaurant_is_not_found(guest: Guest) -> None:
    response = await guest.search(merchant_id=1)

    assert (response.status_code, response.json()) == (404, {"message": "Merchant not found."})


@pytest.mark.parametrize(
    "wrong",
    [
        {"merchant_id": "x"},
        {"party_size": "two"},
        {"party_size": 0},
        {"search_ts": -1},
        {"search_ts": 10**15},
        {"limit": 0},
        {"reservation_type_id": "Dinner"},
    ],
)
async def test_a_query_that_makes_no_sense_is_a_bad_request(guest: Guest, wrong: dict[str, object]) -> None:
    response = await guest.search(**wrong)

    assert response.status_code == 400
    assert response.json()["message"]


async def test_a_query_without_a_time_is_a_bad_request(guest: Guest) -> None:
    response = await guest.http.get(INVENTORY, params={"merchant_id": PARK_AVENUE, "party_size": 2})

    assert response.status_code == 400
