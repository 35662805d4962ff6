"""The pages behind the links in mails: they say what a button does, and only the button does it."""

import re

import httpx
import pytest

from backend.db.queries import keys
from backend.services.signed_links import Purpose, sign
from tests.api.conftest import execute, prove_addresses, scalar
from tests.api.test_bookings import unclear
from tests.api.test_watch_changes import is_due, settled
from tests.api.test_watches import PEACHTREE, make
from workers.resources import Resources

FROM_WEBMAIL = {"Origin": "https://mail.elsewhere.test", "Sec-Fetch-Site": "cross-site"}


async def link(resources: Resources, purpose: Purpose, subject_id: int) -> str:
    """The address that a mail would have."""
    async with resources.sessions() as session:
        key = await keys.newest(session, "links")
    assert key is not None
    return f"/m/{purpose}/{sign(key, purpose, subject_id)}"


async def status_of(resources: Resources, watch_id: int) -> str:
    return str(await scalar(resources, "SELECT status FROM watches WHERE id = :id", id=watch_id))


def buttons(answer: httpx.Response) -> list[str]:
    return re.findall(r"<button>([^<]*)</button>", answer.text)


@pytest.fixture
async def watch_id(alice: httpx.AsyncClient, resources: Resources) -> int:
    """Alice's watch; her address is proven."""
    await prove_addresses(resources)
    return await make(alice, party_size=4, time_start="17:30", time_end="21:15")


async def test_a_link_to_pause_says_what_it_does_does_it_and_takes_it_back(
    client: httpx.AsyncClient, watch_id: int, resources: Resources
) -> None:
    path = await link(resources, "pause", watch_id)

    shown = await client.get(path)
    before = await status_of(resources, watch_id)
    paused = await client.post(path)
    then = await status_of(resources, watch_id)
    again = await client.get(path)
    await settled(resources)
    resumed = await client.post(path, data={"undo": "1"})

    assert "Peachtree" in shown.text
    assert "5:30 PM to 9:15 PM, party of 4." in shown.text
    assert (before, then, await status_of(resources, watch_id)) == ("active", "paused", "active")
    pages = (shown, paused, again, resumed)
    assert [buttons(page) for page in pages] == [
        ["Pause this watch"],
        ["Resume this watch"],
        ["Resume this watch"],
        [],
    ]
    assert {page.status_code for page in pages} == {200}
    assert await is_due(resources, PEACHTREE)


async def test_a_link_to_cancel_ends_the_watch_for_good(
    client: httpx.AsyncClient, watch_id: int, resources: Resources
) -> None:
    path = await link(resources, "cancel", watch_id)

    shown = await client.get(path)
    answers = [await client.post(path) for _ in range(2)]
    back = await client.post(path, data={"undo": "1"})
    over = await client.get(path)

    assert buttons(shown) == ["Cancel this watch"]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert back.status_code == 409
    assert buttons(over) == []
    assert "This watch was cancelled." in over.text
    assert await status_of(resources, watch_id) == "cancelled"


async def test_a_program_that_follows_every_link_changes_nothing(
    client: httpx.AsyncClient, watch_id: int, resources: Resources
) -> None:
    paths = [
        await link(resources, "pause", watch_id),
        await link(resources, "cancel", watch_id),
        await link(resources, "unsubscribe", 1),
    ]

    answers = [await client.request(method, path) for path in paths for method in ("GET", "HEAD", "OPTIONS")]

    assert {answer.status_code for answer in answers} <= {200, 204}
    assert await status_of(resources, watch_id) == "active"
    assert await scalar(resources, "SELECT muted_at FROM channels") is None


@pytest.mark.parametrize("headers", [{}, FROM_WEBMAIL])
async def test_a_mail_service_unsubscribes_with_one_click(
    client: httpx.AsyncClient, watch_id: int, resources: Resources, headers: dict[str, str]
) -> None:
    path = await link(resources, "unsubscribe", 1)

    as_form = await client.post(path, data={"List-Unsubscribe": "One-Click"}, headers=headers)
    in_parts = await client.post(path, files={"List-Unsubscribe": (None, "One-Click")}, headers=headers)

    assert (as_form.status_code, in_parts.status_code) == (200, 200)
    assert await scalar(resources, "SELECT muted_at IS NOT NULL FROM channels")


async def test_who_unsubscribed_may_come_back(client: httpx.AsyncClient, watch_id: int, resources: Resources) -> None:
    path = await link(resources, "unsubscribe", 1)

    shown = await client.get(path)
    muted = await client.post(path)
    back = await client.post(path, data={"undo": "1"})

    assert "alice@guests.test" in shown.text
    assert (buttons(muted), back.status_code) == (["Get them again"], 200)
    assert await scalar(resources, "SELECT muted_at FROM channels") is None


async def test_other_routes_stay_shut_to_other_sites(client: httpx.AsyncClient, resources: Resources) -> None:
    answer = await client.post("/api/feedback", json={"message": "Good."}, headers=FROM_WEBMAIL)

    assert answer.status_code == 403


async def test_a_link_that_was_forged_or_is_for_something_else_is_a_page_that_says_so(
    client: httpx.AsyncClient, watch_id: int, resources: Resources
) -> None:
    right = await link(resources, "pause", watch_id)
    forged = f"/m/pause/{sign(b'another key', 'pause', watch_id)}"
    swapped = right.replace("/m/pause/", "/m/cancel/")

    answers = [
        await client.request(method, path)
        for method in ("GET", "POST")
        for path in (forged, swapped, right[:-3], "/m/pause/%3Cscript%3E", "/m/pause/é")
    ]
    unknown = await client.get("/m/delete/everything")

    assert {answer.status_code for answer in answers} == {400}
    assert unknown.status_code == 404
    for answer in (*answers, unknown):
        assert answer.headers["content-type"].startswith("text/html")
        assert "<script" not in answer.text
        assert buttons(answer) == []
    assert await status_of(resources, watch_id) == "active"


async def test_a_link_whose_watch_or_person_is_gone_is_410(
    client: httpx.AsyncClient, watch_id: int, resources: Resources
) -> None:
    gone = await link(resources, "cancel", watch_id + 1)
    disabled = await link(resources, "unsubscribe", 1)
    await execute(resources, "UPDATE users SET disabled_at = now()")

    answers = [await client.get(gone), await client.post(gone), await client.get(disabled), await client.post(disabled)]

    assert {answer.status_code for answer in answers} == {410}
    assert "not there any more" in answers[0].text


async def test_a_link_is_signed_by_any_of_the_keys(
    client: httpx.AsyncClient, watch_id: int, resources: Resources
) -> None:
    path = await link(resources, "pause", watch_id)
    await execute(resources, "INSERT INTO keys (name, value) VALUES ('links', 'a newer key')")

    answer = await client.get(path)
    newer = await client.get(await link(resources, "pause", watch_id))
    await execute(resources, "DELETE FROM keys WHERE value = 'a newer key'")

    assert (answer.status_code, newer.status_code) == (200, 200)


async def test_a_page_is_safe_kept_by_nobody_and_looks_like_the_others(
    client: httpx.AsyncClient, watch_id: int, resources: Resources
) -> None:
    await execute(resources, "UPDATE locations SET name = '<b>Peach & tree</b>' WHERE key = 'peachtree'")

    page = await client.get(await link(resources, "pause", watch_id))
    await execute(resources, "UPDATE locations SET name = 'Houston''s - Peachtree' WHERE key = 'peachtree'")
    [style] = re.findall(r'<link rel="stylesheet" href="([^"]+)">', page.text)

    assert "&lt;b&gt;Peach &amp; tree&lt;/b&gt;" in page.text
    assert not re.search(r"<script|<style| style=|\son\w+=", page.text)
    assert page.headers["cache-control"] == "private, no-store"
    assert "form-action 'self'" in page.headers["content-security-policy"]
    assert (await client.get(style)).headers["content-type"].startswith("text/css")


async def test_links_are_not_tried_without_end(client: httpx.AsyncClient, resources: Resources) -> None:
    await resources.redis.flushall()

    codes = [(await client.head("/m/pause/nonsense")).status_code for _ in range(301)]

    assert codes == [400] * 300 + [429]


@pytest.mark.parametrize(("outcome", "state"), [("booked", "booked"), ("not_booked", "refused")])
async def test_a_guest_says_by_a_link_what_became_of_a_booking(
    client: httpx.AsyncClient, alice: httpx.AsyncClient, resources: Resources, outcome: str, state: str
) -> None:
    booking_id = await unclear(alice, resources)
    path = await link(resources, "settle", booking_id)

    shown = await client.get(path)
    nothing_chosen = await client.post(path)
    before = await scalar(resources, "SELECT state FROM bookings WHERE id = :id", id=booking_id)
    said = await client.post(path, data={"outcome": outcome})
    over = await client.get(path)

    assert re.findall(r'name="outcome" value="(\w+)"', shown.text) == ["booked", "not_booked"]
    assert (nothing_chosen.status_code, before, said.status_code) == (400, "unknown", 200)
    assert await scalar(resources, "SELECT state FROM bookings WHERE id = :id", id=booking_id) == state
    assert await scalar(resources, "SELECT settled_by FROM bookings WHERE id = :id", id=booking_id) == "guest"
    assert "<button" not in over.text
