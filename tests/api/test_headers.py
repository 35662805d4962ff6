"""Security headers, and what may be kept by whom."""

import re

import httpx
import pytest

from backend.api.headers import security_headers
from backend.settings import Settings
from tests.conftest import serving

EVERYTHING = ("/", "/app.js", "/api/locations", "/api/auth/me", "/api/nothing", "/nothing.html", "/health/live")


async def test_every_answer_comes_with_the_security_headers(client: httpx.AsyncClient) -> None:
    answers = [await client.get(path) for path in EVERYTHING]
    answers += [await client.put("/api/watches"), await client.post("/api/auth/login", content=b"{")]

    assert {answer.headers["x-content-type-options"] for answer in answers} == {"nosniff"}
    assert {answer.headers["x-frame-options"] for answer in answers} == {"DENY"}
    [policy] = {answer.headers["content-security-policy"] for answer in answers}
    assert "unsafe" not in policy
    assert {"script-src 'self'", "object-src 'none'", "frame-ancestors 'none'"} <= set(policy.split("; "))


async def test_everything_that_is_not_public_is_kept_by_nobody(client: httpx.AsyncClient) -> None:
    answers = [await client.get(path) for path in ("/api/auth/me", "/api/nothing", "/health/live")]
    answers += [await client.put("/api/watches"), await client.post("/api/auth/login", content=b"{")]

    assert {answer.headers["cache-control"] for answer in answers} == {"private, no-store"}


def test_only_where_google_is_set_up_may_its_button_run(settings: Settings) -> None:
    policies = [
        security_headers(settings.model_copy(update={"google_client_id": client_id}))["Content-Security-Policy"]
        for client_id in (None, "an-id")
    ]

    assert ["accounts.google.com" in policy for policy in policies] == [False, True]


def test_over_https_browsers_are_told_to_stay_there(settings: Settings) -> None:
    https = settings.model_copy(update={"public_url": "https://tables.example.test"})

    assert "Strict-Transport-Security" in security_headers(https)
    assert "Strict-Transport-Security" not in security_headers(settings)


async def test_the_files_of_the_page_are_kept_for_good_by_their_hash(client: httpx.AsyncClient) -> None:
    page = await client.get("/")
    references = re.findall(r'(?:src|href)="(/[^"]+\.\w+)"', page.text)

    answers = [await client.get(path) for path in references]

    assert len(references) >= 3
    assert all(re.fullmatch(r"/assets/[0-9a-f]{16}/[\w.-]+", path) for path in references)
    assert [answer.status_code for answer in answers] == [200] * len(references)
    assert {answer.headers["cache-control"] for answer in answers} == {"public, max-age=31536000, immutable"}


async def test_the_page_itself_is_asked_about_each_time(client: httpx.AsyncClient) -> None:
    page = await client.get("/")

    again = await client.get("/", headers={"If-None-Match": page.headers["etag"]})

    assert page.headers["cache-control"] == "public, no-cache"
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == page.headers["etag"]


async def test_a_file_of_another_version_is_served_and_not_kept(client: httpx.AsyncClient) -> None:
    answer = await client.get("/assets/0123456789abcdef/app.js")

    assert (answer.status_code, answer.headers["cache-control"]) == (200, "public, no-cache")
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"


async def test_a_public_answer_is_kept_for_seconds_and_has_a_tag(client: httpx.AsyncClient) -> None:
    first = await client.get("/api/locations")
    etag = first.headers["etag"]

    same = [
        await client.get("/api/locations", headers={"If-None-Match": known}) for known in (etag, f'"x", W/{etag}', "*")
    ]
    other = await client.get("/api/locations", headers={"If-None-Match": '"x"'})

    assert first.headers["cache-control"].startswith("public, max-age=10")
    assert [(answer.status_code, answer.content) for answer in same] == [(304, b"")] * 3
    assert (other.status_code, other.json()) == (200, first.json())


async def test_a_head_of_the_page_has_its_headers_and_no_body(client: httpx.AsyncClient) -> None:
    answer = await client.head("/")

    assert (answer.status_code, answer.content) == (200, b"")


async def test_the_page_has_no_inline_script_style_or_handler(client: httpx.AsyncClient) -> None:
    for path in ("/", "/account"):
        page = (await client.get(path)).text

        assert (
            page.count("<script")
            == len(re.findall(r'<script type="module" src="/assets/\w+/\w+\.js"></script>', page))
            == 1
        )
        assert "<style" not in page
        assert " style=" not in page
        assert not re.search(r"\son\w+=", page)


async def test_another_site_may_read_nothing_by_default(client: httpx.AsyncClient) -> None:
    answer = await client.get("/api/locations", headers={"Origin": "https://elsewhere.test"})

    assert "access-control-allow-origin" not in answer.headers


async def test_a_configured_site_may_call_with_a_token_and_without_cookies(settings: Settings) -> None:
    origin = "https://app.elsewhere.test"
    with serving(settings.model_copy(update={"cors_origins": origin})) as url:
        async with httpx.AsyncClient(base_url=url) as http:
            asked = {"Origin": origin, "Access-Control-Request-Method": "POST"}
            preflight = await http.options("/api/auth/login", headers=asked)
            theirs = await http.post("/api/auth/login", json={"email": "a@b.test"}, headers={"Origin": origin})
            others = await http.post("/api/auth/login", json={}, headers={"Origin": "https://elsewhere.test"})

    assert preflight.headers["access-control-allow-origin"] == origin
    assert "access-control-allow-credentials" not in preflight.headers
    assert theirs.status_code == 400
    assert theirs.headers["access-control-allow-origin"] == origin
    assert others.status_code == 403


@pytest.mark.parametrize("path", ["/api/auth/login", "/api/auth/signup", "/api/auth/forgot"])
async def test_another_site_cannot_sign_anybody_in_here(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.post(path, json={}, headers={"Origin": "https://elsewhere.test"})

    assert answer.status_code == 403
