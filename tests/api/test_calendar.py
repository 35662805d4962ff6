"""A calendar to subscribe to, at an address that only its owner knows."""

from typing import Any
from urllib.parse import urlsplit

import httpx
from icalendar import Calendar

from tests.api.conftest import execute
from tests.api.test_own_data import STORY
from tests.api.test_watches import make
from workers.resources import Resources


async def feed_of(person: httpx.AsyncClient) -> str:
    return urlsplit((await person.post("/api/calendar")).json()["url"]).path


async def events(client: httpx.AsyncClient, path: str) -> dict[str, Any]:
    answer = await client.get(path)
    assert answer.headers["content-type"].startswith("text/calendar")
    return {str(event["summary"]): event for event in Calendar.from_ical(answer.content).walk("VEVENT")}


async def test_bookings_are_fixed_and_watches_keep_nobodys_time(
    client: httpx.AsyncClient, alice: httpx.AsyncClient, resources: Resources
) -> None:
    await make(alice)
    await execute(resources, STORY)
    await execute(resources, "UPDATE bookings SET attempted_at = now()")

    found = await events(client, await feed_of(alice))

    booked = found["Houston's - Peachtree, party of 2"]
    watched = found["Watching Houston's - Peachtree, party of 2"]
    assert (booked["status"], watched["status"], watched["transp"]) == ("CONFIRMED", "TENTATIVE", "TRANSPARENT")
    assert (booked.start.hour, booked.start.minute) == (19, 15)
    assert str(booked.start.tzinfo) == "America/New_York"


async def test_a_cancelled_booking_stays_as_cancelled(
    client: httpx.AsyncClient, alice: httpx.AsyncClient, resources: Resources
) -> None:
    await make(alice)
    await execute(resources, STORY)
    await execute(resources, "UPDATE bookings SET attempted_at = now(), state = 'cancelled', cancelled_at = now()")

    found = await events(client, await feed_of(alice))

    assert found["Houston's - Peachtree, party of 2"]["status"] == "CANCELLED"


async def test_a_new_address_ends_the_old_one_and_a_revoked_one_leads_nowhere(
    client: httpx.AsyncClient, alice: httpx.AsyncClient
) -> None:
    first = await feed_of(alice)
    second = await feed_of(alice)
    statuses = [(await client.get(path)).status_code for path in (first, second)]

    await alice.delete("/api/calendar")

    assert statuses == [404, 200]
    assert (await client.get(second)).status_code == 404
    assert (await client.get("/api/calendar/guess.ics")).status_code == 404


async def test_nothing_of_anybody_else_is_in_it(
    client: httpx.AsyncClient, alice: httpx.AsyncClient, charlie: httpx.AsyncClient, resources: Resources
) -> None:
    await make(alice)
    await execute(resources, STORY)

    assert await events(client, await feed_of(charlie)) == {}


async def test_a_calendar_that_did_not_change_is_not_sent_again(
    client: httpx.AsyncClient, alice: httpx.AsyncClient
) -> None:
    await make(alice)
    path = await feed_of(alice)
    first = await client.get(path)

    again = await client.get(path, headers={"If-None-Match": first.headers["etag"]})

    assert (again.status_code, again.content) == (304, b"")
    assert "private" in first.headers["cache-control"]
