"""Twilio's own library, speaking to a local server."""

import base64
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs

import pytest

from backend.clients.channels.sms import Sms
from backend.clients.errors import SendFailed
from tests.clients.conftest import MESSAGE_ID, Reply, StandIn, outgoing, serving

ACCOUNT, TOKEN = "AC00000000000000000000000000000000", "a token"
GUEST, OURS = "+14045550123", "+14045550100"
MADE = Reply(201, json.dumps({"sid": "SM11111111111111111111111111111111", "status": "queued"}).encode())


def texter(url: str, *, public_url: str = "https://tables.example.com") -> Sms:
    return Sms(account_sid=ACCOUNT, auth_token=TOKEN, from_number=OURS, api_url=url, public_url=public_url)


@pytest.fixture
async def sms(stand_in: StandIn) -> AsyncIterator[Sms]:
    made = texter(stand_in.url)
    yield made
    await made.close()


def refusal(status: int, code: int, **more: Any) -> Reply:
    body = {
        "code": code,
        "message": f"The number {GUEST} cannot be used",
        "more_info": "https://docs.example.com",
        "status": status,
    }
    return Reply(status, json.dumps(body | more).encode())


async def test_a_text_message_is_asked_for_with_the_accounts_password(stand_in: StandIn, sms: Sms) -> None:
    stand_in.usual = MADE

    sid = await sms.send(outgoing(GUEST))

    [request] = stand_in.received
    assert sid == "SM11111111111111111111111111111111"
    assert (request.method, request.path) == ("POST", f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json")
    assert base64.b64decode(request.headers["authorization"].removeprefix("Basic ")).decode() == f"{ACCOUNT}:{TOKEN}"
    assert parse_qs(request.body.decode()) == {
        "To": [GUEST],
        "From": [OURS],
        "Body": ["Houston's: Fri 19:30 for 2"],
        "StatusCallback": [f"https://tables.example.com/api/twilio/status?m={MESSAGE_ID}"],
    }


async def test_without_short_words_the_subject_is_sent(stand_in: StandIn, sms: Sms) -> None:
    stand_in.usual = MADE

    await sms.send(outgoing(GUEST, short=""))

    assert parse_qs(stand_in.received[0].body.decode())["Body"] == ["Table for 2 at Houston's: Friday 19:30"]


async def test_twilio_is_not_told_of_an_address_that_it_cannot_call(stand_in: StandIn) -> None:
    stand_in.usual = MADE
    at_home = texter(stand_in.url, public_url="http://127.0.0.1:8000")

    await at_home.send(outgoing(GUEST))

    assert "StatusCallback" not in parse_qs(stand_in.received[0].body.decode())
    await at_home.close()


@pytest.mark.parametrize(
    ("reply", "is_permanent", "is_dead"),
    [
        (refusal(400, 21211), True, True),
        (refusal(400, 21610), True, False),
        (refusal(400, 21614), True, True),
        (refusal(403, 21408), True, False),
        (refusal(400, 21617), True, False),
        (refusal(400, 21606), False, False),
        (refusal(401, 20003), False, False),
        (refusal(429, 20429), False, False),
        (refusal(500, 20500), False, False),
        (Reply(503, b"<html>no</html>"), False, False),
        (Reply(201, b"<html>what?</html>"), False, False),
        (refusal(400, 21211, type="about:blank", title="Invalid number"), True, True),
    ],
)
async def test_codes_tell_what_is_never_tried_again_and_which_number_is_dead(
    stand_in: StandIn, sms: Sms, reply: Reply, is_permanent: bool, is_dead: bool
) -> None:
    stand_in.usual = reply

    with pytest.raises(SendFailed) as caught:
        await sms.send(outgoing(GUEST))

    assert (caught.value.permanent, caught.value.address_is_dead) == (is_permanent, is_dead)
    assert GUEST not in caught.value.reason


async def test_twilio_that_asks_for_fewer_messages_says_for_how_long(stand_in: StandIn, sms: Sms) -> None:
    stand_in.usual = Reply(429, headers={"Retry-After": "9"})

    with pytest.raises(SendFailed) as caught:
        await sms.send(outgoing(GUEST))

    assert (caught.value.permanent, caught.value.retry_after) == (False, timedelta(seconds=9))


async def test_no_answer_is_no_reason_to_give_up() -> None:
    with serving() as gone:
        sms = texter(gone.url)

    with pytest.raises(SendFailed) as caught:
        await sms.send(outgoing(GUEST))

    assert not caught.value.permanent
    await sms.close()
