"""What a person tells of themselves."""

from typing import Any

import httpx
import pytest

from tests.api.conftest import refusal
from tests.api.test_watches import listed, wish


async def profile(http: httpx.AsyncClient) -> dict[str, Any]:
    found: dict[str, Any] = (await http.get("/api/profile")).json()
    return found


async def test_a_new_profile_has_a_name_and_an_address(alice: httpx.AsyncClient) -> None:
    assert await profile(alice) == {
        "phone": None,
        "first_name": None,
        "last_name": None,
        "name": "Alice",
        "email": "alice@guests.test",
        "picture": None,
        "email_verified": False,
        "has_password": True,
        "has_google": False,
    }


async def test_what_is_absent_stays_and_what_is_empty_is_cleared(
    alice: httpx.AsyncClient, charlie: httpx.AsyncClient
) -> None:
    await alice.post("/api/profile", json={"phone": "4045550123", "first_name": " Alice ", "last_name": "Adams"})

    answer = await alice.post("/api/profile", json={"first_name": ""})

    assert answer.json() == {"success": True}
    found = await profile(alice)
    assert (found["phone"], found["first_name"], found["last_name"]) == ("+14045550123", None, "Adams")
    assert (await profile(charlie))["last_name"] is None


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("4045550123", "+14045550123"),
        ("1 404 555 0123", "+14045550123"),
        ("(404) 555-0123", "+14045550123"),
        ("+44 20 7946 0018", "+442079460018"),
        ("", None),
    ],
)
async def test_a_telephone_number_is_kept_as_e164(alice: httpx.AsyncClient, written: str, kept: str | None) -> None:
    await alice.post("/api/profile", json={"phone": written})

    assert (await profile(alice))["phone"] == kept


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("555-0123", "area code"),
        ("404555012", "too few"),
        ("404555012345", "too many"),
        ("call me", "no number"),
        ("0000000000", "no such number"),
        ("+999 123456", "number"),
    ],
)
async def test_a_number_that_cannot_be_is_400_with_the_reason(
    alice: httpx.AsyncClient, written: str, reason: str
) -> None:
    answer = await alice.post("/api/profile", json={"phone": written})

    assert refusal(answer) == (400, "phone")
    assert reason in answer.json()["error"]


async def test_a_watch_takes_its_missing_details_from_the_profile(alice: httpx.AsyncClient) -> None:
    body = {"phone": "4045550123", "first_name": "Al", "last_name": "Adams"}
    await alice.post("/api/profile", json=body)

    await alice.post("/api/watches", json=wish(auto_book=True))

    [watch] = await listed(alice)
    assert (watch["book_first_name"], watch["book_phone"]) == ("Al", "+14045550123")
