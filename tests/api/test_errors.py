"""Every refusal is `{"error": sentence}` and a problem, whatever the caller did."""

from collections.abc import AsyncIterator

import httpx
import pytest

from tests.api.conftest import refusal


@pytest.mark.parametrize("body", [b"{", b"", b"[]", b'"text"', b"\xff\xfe"])
async def test_a_body_that_is_no_json_object_is_400(client: httpx.AsyncClient, body: bytes) -> None:
    answer = await client.post("/api/auth/login", content=body, headers={"Content-Type": "application/json"})

    assert refusal(answer)[0] == 400


async def test_a_value_of_the_wrong_type_is_400_with_its_field(client: httpx.AsyncClient) -> None:
    answer = await client.post("/api/auth/login", json={"email": 7, "password": "x"})

    assert refusal(answer) == (400, "email")


@pytest.mark.parametrize("path", ["/api/nothing", "/nothing.html", "/api/auth", "/api/watches/1/more"])
async def test_an_unknown_address_is_404(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(path)

    assert refusal(answer) == (404, None)


@pytest.mark.parametrize(
    ("method", "path"),
    [("PUT", "/api/watches"), ("GET", "/api/watches/1"), ("GET", "/api/auth/login"), ("POST", "/health/live")],
)
async def test_a_wrong_method_is_405_and_names_the_right_ones(
    client: httpx.AsyncClient, method: str, path: str
) -> None:
    answer = await client.request(method, path)

    assert refusal(answer) == (405, None)
    assert answer.headers["allow"]


async def test_a_body_that_is_too_long_is_413(client: httpx.AsyncClient) -> None:
    answer = await client.post("/api/auth/login", content=b" " * 100_001, headers={"Content-Type": "application/json"})

    assert refusal(answer)[0] == 413


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 50_000,
        b'{"email":' * 10_000,
        b'{"email": "\\ud800", "password": "x"}',
        b'{"email": "a\\u0000b", "password": "x"}',
        b'{"email": "a@b.test", "password": "x"',
        b'{"email": 1e999}',
        b"null",
    ],
)
async def test_a_hostile_body_is_400_and_never_an_error_of_ours(client: httpx.AsyncClient, body: bytes) -> None:
    answer = await client.post("/api/auth/login", content=body, headers={"Content-Type": "application/json"})

    assert refusal(answer)[0] == 400
    assert "Traceback" not in answer.text


@pytest.mark.parametrize(
    "path",
    ["/%ff", "/%00", "/api/%2e%2e/api/locations", "/assets/x/%00", "/assets/x/../../pyproject.toml", "/a" * 4000],
)
async def test_a_hostile_address_is_404(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(path)

    assert refusal(answer) == (404, None)


@pytest.mark.parametrize(
    "query", ["status=%00", "status=%ff", "status=active&status=eaten", "status=" + "x" * 3000, "status[]=1&=&&"]
)
async def test_a_hostile_query_is_no_error_of_ours(alice: httpx.AsyncClient, query: str) -> None:
    answer = await alice.get(f"/api/watches?{query}")

    assert answer.status_code in (200, 400)
    assert answer.status_code == 200 or refusal(answer) == (400, "status")


async def test_a_long_body_without_a_length_is_413_too(client: httpx.AsyncClient) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(200):
            yield b" " * 1000

    answer = await client.post("/api/auth/login", content=endless(), headers={"Content-Type": "application/json"})

    assert refusal(answer)[0] == 413


@pytest.mark.parametrize(
    "name", ["Authorization", "Cookie", "Origin", "X-Forwarded-For", "If-None-Match", "X-Push-Key"]
)
async def test_a_hostile_header_is_no_error_of_ours(client: httpx.AsyncClient, name: str) -> None:
    for value in (b"\xff\xfe", b"Bearer \xe9", b"houstons_session=\xff", b"," * 5000, b'"'):
        for method, path in (("GET", "/api/auth/me"), ("GET", "/api/locations"), ("POST", "/api/auth/logout")):
            answer = await client.request(method, path, headers={name.encode(): value})

            assert answer.status_code in (200, 304, 401, 403)


async def test_a_body_that_is_no_json_is_refused_in_words(client: httpx.AsyncClient) -> None:
    answer = await client.post("/api/auth/login", content=b"{'", headers={"Content-Type": "application/json"})

    assert answer.json()["error"].startswith("The body is not JSON")
