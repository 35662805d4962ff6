"""Webhooks are signed; ntfy is told in JSON. Both over HTTP, to a local server."""

import hashlib
import hmac
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from backend.clients.channels.ntfy import Ntfy
from backend.clients.channels.webhook import Webhook
from backend.clients.errors import SendFailed
from backend.clients.outbound import Outbound
from tests.clients.conftest import MESSAGE_ID, Reply, StandIn, outgoing

SECRET = "a secret that both sides know"
AT = 1_780_315_200.9


async def failure(send: Callable[[], Awaitable[str]]) -> SendFailed:
    with pytest.raises(SendFailed) as caught:
        await send()
    return caught.value


async def test_a_webhook_tells_everything_once_and_signs_it(stand_in: StandIn, outbound: Outbound) -> None:
    webhook = Webhook(outbound, clock=lambda: AT)

    provider_id = await webhook.send(outgoing(f"{stand_in.url}/hook", details={"secret": SECRET}))

    [request] = stand_in.received
    assert request.json == {
        "id": str(MESSAGE_ID),
        "kind": "table_open",
        "subject": "Table for 2 at Houston's: Friday 19:30",
        "text": "Houston's Pasadena <has> a table.\nFriday 19:30 & 2 people",
        "link": "https://reservations.example.com/book?party=2",
        "facts": {"party_size": 2, "times": ["19:30"]},
        "sent_at": "2026-06-01T12:00:00Z",
    }
    parts = dict(part.split("=", 1) for part in request.headers["x-houstons-signature"].split(","))
    expected = hmac.new(SECRET.encode(), parts["t"].encode() + b"." + request.body, hashlib.sha256).hexdigest()
    assert (parts["t"], parts["v1"]) == ("1780315200", expected)
    assert request.headers["x-houstons-id"] == provider_id == str(MESSAGE_ID)
    assert request.headers["content-type"] == "application/json"


@pytest.mark.parametrize("status", [200, 201, 202, 204])
async def test_any_good_status_means_that_a_webhook_took_it(stand_in: StandIn, outbound: Outbound, status: int) -> None:
    stand_in.usual = Reply(status)

    assert await Webhook(outbound).send(outgoing(stand_in.url, details={"secret": SECRET}))


@pytest.mark.parametrize(
    ("status", "is_permanent", "is_dead"),
    [(410, True, True), (404, True, False), (429, False, False), (503, False, False)],
)
async def test_a_webhook_is_given_up_when_it_says_gone(
    stand_in: StandIn, outbound: Outbound, status: int, is_permanent: bool, is_dead: bool
) -> None:
    stand_in.usual = Reply(status, headers={"Retry-After": "7"})

    error = await failure(lambda: Webhook(outbound).send(outgoing(stand_in.url, details={"secret": SECRET})))

    assert (error.permanent, error.address_is_dead) == (is_permanent, is_dead)
    assert error.retry_after == timedelta(seconds=7)


async def test_nothing_goes_out_unsigned(stand_in: StandIn, outbound: Outbound) -> None:
    error = await failure(lambda: Webhook(outbound).send(outgoing(stand_in.url)))

    assert error.permanent
    assert stand_in.received == []


async def test_ntfy_is_told_topic_title_text_and_where_a_tap_leads(stand_in: StandIn, outbound: Outbound) -> None:
    stand_in.usual = Reply(200, b'{"id":"hwQ2YpKdmg","event":"message"}')

    provider_id = await Ntfy(outbound).send(outgoing(f"{stand_in.url}/base/tables", details={"token": "tk_secret"}))

    [request] = stand_in.received
    assert provider_id == "hwQ2YpKdmg"
    assert request.path == "/base/"
    assert request.headers["authorization"] == "Bearer tk_secret"
    assert request.json == {
        "topic": "tables",
        "title": "Table for 2 at Houston's: Friday 19:30",
        "message": "Houston's: Fri 19:30 for 2",
        "priority": 4,
        "click": "https://reservations.example.com/book?party=2",
    }


@pytest.mark.parametrize("body", [b"", b"ok", b"[]", b'{"id":7}', b'{"id":"\\u0000"}', b"\xff"])
async def test_a_server_that_answers_otherwise_has_taken_it_all_the_same(
    stand_in: StandIn, outbound: Outbound, body: bytes
) -> None:
    stand_in.usual = Reply(200, body)

    provider_id = await Ntfy(outbound).send(outgoing(f"{stand_in.url}/tables", link=None, short="ä" * 9000))

    assert provider_id == str(MESSAGE_ID)
    assert "authorization" not in stand_in.received[0].headers
    assert "click" not in stand_in.received[0].json
    assert len(stand_in.received[0].json["message"].encode()) == 4000


async def test_ntfy_that_asks_for_fewer_messages_is_tried_again(stand_in: StandIn, outbound: Outbound) -> None:
    stand_in.usual = Reply(429)

    assert not (await failure(lambda: Ntfy(outbound).send(outgoing(f"{stand_in.url}/tables")))).permanent
