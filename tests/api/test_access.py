"""Who may call what: every route says it, and forged requests are refused."""

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx
import pytest
from litestar import Litestar
from litestar.handlers import HTTPRouteHandler

from backend.api.access import COOKIE, local_or_token_guard, user_guard
from backend.app import create_app
from backend.settings import Settings
from tests.api.conftest import account, refusal
from workers.resources import Resources

# Answered by the framework with nothing but the methods that exist.
AUTOMATIC = {"OPTIONS"}


def handlers(app: Litestar) -> Iterator[tuple[str, HTTPRouteHandler]]:
    for route in app.routes:
        for handler in getattr(route, "route_handlers", ()):
            if set(handler.http_methods) != AUTOMATIC:
                yield route.path, handler


def names_of_unguarded(app: Litestar) -> list[str]:
    return [
        f"{sorted(handler.http_methods)} {path}"
        for path, handler in handlers(app)
        if not handler.resolve_guards() and handler.opt.get("access") != "open"
    ]


def test_every_route_has_a_guard_or_is_open_on_purpose(settings: Settings) -> None:
    app = create_app(settings)

    found = [path for path, _ in handlers(app)]

    assert {"/", "/{file_path:path}", "/api/watches", "/metrics"} <= set(found)
    assert names_of_unguarded(app) == []


def test_a_route_that_forgot_to_say_who_may_call_it_is_found(settings: Settings) -> None:
    app = create_app(settings)
    handler = next(handler for path, handler in handlers(app) if path == "/api/locations")

    handler.opt.clear()

    assert names_of_unguarded(app) == ["['GET'] /api/locations"]


async def test_guarded_routes_answer_401_to_a_stranger(client: httpx.AsyncClient, settings: Settings) -> None:
    guarded = [
        (method, path.replace("{watch_id:int}", "1"))
        for path, handler in handlers(create_app(settings))
        if user_guard in handler.resolve_guards()
        for method in handler.http_methods
    ]

    answers = [await client.request(method, path) for method, path in guarded]

    assert len(guarded) >= 5
    assert [refusal(answer) for answer in answers] == [(401, None)] * len(guarded)
    assert {answer.json()["error"] for answer in answers} == {"Not authenticated"}


def test_only_the_metrics_have_the_guard_for_machines(settings: Settings) -> None:
    app = create_app(settings)

    machines = [path for path, handler in handlers(app) if local_or_token_guard in handler.resolve_guards()]

    assert machines == ["/metrics"]


@pytest.mark.parametrize("token", ["nonsense", "é", "n" * 5000])
async def test_a_token_that_nobody_got_is_401(client: httpx.AsyncClient, token: str) -> None:
    answer = await client.get("/api/auth/me", headers={b"Authorization": f"Bearer {token}".encode()})

    assert refusal(answer) == (401, None)


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://elsewhere.test"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
async def test_a_post_from_another_site_with_the_cookie_is_403(
    client: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    await client.post("/api/auth/signup", json=account("Alice"))
    assert client.cookies[COOKIE]

    answer = await client.post("/api/auth/logout", headers=headers)

    assert refusal(answer) == (403, None)
    assert (await client.get("/api/auth/me")).status_code == 200


async def test_a_post_from_our_own_page_with_the_cookie_is_served(client: httpx.AsyncClient) -> None:
    await client.post("/api/auth/signup", json=account("Alice"))
    origin = f"http://{urlsplit(str(client.base_url)).netloc}"

    answer = await client.post("/api/auth/logout", headers={"Origin": origin, "Sec-Fetch-Site": "same-origin"})

    assert answer.status_code == 200


async def test_a_bearer_token_is_served_wherever_it_comes_from(alice: httpx.AsyncClient) -> None:
    answer = await alice.post("/api/auth/logout", headers={"Origin": "https://elsewhere.test"})

    assert answer.status_code == 200


async def test_the_page_and_the_api_come_with_the_security_headers(client: httpx.AsyncClient) -> None:
    answers = [await client.get(path) for path in ("/", "/app.js", "/style.css", "/favicon.svg", "/api/locations")]

    assert [answer.status_code for answer in answers] == [200] * 5
    assert all(answer.headers["content-security-policy"].startswith("default-src 'self';") for answer in answers)
    assert {answer.headers["x-content-type-options"] for answer in answers} == {"nosniff"}


async def test_the_page_has_no_inline_script_style_or_handler(client: httpx.AsyncClient) -> None:
    page = (await client.get("/")).text

    assert page.count("<script") == page.count('<script type="module" src="/app.js"></script>') == 1
    assert "<style" not in page
    assert " style=" not in page
    assert not re.search(r"\son\w+=", page)


async def test_files_beside_the_page_are_out_of_reach(client: httpx.AsyncClient, resources: Resources) -> None:
    answers = [
        await client.get(path) for path in ("/../pyproject.toml", "/%2e%2e/pyproject.toml", "/..%2fpyproject.toml")
    ]

    assert [refusal(answer) for answer in answers] == [(404, None)] * 3
