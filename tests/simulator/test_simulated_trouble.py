"""Trouble on command, over HTTP."""

from __future__ import annotations

import json
import time
from email.utils import parsedate_to_datetime

import httpx
import pytest

from tests.simulator.conftest import NOON, Guest


@pytest.mark.parametrize("status", [400, 403, 404, 429, 500, 502, 503])
async def test_a_status_comes_for_as_many_requests_as_ordered(guest: Guest, status: int) -> None:
    await guest.order("trouble", kind=str(status), count=2)

    answers = [(await guest.search()).status_code for _ in range(3)]

    assert answers == [status, status, 200]


async def test_trouble_without_a_count_lasts_until_it_is_cleared(guest: Guest) -> None:
    await guest.order("trouble", kind="503")

    before = [(await guest.search()).status_code for _ in range(5)]
    cleared = await guest.http.delete("/control/trouble")
    after = await guest.search()

    assert before == [503] * 5
    assert cleared.json() == {"trouble": []}
    assert after.status_code == 200


async def test_a_retry_after_can_be_seconds_or_a_date(guest: Guest) -> None:
    await guest.order("trouble", kind="429", count=1, retry_after_seconds=30)
    await guest.order("trouble", kind="429", count=1, retry_after_seconds=30, retry_after_form="http-date")
    await guest.order("trouble", kind="429", count=1)

    answers = [await guest.search() for _ in range(3)]

    assert answers[0].headers["retry-after"] == "30"
    assert parsedate_to_datetime(answers[1].headers["retry-after"]).timestamp() == NOON + 30
    assert "retry-after" not in answers[2].headers


async def test_trouble_can_be_kept_to_one_restaurant(guest: Guest) -> None:
    await guest.order("trouble", kind="500", merchant_id=278258)

    assert (await guest.search(merchant_id=278258)).status_code == 500
    assert (await guest.search()).status_code == 200


@pytest.mark.parametrize(("operation", "search", "book"), [("inventory", 500, 409), ("booking", 200, 500)])
async def test_trouble_is_kept_to_one_operation(guest: Guest, operation: str, search: int, book: int) -> None:
    await guest.order("trouble", kind="500", operation=operation)

    assert (await guest.search()).status_code == search
    assert (await guest.book()).status_code == book


async def test_a_page_can_come_in_place_of_json(guest: Guest) -> None:
    await guest.order("trouble", kind="html-page", count=1)

    response = await guest.search()

    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/html")
    assert response.text.startswith("<!doctype html>")


async def test_a_body_can_be_empty(guest: Guest) -> None:
    await guest.order("trouble", kind="empty", count=1)

    response = await guest.search()

    assert (response.status_code, response.content) == (200, b"")


async def test_json_can_have_the_wrong_shape(guest: Guest) -> None:
    await guest.order("trouble", kind="wrong-shape", count=1)

    response = await guest.search()

    assert not isinstance(response.json()["types"], list)


async def test_json_can_end_too_early(guest: Guest) -> None:
    await guest.order("trouble", kind="cut-json", count=1)

    response = await guest.search()

    with pytest.raises(json.JSONDecodeError):
        response.json()


@pytest.mark.parametrize(
    ("kind", "error"),
    [("truncated", httpx.RemoteProtocolError), ("reset", httpx.ReadError), ("hang", httpx.ReadTimeout)],
)
async def test_a_connection_can_fail(guest: Guest, kind: str, error: type[Exception]) -> None:
    await guest.order("trouble", kind=kind, count=1)

    with pytest.raises(error):
        await guest.http.get(
            "/v2/web/reservations/inventory",
            params={"merchant_id": 278278, "party_size": 2, "search_ts": int(NOON * 1000)},
            timeout=0.2,
        )

    assert (await guest.search()).status_code == 200


async def test_an_answer_can_drip_byte_by_byte(guest: Guest) -> None:
    await guest.order("trouble", kind="drip", count=1, seconds_between_bytes=0.002)
    began = time.monotonic()

    response = await guest.search()

    assert response.json()["types"]
    assert time.monotonic() - began >= 0.002 * len(response.content)


async def test_answers_take_as_long_as_the_latency_says(guest: Guest) -> None:
    await guest.order("latency", seconds=0.05, jitter_seconds=0.02)
    began = time.monotonic()

    await guest.search()

    assert time.monotonic() - began >= 0.05


async def test_trouble_that_is_due_first_is_met_first(guest: Guest) -> None:
    await guest.order("trouble", kind="500", count=1)
    await guest.order("trouble", kind="403", count=1)

    answers = [(await guest.search()).status_code for _ in range(3)]

    assert answers == [500, 403, 200]


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"kind": "earthquake"}, "Invalid enum value 'earthquake'"),
        ({"kind": "500", "count": 0}, "count must be at least 1"),
        ({"kind": "no-party", "operation": "inventory"}, "for bookings only"),
        ({"kind": "refuse", "status": 99}, "status must lie between"),
        ({"kind": "drip", "seconds_between_bytes": -1}, "must not be negative"),
        ({"kind": "500", "colour": "red"}, "unknown field `colour`"),
    ],
)
async def test_trouble_that_makes_no_sense_is_refused_with_a_sentence(
    guest: Guest, wrong: dict[str, object], sentence: str
) -> None:
    response = await guest.http.post("/control/trouble", json=wrong)

    assert response.status_code == 400
    assert sentence in response.json()["error"]
