"""Who may call what: every route says it, and forged requests are refused."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import httpx
import pytest
from litestar import Litestar
from litestar.handlers import HTTPRouteHandler

from backend.api.access import COOKIE, local_or_token_guard, user_guard
from backend.api.guards import ACCESS_GUARDS, admin_guard
from backend.app import create_app
from backend.settings import Settings
from tests.api.conftest import account, execute, refusal
from tests.api.test_own_data import STORY
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
        if not set(ACCESS_GUARDS) & set(handler.resolve_guards()) and handler.opt.get("access") != "open"
    ]


def test_every_route_has_a_guard_or_is_open_on_purpose(settings: Settings) -> None:
    app = create_app(settings)

    found = [path for path, _ in handlers(app)]

    assert {"/", "/{file_path:path}", "/assets/{version:str}/{file_path:path}", "/api/watches", "/metrics"} <= set(
        found
    )
    assert names_of_unguarded(app) == []


def test_a_route_that_forgot_to_say_who_may_call_it_is_found(settings: Settings) -> None:
    app = create_app(settings)
    handler = next(handler for path, handler in handlers(app) if path == "/api/locations")

    handler.opt.clear()

    assert names_of_unguarded(app) == ["['GET'] /api/locations"]


def calls(app: Litestar, *guards: object) -> list[tuple[str, str]]:
    """Method and address of every route that has one of the guards, with numbers that nothing has."""
    return [
        (method, re.sub(r"\{\w+:int\}", "999999", path))
        for path, handler in handlers(app)
        if set(guards) & set(handler.resolve_guards())
        for method in handler.http_methods
    ]


async def test_guarded_routes_answer_401_to_a_stranger(client: httpx.AsyncClient, settings: Settings) -> None:
    guarded = calls(create_app(settings), user_guard, admin_guard)

    answers = [await client.request(method, path) for method, path in guarded]

    assert len(guarded) >= 15
    assert [refusal(answer) for answer in answers] == [(401, None)] * len(guarded)
    assert {answer.json()["error"] for answer in answers} == {"Not authenticated"}
    assert {answer.headers["www-authenticate"] for answer in answers} == {"Bearer"}


async def test_routes_for_administrators_answer_403_to_a_user(alice: httpx.AsyncClient, settings: Settings) -> None:
    guarded = calls(create_app(settings), admin_guard)

    answers = [await alice.request(method, path) for method, path in guarded]

    assert [refusal(answer)[0] for answer in answers] == [403] * len(guarded)


async def test_an_administrator_may_call_what_a_user_may(
    alice: httpx.AsyncClient, resources: Resources, settings: Settings
) -> None:
    await execute(resources, "UPDATE users SET role = 'admin'")
    guarded = [call for call in calls(create_app(settings), user_guard, admin_guard) if "logout" not in call[1]]

    answers = [await alice.request(method, path) for method, path in guarded]

    assert {answer.status_code for answer in answers} <= {200, 400, 403, 404, 409}
    assert {answer.json().get("error") for answer in answers if answer.status_code == 403} <= {
        "That is not your password"
    }


async def test_what_belongs_to_one_person_is_404_to_every_other(
    alice: httpx.AsyncClient, charlie: httpx.AsyncClient, resources: Resources, settings: Settings
) -> None:
    body = {"location_key": "peachtree", "target_date": (datetime.now(UTC) + timedelta(days=3)).date().isoformat()}
    watch_id = (await alice.post("/api/watches", json=body)).json()["watch_id"]
    [session] = (await alice.get("/api/auth/sessions")).json()["sessions"]
    await execute(resources, "UPDATE users SET role = 'admin' WHERE name = 'Charlie'")
    [channel] = (await alice.get("/api/channels")).json()["channels"]
    await execute(resources, STORY)
    await execute(resources, "UPDATE bookings SET state = 'unknown'")
    [booking] = (await alice.get("/api/bookings")).json()["bookings"]
    ids = {
        **{"watch_id": watch_id, "booking_id": booking["id"]},
        **{"session_id": session["id"], "channel_id": channel["id"]},
    }
    own = [
        (method, re.sub(r"\{(\w+_id):int\}", lambda found: str(ids[found[1]]), path))
        for path, handler in handlers(create_app(settings))
        if "_id:int}" in path and user_guard in handler.resolve_guards()
        for method in handler.http_methods
    ]
    before = [(await alice.get(path)).json() for path in ("/api/watches", "/api/channels", "/api/bookings")]

    answers = [await charlie.request(method, path, json={"outcome": "booked"}) for method, path in own]

    assert len(own) >= 15
    assert [refusal(answer) for answer in answers] == [(404, None)] * len(own)
    assert [(await alice.get(path)).json() for path in ("/api/watches", "/api/channels", "/api/bookings")] == before


@pytest.mark.parametrize("path", ["/api/locations", "/", "/health/live"])
async def test_open_routes_answer_everybody(alice: httpx.AsyncClient, client: httpx.AsyncClient, path: str) -> None:
    assert (await client.get(path)).status_code == (await alice.get(path)).status_code == 200


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


async def test_files_beside_the_page_are_out_of_reach(client: httpx.AsyncClient, resources: Resources) -> None:
    answers = [
        await client.get(path) for path in ("/../pyproject.toml", "/%2e%2e/pyproject.toml", "/..%2fpyproject.toml")
    ]

    assert [refusal(answer) for answer in answers] == [(404, None)] * 3
