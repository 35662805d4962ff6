"""A browser can read what is pushed to it, and its push service can tell that it was us."""

import base64
import json
from typing import Any

import http_ece
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from py_vapid import jwt

from backend.clients.channels.web_push import WebPush, parse
from backend.clients.errors import SendFailed
from backend.clients.outbound import Outbound
from backend.services.keys import public_push_key
from tests.clients.conftest import HERE, MESSAGE_ID, Reply, StandIn, outgoing

KEY = bytes(range(1, 33))
AUTH = bytes(16)
ENDPOINT = "https://fcm.googleapis.com/fcm/send/to-me"
AT = 1_780_315_200


def encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


class Browser:
    """Subscribed, with a private key of its own."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        point = self._key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        self.details = {"p256dh": encoded(point), "auth": encoded(AUTH)}

    def read(self, body: bytes) -> Any:
        return json.loads(http_ece.decrypt(body, private_key=self._key, auth_secret=AUTH, version="aes128gcm"))


def web_push(outbound: Outbound, asked: list[int] | None = None) -> WebPush:
    async def key() -> bytes:
        if asked is not None:
            asked.append(1)
        return KEY

    return WebPush(outbound, key=key, contact="mailto:operator@tracker.test", clock=lambda: AT)


async def test_a_browser_can_read_what_is_pushed(stand_in: StandIn, outbound: Outbound) -> None:
    browser = Browser()
    stand_in.usual = Reply(201, headers={"Location": "https://push.example.com/m/1"})

    provider_id = await web_push(outbound).send(outgoing(f"{stand_in.url}/to/me", details=browser.details))

    [request] = stand_in.received
    assert provider_id == "https://push.example.com/m/1"
    assert browser.read(request.body) == {
        "title": "Table for 2 at Houston's: Friday 19:30",
        "body": "Houston's: Fri 19:30 for 2",
        "url": "https://reservations.example.com/book?party=2",
        "kind": "table_open",
        "tag": str(MESSAGE_ID),
    }
    assert request.headers["content-encoding"] == "aes128gcm"
    assert (request.headers["ttl"], request.headers["urgency"]) == ("600", "high")


@pytest.mark.parametrize(
    ("kind", "seconds"),
    [("table_open", "600"), ("channel_test", "600"), ("booked", "86400"), ("booking_unknown", "86400")],
)
async def test_a_booking_waits_longer_for_a_browser_than_a_table_does(
    stand_in: StandIn, outbound: Outbound, kind: str, seconds: str
) -> None:
    await web_push(outbound).send(outgoing(stand_in.url, details=Browser().details, kind=kind))

    assert stand_in.received[0].headers["ttl"] == seconds


async def test_the_push_service_can_tell_that_it_was_us(stand_in: StandIn, outbound: Outbound) -> None:
    await web_push(outbound).send(outgoing(f"{stand_in.url}/to/me", details=Browser().details))

    scheme, _, parameters = stand_in.received[0].headers["authorization"].partition(" ")
    parts = dict(part.split("=", 1) for part in parameters.split(","))
    assert (scheme, parts["k"]) == ("vapid", public_push_key(KEY))
    assert jwt.decode(parts["t"], public_push_key(KEY)) == {
        "aud": stand_in.url,
        "exp": AT + 12 * 3600,
        "sub": "mailto:operator@tracker.test",
    }


async def test_the_key_is_asked_for_once(stand_in: StandIn, outbound: Outbound) -> None:
    asked: list[int] = []
    channel = web_push(outbound, asked)

    for _ in range(3):
        await channel.send(outgoing(stand_in.url, details=Browser().details))

    assert asked == [1]


async def test_the_longest_message_fits_what_push_services_take(stand_in: StandIn, outbound: Outbound) -> None:
    browser = Browser()
    longest = outgoing(
        stand_in.url, details=browser.details, short="\U0001f37d" * 900, link="https://x.example.com/" + "y" * 1500
    )

    await web_push(outbound).send(longest)

    assert len(stand_in.received[0].body) <= 4096
    assert browser.read(stand_in.received[0].body)["url"] == longest.link


@pytest.mark.parametrize(
    ("status", "is_permanent", "is_dead"),
    [
        (404, True, True),
        (410, True, True),
        (400, True, False),
        (413, True, False),
        (429, False, False),
        (500, False, False),
    ],
)
async def test_a_subscription_that_ended_is_dead(
    stand_in: StandIn, outbound: Outbound, status: int, is_permanent: bool, is_dead: bool
) -> None:
    stand_in.usual = Reply(status)

    with pytest.raises(SendFailed) as caught:
        await web_push(outbound).send(outgoing(stand_in.url, details=Browser().details))

    assert (caught.value.permanent, caught.value.address_is_dead) == (is_permanent, is_dead)


@pytest.mark.parametrize(
    "details", [{}, {"p256dh": "AAAA", "auth": "AAAA"}, {"p256dh": encoded(b"\x04" + bytes(64)), "auth": encoded(AUTH)}]
)
async def test_keys_that_are_none_send_nothing(stand_in: StandIn, outbound: Outbound, details: dict[str, str]) -> None:
    with pytest.raises(SendFailed) as caught:
        await web_push(outbound).send(outgoing(stand_in.url, details=details))

    assert caught.value.permanent
    assert stand_in.received == []


def test_a_subscription_is_taken_as_browsers_give_it() -> None:
    details = Browser().details
    given = {"expirationTime": None, "keys": {name: value + "==" for name, value in details.items()}}

    assert parse(ENDPOINT, given, ()) == (ENDPOINT, details)
    assert parse("http://127.0.0.1:99/to/me", details, HERE) == ("http://127.0.0.1:99/to/me", details)


@pytest.mark.parametrize(
    "changes",
    [
        {"auth": ""},
        {"auth": encoded(bytes(15))},
        {"p256dh": "ä"},
        {"p256dh": encoded(b"\x04" + bytes(64))},
        {"p256dh": 7},
    ],
)
def test_keys_of_no_browser_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="not those of a browser"):
        parse(ENDPOINT, Browser().details | changes, ())


@pytest.mark.parametrize(
    "host",
    [
        "fcm.googleapis.com",
        "updates.push.services.mozilla.com",
        "web.push.apple.com",
        "wns2-par02p.notify.windows.com",
    ],
)
def test_every_browsers_push_service_is_taken(host: str) -> None:
    assert parse(f"https://{host}/to/me", Browser().details, ())[0] == f"https://{host}/to/me"


@pytest.mark.parametrize(
    "address",
    [
        "https://push.example.com/to/me",
        "https://fcm.googleapis.com.example.com/to/me",
        "https://xfcm.googleapis.com/to/me",
        "https://push.apple.com.example.com/to/me",
        "https://93.184.216.34/to/me",
        "http://fcm.googleapis.com/to/me",
        "https://fcm.googleapis.com:9000/to/me",
    ],
)
def test_an_endpoint_anywhere_else_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match=r"\w+ \w+ \w+"):
        parse(address, Browser().details, HERE)
