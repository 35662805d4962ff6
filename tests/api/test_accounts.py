"""Signing up, in and out."""

import hashlib

import httpx
import pytest

from backend.api.access import COOKIE
from tests.api.conftest import PASSWORD, account, execute, refusal, scalar
from workers.resources import Resources


async def test_signing_up_answers_a_token_and_the_person(client: httpx.AsyncClient) -> None:
    answer = await client.post("/api/auth/signup", json={**account("Alice"), "email": " Alice@Guests.test "})

    body = answer.json()
    assert (answer.status_code, body["success"]) == (200, True)
    assert body["user"].items() >= {"name": "Alice", "email": "alice@guests.test", "phone": None}.items()
    client.cookies.clear()
    me = await client.get("/api/auth/me", headers={"Authorization": f"Bearer {body['token']}"})
    assert me.json() == {"user": body["user"]}


async def test_signing_up_makes_the_address_a_channel(alice: httpx.AsyncClient, resources: Resources) -> None:
    address = await scalar(resources, "SELECT address FROM channels WHERE kind = 'email'")

    assert address == "alice@guests.test"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", None),
        ("name", "  "),
        ("name", "\0"),
        ("name", "n" * 501),
        ("email", None),
        ("email", "alice"),
        ("email", "alice@"),
        ("email", "alice@guests.test\r\nBcc: x@guests.test"),
        ("password", None),
        ("password", "seven77"),
        ("password", "p" * 201),
    ],
)
async def test_signing_up_without_a_sound_field_is_400(
    client: httpx.AsyncClient, resources: Resources, field: str, value: str | None
) -> None:
    wish = {key: given for key, given in {**account("Alice"), field: value}.items() if given is not None}

    answer = await client.post("/api/auth/signup", json=wish)

    assert refusal(answer) == (400, field)
    assert COOKIE not in client.cookies
    assert await scalar(resources, "SELECT count(*) FROM users") == 0


@pytest.mark.parametrize("email", ["alice@guests.test", "ALICE@Guests.Test"])
async def test_an_address_has_one_account(
    alice: httpx.AsyncClient, client: httpx.AsyncClient, resources: Resources, email: str
) -> None:
    answer = await client.post("/api/auth/signup", json={**account("Impostor"), "email": email})

    assert refusal(answer) == (409, "email")
    assert answer.json()["error"] == "Email already registered"
    assert await scalar(resources, "SELECT count(*) FROM users") == 1


async def test_signing_in_works_in_any_letter_case(alice: httpx.AsyncClient, client: httpx.AsyncClient) -> None:
    answer = await client.post("/api/auth/login", json={"email": " ALICE@guests.test", "password": PASSWORD})

    assert answer.status_code == 200
    assert (await client.get("/api/auth/me")).json()["user"] == answer.json()["user"]


async def test_an_unknown_address_and_a_wrong_password_get_the_same_answer(
    alice: httpx.AsyncClient, client: httpx.AsyncClient
) -> None:
    wrong = await client.post("/api/auth/login", json={"email": "alice@guests.test", "password": "not hers at all"})
    unknown = await client.post("/api/auth/login", json={"email": "nobody@guests.test", "password": PASSWORD})

    assert refusal(wrong) == refusal(unknown) == (401, None)
    assert wrong.json() == unknown.json()
    assert wrong.json()["error"] == "Invalid email or password"


@pytest.mark.parametrize("field", ["email", "password"])
async def test_signing_in_with_a_field_missing_is_400(client: httpx.AsyncClient, field: str) -> None:
    wish = {"email": "alice@guests.test", "password": PASSWORD}
    del wish[field]

    answer = await client.post("/api/auth/login", json=wish)

    assert refusal(answer) == (400, field)


async def test_a_disabled_account_is_out_at_once_and_cannot_sign_in(
    alice: httpx.AsyncClient, client: httpx.AsyncClient, resources: Resources
) -> None:
    await execute(resources, "UPDATE users SET disabled_at = now()")

    answer = await client.post("/api/auth/login", json={"email": "alice@guests.test", "password": PASSWORD})

    assert refusal(answer) == (401, None)
    assert (await alice.get("/api/auth/me")).status_code == 401


async def test_signing_out_ends_the_session_of_a_token_at_once(alice: httpx.AsyncClient, resources: Resources) -> None:
    answer = await alice.post("/api/auth/logout")

    assert answer.json() == {"success": True}
    assert (await alice.get("/api/auth/me")).status_code == 401
    assert await scalar(resources, "SELECT count(*) FROM sessions") == 0


async def test_signing_out_ends_the_session_of_a_cookie_at_once(client: httpx.AsyncClient) -> None:
    await client.post("/api/auth/signup", json=account("Alice"))
    stolen = client.cookies[COOKIE]

    await client.post("/api/auth/logout")

    assert COOKIE not in client.cookies
    assert (await client.get("/api/auth/me", headers={"Cookie": f"{COOKIE}={stolen}"})).status_code == 401


async def test_signing_out_leaves_the_other_sessions_alone(alice: httpx.AsyncClient, client: httpx.AsyncClient) -> None:
    await client.post("/api/auth/login", json={"email": "alice@guests.test", "password": PASSWORD})

    await alice.post("/api/auth/logout")

    assert (await client.get("/api/auth/me")).status_code == 200


async def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(client: httpx.AsyncClient) -> None:
    answer = await client.post("/api/auth/signup", json=account("Alice"))

    name, *attributes = answer.headers["set-cookie"].split("; ")
    assert name == f"{COOKIE}={answer.json()['token']}"
    assert {"httponly", "samesite=strict", "path=/", "max-age=2592000"} <= {word.lower() for word in attributes}


async def test_a_token_is_kept_as_a_hash_only(client: httpx.AsyncClient, resources: Resources) -> None:
    token = (await client.post("/api/auth/signup", json=account("Alice"))).json()["token"]

    row = await scalar(resources, "SELECT s::text FROM sessions s")
    kept = await scalar(resources, "SELECT token_hash FROM sessions")
    assert kept == hashlib.sha256(token.encode()).digest()
    assert token not in row
    assert token.encode().hex() not in row


async def test_a_password_is_kept_as_an_argon2_hash_only(alice: httpx.AsyncClient, resources: Resources) -> None:
    row = await scalar(resources, "SELECT u::text FROM users u")

    assert "$argon2id$" in row
    assert PASSWORD not in row


async def test_a_session_that_has_expired_is_401(alice: httpx.AsyncClient, resources: Resources) -> None:
    assert (await alice.get("/api/auth/me")).status_code == 200

    await execute(resources, "UPDATE sessions SET expires_at = now() - interval '1 second'")

    assert refusal(await alice.get("/api/auth/me")) == (401, None)
