"""Every refusal is `{"error": sentence}` and a problem, whatever the caller did."""

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
