"""Signing up, in and out."""

import httpx
import pytest
from sqlalchemy import text

from workers.resources import Resources

ALICE = {"name": "Alice", "email": "alice@guests.test", "password": "correct horse"}


async def test_signing_up_signs_in_and_tells_who_one_is(client: httpx.AsyncClient) -> None:
    answer = (await client.post("/api/auth/signup", json=ALICE)).json()

    me = await client.get("/api/auth/me", headers={"Authorization": f"Bearer {answer['token']}"})
    assert answer["success"] is True
    assert me.json()["user"] == answer["user"]
    assert (answer["user"]["name"], answer["user"]["email"]) == ("Alice", "alice@guests.test")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": " "}, "name"),
        ({"email": "nobody"}, "email"),
        ({"email": ""}, "email"),
        ({"password": "short"}, "password"),
        ({"password": ""}, "password"),
    ],
)
async def test_what_is_missing_or_weak_is_named(
    client: httpx.AsyncClient, resources: Resources, changes: dict[str, str], field: str
) -> None:
    answer = await client.post("/api/auth/signup", json={**ALICE, **changes})

    assert (answer.status_code, answer.json()["field"]) == (400, field)
    async with resources.sessions() as session:
        assert await session.scalar(text("SELECT count(*) FROM users")) == 0


async def test_an_address_is_registered_once_in_any_letter_case(client: httpx.AsyncClient) -> None:
    await client.post("/api/auth/signup", json=ALICE)

    answer = await client.post("/api/auth/signup", json={**ALICE, "email": "ALICE@guests.test"})

    assert (answer.status_code, answer.json()["error"]) == (409, "Email already registered")


async def test_a_wrong_password_and_an_unknown_address_answer_alike(client: httpx.AsyncClient) -> None:
    await client.post("/api/auth/signup", json=ALICE)

    wrong = await client.post("/api/auth/login", json={"email": ALICE["email"], "password": "wrong horse"})
    unknown = await client.post("/api/auth/login", json={"email": "x@guests.test", "password": "wrong horse"})

    assert wrong.status_code == unknown.status_code == 401
    assert wrong.json() == unknown.json()


async def test_the_cookie_is_for_our_page_only(client: httpx.AsyncClient) -> None:
    answer = await client.post("/api/auth/signup", json=ALICE)

    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert (await client.get("/api/auth/me")).status_code == 200


@pytest.mark.parametrize(
    "headers", [{"Origin": "https://evil.test"}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "null"}]
)
async def test_another_site_cannot_use_the_cookie(client: httpx.AsyncClient, headers: dict[str, str]) -> None:
    await client.post("/api/auth/signup", json=ALICE)

    answer = await client.post("/api/auth/logout", headers=headers)

    assert answer.status_code == 403
    assert (await client.get("/api/auth/me")).status_code == 200


async def test_signing_out_ends_the_session_at_once(client: httpx.AsyncClient) -> None:
    token = (await client.post("/api/auth/signup", json=ALICE)).json()["token"]
    client.cookies.clear()
    bearer = {"Authorization": f"Bearer {token}"}

    await client.post("/api/auth/logout", headers=bearer)

    assert (await client.get("/api/auth/me", headers=bearer)).status_code == 401


async def test_an_expired_session_and_a_disabled_account_are_strangers(
    client: httpx.AsyncClient, resources: Resources
) -> None:
    await client.post("/api/auth/signup", json=ALICE)
    for change in (
        "UPDATE users SET disabled_at = now()",
        "UPDATE users SET disabled_at = NULL",
        "UPDATE sessions SET expires_at = now() - interval '1 second'",
    ):
        async with resources.sessions.begin() as session:
            await session.execute(text(change))
        status = (await client.get("/api/auth/me")).status_code
        assert status == (200 if "NULL" in change else 401)


async def test_neither_tokens_nor_passwords_are_stored(client: httpx.AsyncClient, resources: Resources) -> None:
    token = (await client.post("/api/auth/signup", json=ALICE)).json()["token"]

    async with resources.sessions() as session:
        stored = (await session.execute(text("SELECT token_hash FROM sessions"))).scalar_one()
        password = (await session.execute(text("SELECT password_hash FROM users"))).scalar_one()
    assert token.encode() not in stored
    assert password.startswith("$argon2id$")
