"""Signing in with Google, against a certificate server and tokens of our own."""

import base64
import json
import threading
import time
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

from backend.settings import Settings
from tests.api.conftest import PASSWORD, account, execute, refusal, scalar
from tests.conftest import serving
from workers.resources import Resources

CLIENT_ID = "tracker.apps.example.test"


class Google:
    """Signs ID tokens, and serves the certificates that prove them."""

    def __init__(self) -> None:
        self.keys: dict[str, rsa.RSAPrivateKey] = {}
        self.is_up = True
        self.requests = 0
        self.url = ""
        self.add_key("first")

    def add_key(self, key_id: str) -> None:
        self.keys[key_id] = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    def certificates(self) -> dict[str, str]:
        return {key_id: _certificate(key) for key_id, key in self.keys.items()}

    def token(self, *, key_id: str = "first", key: rsa.RSAPrivateKey | None = None, **claims: Any) -> str:
        now = int(time.time())
        payload = {
            "iss": "https://accounts.google.com",
            "aud": CLIENT_ID,
            "sub": "1084",
            "email": "Alice@Guests.test",
            "email_verified": True,
            "name": "Alice Adams",
            "picture": "https://lh3.googleusercontent.com/a/alice",
            "iat": now,
            "exp": now + 3600,
        }
        signed = f"{_segment({'alg': 'RS256', 'kid': key_id})}.{_segment({**payload, **claims})}"
        signature = (key or self.keys[key_id]).sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        return f"{signed}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"


@pytest.fixture
def google() -> Iterator[Google]:
    google = Google()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            google.requests += 1
            body = json.dumps(google.certificates()).encode() if google.is_up else b"out of order"
            self.send_response(200 if google.is_up else 503)
            self.send_header("Cache-Control", "public, max-age=600")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Not on the terminal."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    google.url = f"http://127.0.0.1:{server.server_port}/certs"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield google
    server.shutdown()
    server.server_close()
    thread.join(5)


@pytest.fixture
async def http(google: Google, settings: Settings, resources: Resources) -> AsyncIterator[httpx.AsyncClient]:
    """The web application with Google set up."""
    changes = {"google_client_id": CLIENT_ID, "google_certs_url": google.url, "admin_email": "boss@guests.test"}
    with serving(settings.model_copy(update=changes)) as url:
        async with httpx.AsyncClient(base_url=url) as client:
            yield client


async def sign_in(http: httpx.AsyncClient, token: str) -> httpx.Response:
    return await http.post("/api/auth/google", json={"credential": token})


async def test_a_new_person_signs_up_with_a_proven_address(
    http: httpx.AsyncClient, google: Google, resources: Resources
) -> None:
    answer = await sign_in(http, google.token())

    body = answer.json()
    assert answer.status_code == 200, answer.text
    assert body["user"].items() >= {"name": "Alice Adams", "email": "alice@guests.test", "email_verified": True}.items()
    assert body["user"]["picture"] == "https://lh3.googleusercontent.com/a/alice"
    assert (await http.get("/api/auth/me")).json()["user"] == body["user"]
    assert await scalar(resources, "SELECT verified_at IS NOT NULL FROM channels WHERE address = 'alice@guests.test'")
    assert await scalar(resources, "SELECT count(*) FROM notification_log") == 0


async def test_the_same_person_comes_back_to_the_same_account(
    http: httpx.AsyncClient, google: Google, resources: Resources
) -> None:
    first = await sign_in(http, google.token())

    again = await sign_in(http, google.token(email="renamed@guests.test"))

    assert again.json()["user"]["id"] == first.json()["user"]["id"]
    assert await scalar(resources, "SELECT count(*) FROM users") == 1


async def test_signing_in_again_does_not_make_the_watches_new(
    http: httpx.AsyncClient, google: Google, resources: Resources
) -> None:
    await sign_in(http, google.token())
    day = (datetime.now(UTC) + timedelta(days=3)).date().isoformat()
    assert (await http.post("/api/watches", json={"location_key": "peachtree", "target_date": day})).is_success
    await execute(resources, "UPDATE watches SET needs_match = false")

    await sign_in(http, google.token())

    assert not await scalar(resources, "SELECT needs_match FROM watches")


async def test_an_unproven_account_with_a_password_is_not_merged(
    http: httpx.AsyncClient, google: Google, resources: Resources
) -> None:
    await http.post("/api/auth/signup", json=account("Alice"))
    http.cookies.clear()

    answer = await sign_in(http, google.token())

    assert refusal(answer) == (409, None)
    assert await scalar(resources, "SELECT count(*) FROM users WHERE google_id IS NOT NULL") == 0


async def test_a_proven_account_is_joined_keeps_its_password_and_is_told(
    http: httpx.AsyncClient, google: Google, resources: Resources
) -> None:
    await http.post("/api/auth/signup", json=account("Alice"))
    await execute(resources, "UPDATE users SET email_verified_at = now()")

    answer = await sign_in(http, google.token())

    assert answer.status_code == 200
    assert await scalar(resources, "SELECT count(*) FROM users WHERE google_id = '1084'") == 1
    assert await scalar(resources, "SELECT recipient FROM notification_log WHERE kind = 'google_linked'")
    by_password = await http.post("/api/auth/login", json={"email": "alice@guests.test", "password": PASSWORD})
    assert by_password.status_code == 200


async def test_an_account_of_another_google_account_is_not_taken_over(http: httpx.AsyncClient, google: Google) -> None:
    await sign_in(http, google.token())

    assert refusal(await sign_in(http, google.token(sub="2048"))) == (409, None)


async def test_a_disabled_account_stays_out(http: httpx.AsyncClient, google: Google, resources: Resources) -> None:
    await sign_in(http, google.token())
    await execute(resources, "UPDATE users SET disabled_at = now()")

    assert refusal(await sign_in(http, google.token())) == (401, None)


async def test_the_address_of_admin_email_becomes_an_administrator(http: httpx.AsyncClient, google: Google) -> None:
    boss = await sign_in(http, google.token(sub="1", email="boss@guests.test"))
    other = await sign_in(http, google.token(sub="2", email="other@guests.test"))

    assert (boss.json()["user"]["role"], other.json()["user"]["role"]) == ("admin", "user")


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "another.apps.example.test"},
        {"aud": [CLIENT_ID]},
        {"iss": "https://accounts.example.test"},
        {"exp": 1, "iat": 0},
        {"iat": 4102444800, "exp": 4102448400},
        {"email_verified": False},
        {"email_verified": "true"},
        {"email_verified": None},
        {"email": ""},
        {"email": None},
        {"sub": ""},
        {"sub": 1084},
        {"exp": "soon"},
    ],
)
async def test_a_token_with_a_wrong_claim_is_401(
    http: httpx.AsyncClient, google: Google, resources: Resources, claims: dict[str, Any]
) -> None:
    assert refusal(await sign_in(http, google.token(**claims))) == (401, None)
    assert await scalar(resources, "SELECT count(*) FROM users") == 0


async def test_a_token_that_google_did_not_sign_is_401(http: httpx.AsyncClient, google: Google) -> None:
    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    head, body, signature = google.token().split(".")
    unsigned = f"{_segment({'alg': 'none', 'kid': 'first'})}.{body}."
    symmetric = f"{_segment({'alg': 'HS256', 'kid': 'first'})}.{body}.{signature}"
    changed = f"{head}.{_segment({'sub': '1'})}.{signature}"
    nested = "[" * 3000
    deep = f"{base64.urlsafe_b64encode(nested.encode()).decode()}.{body}.{signature}"
    tokens = [google.token(key=stranger), unsigned, symmetric, changed, deep, "nonsense", "a.b.c", "é.é.é", f"{head}."]

    answers = [await sign_in(http, token) for token in tokens]

    assert [refusal(answer) for answer in answers] == [(401, None)] * len(tokens)


async def test_a_missing_credential_is_400(http: httpx.AsyncClient) -> None:
    assert refusal(await http.post("/api/auth/google", json={})) == (400, "credential")


async def test_where_google_is_not_set_up_it_is_401(client: httpx.AsyncClient) -> None:
    assert refusal(await sign_in(client, "a.b.c")) == (401, None)


async def test_the_certificates_are_fetched_once(http: httpx.AsyncClient, google: Google) -> None:
    answers = [await sign_in(http, google.token(sub=str(n), email=f"g{n}@guests.test")) for n in range(1, 6)]
    google.is_up = False
    answers.append(await sign_in(http, google.token()))

    assert {answer.status_code for answer in answers} == {200}
    assert google.requests == 1


async def test_unknown_keys_do_not_make_us_ask_google_each_time(http: httpx.AsyncClient, google: Google) -> None:
    await sign_in(http, google.token())
    google.add_key("second")
    tokens = [google.token(key_id="second") for _ in range(5)]

    codes = {(await sign_in(http, token)).status_code for token in tokens}

    assert codes == {401}
    assert google.requests == 1


async def test_without_certificates_nobody_is_verified_and_nobody_is_blamed(
    http: httpx.AsyncClient, google: Google
) -> None:
    google.is_up = False

    answer = await sign_in(http, google.token())

    assert refusal(answer) == (503, None)
    assert answer.headers["retry-after"]


def _segment(value: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def _certificate(key: rsa.RSAPrivateKey) -> str:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "certificates.test")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()
