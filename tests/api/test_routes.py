"""Every route says who may call it, and every error says why."""

import asyncio

import httpx
import pytest
from litestar.handlers import HTTPRouteHandler
from sqlalchemy import text

from backend.app import create_app
from backend.settings import Settings
from tests.conftest import serving
from workers.resources import Resources


async def test_every_route_has_a_guard_or_is_explicitly_open(settings: Settings) -> None:
    unguarded = [
        f"{sorted(handler.http_methods)} {route.path}"
        for route in create_app(settings).routes
        for handler in getattr(route, "route_handlers", [])
        if isinstance(handler, HTTPRouteHandler)
        and "OPTIONS" not in handler.http_methods
        and not handler.resolve_guards()
        and handler.opt.get("access") != "open"
    ]

    assert unguarded == []


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/auth/me"),
        ("POST", "/api/auth/logout"),
        ("GET", "/api/watches"),
        ("POST", "/api/watches"),
        ("DELETE", "/api/watches/1"),
    ],
)
async def test_a_guarded_route_refuses_strangers(client: httpx.AsyncClient, method: str, path: str) -> None:
    answer = await client.request(method, path)

    assert (answer.status_code, answer.json()["error"]) == (401, "Not authenticated")


@pytest.mark.parametrize(
    ("method", "path", "content", "status"),
    [
        ("GET", "/api/nothing", None, 404),
        ("PUT", "/api/locations", None, 405),
        ("POST", "/api/auth/login", b"{not json", 400),
        ("POST", "/api/auth/login", b'{"email": 7}', 400),
    ],
)
async def test_errors_are_a_sentence_and_a_problem(
    client: httpx.AsyncClient, method: str, path: str, content: bytes | None, status: int
) -> None:
    answer = await client.request(method, path, content=content, headers={"Content-Type": "application/json"})

    problem = answer.json()
    assert answer.status_code == problem["status"] == status
    assert problem["error"]
    assert answer.headers["content-type"].startswith("application/problem+json")
    assert "Traceback" not in answer.text


async def test_the_restaurants_are_open_to_anyone(client: httpx.AsyncClient) -> None:
    answer = await client.get("/api/locations")

    restaurants = {row["key"]: row for row in answer.json()["locations"]}
    assert len(restaurants) == 30
    assert restaurants["peachtree"]["auto_book_allowed"] is True
    assert restaurants["hillstone_park_avenue"]["auto_book_allowed"] is False


async def test_the_page_comes_with_a_strict_policy(client: httpx.AsyncClient) -> None:
    answer = await client.get("/")

    assert answer.status_code == 200
    assert "default-src 'self'" in answer.headers["content-security-policy"]
    assert "unsafe" not in answer.headers["content-security-policy"]


async def test_health_names_what_is_there(client: httpx.AsyncClient) -> None:
    live, ready = await client.get("/health/live"), await client.get("/health/ready")

    assert live.status_code == ready.status_code == 200
    assert ready.json() == {"status": "ok", "database": "ok", "migrations": "ok", "redis": "ok"}


async def test_ready_names_a_redis_that_is_away(settings: Settings, resources: Resources) -> None:
    with serving(settings.model_copy(update={"redis_url": "redis://127.0.0.1:1/0"})) as url:
        async with httpx.AsyncClient() as http:
            answer = await http.get(f"{url}/health/ready")

    assert answer.status_code == 503
    assert answer.json()["redis"] == "not reachable"


async def test_metrics_show_the_ledgers(client: httpx.AsyncClient, resources: Resources) -> None:
    answer = await client.get("/metrics")

    for name in ("houstons_watches_scanned", "houstons_watches_skipped", "houstons_matches", "houstons_booked"):
        assert f'{name}_total{{tier="urgent"}} 0.0' in answer.text


async def test_metrics_with_a_token_want_the_token(settings: Settings, resources: Resources) -> None:
    secured = Settings(**{**settings.model_dump(), "metrics_token": "let-me-read", "_env_file": None})

    with serving(secured) as url:
        async with httpx.AsyncClient() as http:
            without = await http.get(f"{url}/metrics")
            right = await http.get(f"{url}/metrics", headers={"Authorization": "Bearer let-me-read"})

    assert (without.status_code, right.status_code) == (401, 200)


async def test_web_opens_two_connections_at_start_and_never_more_than_ten(
    client: httpx.AsyncClient, resources: Resources
) -> None:
    count = text("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'houstons-web'")
    async with resources.engine.connect() as connection:
        at_start = await connection.scalar(count)
    await asyncio.gather(*(client.get("/api/locations") for _ in range(60)))
    async with resources.engine.connect() as connection:
        under_load = await connection.scalar(count)

    assert at_start == 2
    assert 2 <= under_load <= 10
