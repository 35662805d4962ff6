"""One id leads from a request to the jobs that it caused."""

import httpx
import pytest
from dramatiq import Message

from backend.app import create_app
from observability.http_hooks import CountedHttp
from tests.conftest import serving_app
from tests.services.conftest import Loop


async def test_the_job_that_a_request_causes_carries_its_id(loop: Loop) -> None:
    body = {"name": "Alice", "email": "alice@guests.test", "password": "correct horse"}

    with serving_app(CountedHttp(create_app(loop.r.settings))) as url:
        async with httpx.AsyncClient(base_url=url) as client:
            answer = await client.post("/api/auth/signup", json=body)

    (raw,) = (await loop.r.redis.hgetall("dramatiq:notify.msgs")).values()
    assert answer.headers["x-request-id"] == Message.decode(raw).options["correlation_id"]


@pytest.mark.parametrize(
    ("given", "is_taken_over"), [("a1b2c3d4-e5f6", True), ("short", False), ("with spaces or\tworse", False)]
)
async def test_an_id_that_a_proxy_gave_is_taken_over_when_it_is_one(
    loop: Loop, given: str, is_taken_over: bool
) -> None:
    with serving_app(CountedHttp(create_app(loop.r.settings))) as url:
        async with httpx.AsyncClient(base_url=url) as client:
            answer = await client.get("/health/live", headers={"X-Request-ID": given})

    assert (answer.headers["x-request-id"] == given) is is_taken_over
