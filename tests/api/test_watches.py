"""A person's own watches."""

import json
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
from sqlalchemy import text

from backend.services import watches
from backend.services.errors import AppError
from tests.api.conftest import execute, refusal, scalar
from tests.conftest import serving
from workers.resources import Resources

PEACHTREE, PASADENA, PARK_AVENUE = "peachtree", "houston_s_pasadena", "hillstone_park_avenue"
BOOKING = {"auto_book": True, "book_first_name": "Alice", "book_last_name": "Adams", "book_phone": "(404) 555-0123"}


def in_days(days: int) -> str:
    """A day from now on, at Peachtree."""
    return (datetime.now(ZoneInfo("America/New_York")).date() + timedelta(days=days)).isoformat()


def wish(**fields: Any) -> dict[str, Any]:
    return {"location_key": PEACHTREE, "target_date": in_days(2), **fields}


async def make(http: httpx.AsyncClient, **fields: Any) -> int:
    answer = await http.post("/api/watches", json=wish(**fields))
    assert answer.status_code == 200, answer.text
    watch_id: int = answer.json()["watch_id"]
    return watch_id


async def listed(http: httpx.AsyncClient, status: str = "active,paused") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await http.get("/api/watches", params={"status": status})).json()["watches"]
    return found


async def test_all_restaurants_are_listed_with_what_the_page_needs(client: httpx.AsyncClient) -> None:
    rows = (await client.get("/api/locations")).json()["locations"]

    assert len(rows) == 30
    assert rows == sorted(rows, key=lambda row: str(row["name"]))
    assert {"key", "name", "city", "state", "brand", "lat", "lon", "merchant_id", "timezone"} <= rows[0].keys()
    assert {row["key"] for row in rows if not row["auto_book_allowed"]} == {PARK_AVENUE, "east_hampton_grill"}


async def test_a_watch_is_listed_as_it_was_left(alice: httpx.AsyncClient) -> None:
    answer = await alice.post("/api/watches", json=wish(party_size=4, time_start="17:30", time_end="21:15", **BOOKING))

    assert answer.json()["success"] is True
    [watch] = await listed(alice)
    assert watch.items() >= {"id": answer.json()["watch_id"], "location_key": PEACHTREE, "party_size": 4}.items()
    assert (watch["target_date"], watch["time_start"], watch["time_end"]) == (in_days(2), "17:30", "21:15")
    assert (watch["auto_book"], watch["book_phone"], watch["book_email"]) == (True, "+14045550123", "alice@guests.test")
    assert (watch["status"], watch["notified_at"], watch["booked_at"], watch["last_scanned"]) == ("active", *[None] * 3)
    assert datetime.fromisoformat(watch["created_at"]).utcoffset() == timedelta(0)


async def test_a_watch_of_a_restaurant_and_a_day_is_dinner_for_two(alice: httpx.AsyncClient) -> None:
    await make(alice)

    [watch] = await listed(alice)
    assert (watch["party_size"], watch["time_start"], watch["time_end"]) == (2, "18:00", "20:00")
    assert watch["auto_book"] is False


async def test_booking_details_come_from_the_profile_when_missing(
    alice: httpx.AsyncClient, resources: Resources
) -> None:
    await execute(resources, "UPDATE users SET first_name = 'Al', last_name = 'Ad', phone = '4045550199'")

    await make(alice, auto_book=True, book_first_name="Alice")

    [watch] = await listed(alice)
    names = (watch["book_first_name"], watch["book_last_name"], watch["book_phone"])
    assert names == ("Alice", "Ad", "+14045550199")


async def test_the_same_watch_twice_is_the_same_watch(alice: httpx.AsyncClient) -> None:
    first = await make(alice)

    assert await make(alice) == first
    assert await make(alice, time_end="20:15") != first
    assert len(await listed(alice)) == 2


async def test_watches_are_listed_by_day(alice: httpx.AsyncClient) -> None:
    late, early = await make(alice, target_date=in_days(5)), await make(alice, target_date=in_days(3))

    assert [watch["id"] for watch in await listed(alice)] == [early, late]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"location_key": ""}, "location_key"),
        ({"location_key": "nowhere"}, "location_key"),
        ({"location_key": "\0"}, "location_key"),
        ({"target_date": None}, "target_date"),
        ({"target_date": "tomorrow"}, "target_date"),
        ({"target_date": "2027-02-29"}, "target_date"),
        ({"target_date": in_days(-1)}, "target_date"),
        ({"target_date": in_days(91)}, "target_date"),
        ({"target_date": "0001-01-01"}, "target_date"),
        ({"target_date": "9999-12-31"}, "target_date"),
        ({"party_size": 0}, "party_size"),
        ({"party_size": 21}, "party_size"),
        ({"party_size": -2}, "party_size"),
        ({"party_size": 10**30}, "party_size"),
        ({"party_size": "two"}, "party_size"),
        ({"party_size": None}, "party_size"),
        ({"time_start": "20:30"}, "time_end"),
        ({"time_start": "24:00"}, "time_start"),
        ({"time_start": "6 PM"}, "time_start"),
        ({"time_end": "19:60"}, "time_end"),
        ({"time_end": ""}, "time_end"),
        ({"auto_book": "yes"}, "auto_book"),
        ({**BOOKING, "book_phone": None}, "book_phone"),
        ({**BOOKING, "book_phone": "555-0123"}, "book_phone"),
        ({**BOOKING, "book_last_name": ""}, "book_last_name"),
        ({**BOOKING, "location_key": PARK_AVENUE}, "auto_book"),
        ({"slot_preference": "cheapest"}, "slot_preference"),
        ({"slot_preference": "nearest"}, "preferred_time"),
        ({"slot_preference": "nearest", "preferred_time": "noon"}, "preferred_time"),
        ({"min_notice_minutes": -1}, "min_notice_minutes"),
        ({"min_notice_minutes": 10081}, "min_notice_minutes"),
    ],
)
async def test_a_watch_that_makes_no_sense_is_400_and_nothing_is_written(
    alice: httpx.AsyncClient, resources: Resources, fields: dict[str, Any], field: str
) -> None:
    answer = await alice.post("/api/watches", json=wish(**fields))

    assert refusal(answer) == (400, field)
    assert await scalar(resources, "SELECT (SELECT count(*) FROM watches) + (SELECT count(*) FROM scan_groups)") == 0


@pytest.mark.parametrize(
    "fields",
    [{"target_date": in_days(90)}, {"party_size": 1}, {"party_size": 20}, {"min_notice_minutes": 10080}],
)
async def test_the_bounds_themselves_are_allowed(alice: httpx.AsyncClient, fields: dict[str, Any]) -> None:
    assert await make(alice, **fields)


async def test_a_restaurant_in_new_york_can_be_watched_without_booking(alice: httpx.AsyncClient) -> None:
    assert await make(alice, location_key=PARK_AVENUE)


@pytest.mark.parametrize(
    ("location_key", "day", "field"),
    [
        (PASADENA, date(2027, 1, 1), None),
        (PEACHTREE, date(2027, 1, 1), "target_date"),
        (PEACHTREE, date(2027, 1, 2), None),
        (PASADENA, date(2027, 4, 1), None),
        (PASADENA, date(2027, 4, 2), "target_date"),
        (PEACHTREE, date(2027, 4, 2), None),
    ],
)
async def test_days_are_counted_by_the_restaurants_own_clock(
    alice: httpx.AsyncClient, resources: Resources, location_key: str, day: date, field: str | None
) -> None:
    # 1:30 at night on January 2 in Atlanta, still 10:30 in the evening of January 1 in Pasadena.
    now = datetime(2027, 1, 2, 6, 30, tzinfo=UTC)

    assert await field_refused(resources, location_key, day, time(23), now=now) == field


async def test_a_window_that_has_passed_at_the_restaurant_is_refused(
    alice: httpx.AsyncClient, resources: Resources
) -> None:
    now = datetime(2027, 1, 2, 1, 30, tzinfo=UTC)

    assert await field_refused(resources, PEACHTREE, date(2027, 1, 1), time(20), now=now) == "time_end"
    assert await field_refused(resources, PASADENA, date(2027, 1, 1), time(20), now=now) is None


async def field_refused(
    resources: Resources, location_key: str, day: date, time_end: time, *, now: datetime
) -> str | None:
    """The field for which a watch of the only user is refused; None when it is made."""
    async with resources.sessions() as session:
        user = (await session.execute(text("SELECT * FROM users"))).one()
    new = watches.NewWatch(location_key, day, 2, time(18), time_end, False, None, None, None, None)
    try:
        await watches.make_watch(resources.sessions, user, new, max_active=25, auto_book="on", now=now)
    except AppError as refused:
        return refused.field
    return None


async def test_nobody_sees_or_ends_anybody_elses_watches(alice: httpx.AsyncClient, charlie: httpx.AsyncClient) -> None:
    watch_id = await make(alice)

    assert await listed(charlie, "active,paused,booked,cancelled,expired") == []
    theirs = await charlie.delete(f"/api/watches/{watch_id}")
    unknown = await charlie.delete(f"/api/watches/{watch_id + 1}")

    assert refusal(theirs) == refusal(unknown) == (404, None)
    assert theirs.json() == unknown.json()
    assert [watch["status"] for watch in await listed(alice)] == ["active"]


async def test_the_same_watch_of_two_people_is_two_watches_in_one_group(
    alice: httpx.AsyncClient, charlie: httpx.AsyncClient, resources: Resources
) -> None:
    assert await make(alice) != await make(charlie)

    assert await scalar(resources, "SELECT count(*) FROM scan_groups") == 1


async def test_a_cancelled_watch_is_listed_only_when_asked_for(alice: httpx.AsyncClient) -> None:
    watch_id = await make(alice)

    answer = await alice.delete(f"/api/watches/{watch_id}")

    assert answer.json() == {"success": True}
    assert await listed(alice) == []
    assert [(watch["id"], watch["status"]) for watch in await listed(alice, "cancelled")] == [(watch_id, "cancelled")]


async def test_a_cancelled_watch_can_be_left_anew(alice: httpx.AsyncClient) -> None:
    first = await make(alice)
    await alice.delete(f"/api/watches/{first}")

    second = await make(alice)

    assert second != first
    assert (await alice.delete(f"/api/watches/{first}")).json() == {"success": True}
    assert [watch["id"] for watch in await listed(alice)] == [second]


@pytest.mark.parametrize("watch_id", [0, -1, 10**30])
async def test_a_number_that_no_watch_has_is_404(alice: httpx.AsyncClient, watch_id: int) -> None:
    assert refusal(await alice.delete(f"/api/watches/{watch_id}")) == (404, None)


@pytest.mark.parametrize("status", ["", "activ", "active,", "\0"])
async def test_an_unknown_status_is_400(alice: httpx.AsyncClient, status: str) -> None:
    assert refusal(await alice.get("/api/watches", params={"status": status})) == (400, "status")


async def test_a_person_has_so_many_active_watches_and_no_more(
    alice: httpx.AsyncClient, charlie: httpx.AsyncClient, resources: Resources
) -> None:
    most = resources.settings.max_active_watches
    first, *_ = [await make(alice, time_start=f"18:{minute:02}") for minute in range(most)]

    answer = await alice.post("/api/watches", json=wish(party_size=7))

    assert refusal(answer) == (400, None)
    assert str(most) in answer.json()["error"]
    assert await make(alice, time_start="18:00") == first
    assert await make(charlie)
    await alice.delete(f"/api/watches/{first}")
    assert await make(alice, party_size=7)


async def test_a_new_watch_makes_its_group_due_and_wakes_the_scanner(
    alice: httpx.AsyncClient, resources: Resources
) -> None:
    await make(alice)
    await execute(resources, "UPDATE scan_groups SET next_scan_at = now() + interval '1 hour'")
    await resources.redis.flushall()

    await make(alice, time_end="21:00")

    assert await scalar(resources, "SELECT next_scan_at <= now() FROM scan_groups")
    [message_id] = await resources.redis.lrange("dramatiq:scan", 0, -1)
    message = json.loads(await resources.redis.hget("dramatiq:scan.msgs", message_id))
    assert (message["actor_name"], message["args"]) == ("scan_due_groups", [])


@pytest.mark.parametrize(("days", "tier"), [(0, "urgent"), (3, "normal")])
async def test_a_group_is_urgent_when_its_window_is_near(
    alice: httpx.AsyncClient, resources: Resources, days: int, tier: str
) -> None:
    await make(alice, target_date=in_days(days), time_start="00:00", time_end="23:59")

    assert await scalar(resources, "SELECT tier FROM scan_groups") == tier


async def test_a_watch_is_kept_when_the_queue_is_away(alice: httpx.AsyncClient, resources: Resources) -> None:
    away = resources.settings.model_copy(update={"redis_url": "redis://127.0.0.1:1"})

    with serving(away) as url:
        answer = await alice.post(f"{url}/api/watches", json=wish())

    assert answer.status_code == 200
    assert len(await listed(alice)) == 1


async def test_asking_again_with_booking_turns_booking_on(client: httpx.AsyncClient) -> None:
    token = (
        await client.post(
            "/api/auth/signup", json={"name": "Dora", "email": "dora@guests.test", "password": "correct horse"}
        )
    ).json()["token"]
    headers = {"Authorization": f"Bearer {token}"}
    wish = {"location_key": "peachtree", "target_date": (datetime.now(UTC) + timedelta(days=3)).date().isoformat()}
    details = {"book_first_name": "Dora", "book_last_name": "Guest", "book_phone": "4045550123"}
    first = await client.post("/api/watches", json=wish, headers=headers)

    second = await client.post("/api/watches", json={**wish, **details, "auto_book": True}, headers=headers)

    (watch,) = (await client.get("/api/watches", headers=headers)).json()["watches"]
    assert first.json()["watch_id"] == second.json()["watch_id"]
    assert (watch["auto_book"], watch["book_phone"]) == (True, "+14045550123")
