"""What providers report of messages, with their signatures."""

import hmac
import json
import time
from hashlib import sha256
from typing import Any
from uuid import uuid4

import httpx
import pytest
from pydantic import SecretStr
from twilio.request_validator import RequestValidator

from backend.db.queries import delivery
from backend.db.queries.delivery import Verdict
from backend.settings import Settings
from tests.api.conftest import execute, prove_addresses, refusal, scalar
from tests.api.test_channels import NUMBER, TWILIO
from tests.api.test_watches import make
from tests.conftest import serving
from workers.resources import Resources

TOKEN, MAIL_KEY = "a token for tests", "a key that the mail service shares"
PUBLIC = "https://tables.example.org"
SID = "SM0123456789"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """With texts and reports of bounces set up, behind an address of its own."""
    return settings.model_copy(update={**TWILIO, "mail_callback_key": SecretStr(MAIL_KEY), "public_url": PUBLIC})


@pytest.fixture
async def alice(alice: httpx.AsyncClient, resources: Resources) -> httpx.AsyncClient:
    """Her address and her number are proven; a text and a mail have been sent."""
    await execute(resources, f"INSERT INTO channels (user_id, kind, address) VALUES (1, 'sms', '{NUMBER}')")
    await prove_addresses(resources)
    await execute(resources, "UPDATE channels SET verified_at = now() - interval '1 day'")
    await execute(resources, "DELETE FROM notification_log")
    await execute(
        resources,
        "INSERT INTO notification_log (user_id, channel_id, channel, kind, recipient, status, attempts, sent_at, "
        "provider_id) SELECT 1, id, kind, 'channel_test', address, 'sent', 1, now(), "
        f"CASE kind WHEN 'sms' THEN '{SID}' ELSE '<0123@tracker.test>' END FROM channels ORDER BY id",
    )
    return alice


async def from_twilio(http: httpx.AsyncClient, path: str, token: str = TOKEN, **form: str) -> httpx.Response:
    signature = RequestValidator(token).compute_signature(f"{PUBLIC}{path}", form)
    return await http.post(path, data=form, headers={"X-Twilio-Signature": signature})


async def status(http: httpx.AsyncClient, name: str, sid: str = SID, **more: str) -> httpx.Response:
    return await from_twilio(http, "/api/twilio/status", MessageSid=sid, MessageStatus=name, **more)


async def reply(http: httpx.AsyncClient, words: str, number: str = NUMBER) -> httpx.Response:
    return await from_twilio(http, "/api/twilio/incoming", From=number, Body=words)


async def bounce(http: httpx.AsyncClient, *, key: str = MAIL_KEY, age: int = 0, **body: Any) -> httpx.Response:
    content, at = json.dumps(body).encode(), str(int(time.time()) - age)
    signature = hmac.new(key.encode(), at.encode() + b"." + content, sha256).hexdigest()
    headers = {"X-Signature": f"t={at},v1={signature}", "Content-Type": "application/json"}
    return await http.post("/api/mail/bounce", content=content, headers=headers)


async def row(resources: Resources, channel: str, column: str) -> Any:
    return await scalar(resources, f"SELECT {column} FROM notification_log WHERE channel = '{channel}' ORDER BY id")


async def channel(resources: Resources, kind: str, column: str) -> Any:
    return await scalar(resources, f"SELECT {column} FROM channels WHERE kind = '{kind}'")


async def test_a_delivered_text_is_written_down_and_stays_delivered(
    client: httpx.AsyncClient, alice: httpx.AsyncClient, resources: Resources
) -> None:
    answers = [await status(client, name) for name in ("sent", "delivered", "sent", "delivered")]

    assert [answer.status_code for answer in answers] == [200] * 4
    assert await row(resources, "sms", "status") == "sent"
    assert await row(resources, "sms", "provider_status") == "delivered"
    assert await row(resources, "sms", "delivered_at IS NOT NULL")


async def test_a_dead_number_is_turned_off_with_the_reason(
    client: httpx.AsyncClient, alice: httpx.AsyncClient, resources: Resources
) -> None:
    reasons = []
    for code in ("30004", "30005", "30006", "21614"):
        await execute(resources, "UPDATE notification_log SET status = 'sent'")
        await execute(resources, "UPDATE channels SET disabled_at = NULL, disabled_reason = NULL")
        answers = [await status(client, "undelivered", ErrorCode=code) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [200, 200]
        reasons.append(str(await channel(resources, "sms", "disabled_reason")))

    assert [reason[-7:] for reason in reasons] == ["(30004)", "(30005)", "(30006)", "(21614)"]
    assert await row(resources, "sms", "status || provider_status") == "bouncedundelivered"
    assert await row(resources, "sms", "error_message") == reasons[-1]
    assert await channel(resources, "email", "disabled_at") is None


@pytest.mark.parametrize("code", ["30003", "30007"])
async def test_a_telephone_that_is_off_and_a_carriers_filter_leave_the_number_in_use(
    client: httpx.AsyncClient, alice: httpx.AsyncClient, resources: Resources, code: str
) -> None:
    await status(client, "failed", ErrorCode=code)

    assert await row(resources, "sms", "status") == "bounced"
    assert await channel(resources, "sms", "disabled_at") is None


async def test_a_report_of_before_the_number_was_proven_anew_does_not_turn_it_off(
    client: httpx.AsyncClient, alice: httpx.AsyncClient, resources: Resources
) -> None:
    await execute(resources, "UPDATE channels SET verified_at = now() + interval '1 second'")

    await status(client, "undelivered", ErrorCode="30005")

    assert await row(resources, "sms", "status") == "bounced"
    assert await channel(resources, "sms", "disabled_at") is None


async def test_a_report_of_an_unknown_message_changes_nothing(
    client: httpx.AsyncClient, alice: httpx.AsyncClient, resources: Resources
) -> None:
    answers = [
        await status(client, "failed", sid="SM9", ErrorCode="30005"),
        await status(client, "failed", sid="", ErrorCode="30005"),
        await bounce(client, message_id="<9@tracker.test>", type="hard", reason="550"),
        await bounce(client, recipient="nobody@guests.test", type="hard", reason="550"),
    ]

    assert [answer.status_code for answer in answers] == [200] * 4
    assert await scalar(resources, "SELECT count(*) FROM notification_log WHERE status = 'sent'") == 2
    assert await scalar(resources, "SELECT count(*) FROM channels WHERE disabled_at IS NOT NULL") == 0


async def test_stop_mutes_the_number_wherever_it_is_known(
    client: httpx.AsyncClient, alice: httpx.AsyncClient, charlie: httpx.AsyncClient, resources: Resources
) -> None:
    await execute(resources, f"INSERT INTO channels (user_id, kind, address) VALUES (2, 'sms', '{NUMBER}')")
    muted = "SELECT count(*) FROM channels WHERE kind = 'sms' AND muted_at IS NOT NULL"

    counts = []
    for word in ("STOP", "stopall", " Unsubscribe ", "CANCEL.", "End", "QUIT"):
        answer = await reply(client, word)
        counts.append(await scalar(resources, muted))
        await reply(client, "UNSTOP")
        counts.append(await scalar(resources, muted))

    assert counts == [2, 0] * 6
    assert answer.headers["content-type"].startswith("application/xml")
    assert "<Message>" not in answer.text
    assert await channel(resources, "email", "muted_at") is None


async def test_after_stop_only_start_lets_texts_through_again(
    client: httpx.AsyncClient, alice: httpx.AsyncClient, charlie: httpx.AsyncClient, resources: Resources
) -> None:
    await make(alice)
    await execute(resources, "UPDATE watches SET needs_match = false")
    await reply(client, "STOP")
    shown = (await alice.get("/api/channels")).json()["channels"][1]

    unmuted = await alice.post(f"/api/channels/{shown['id']}/unmute")
    tested = await alice.post(f"/api/channels/{shown['id']}/test")
    elsewhere = await charlie.post("/api/channels", json={"kind": "sms", "address": NUMBER})
    started = await reply(client, "Start")

    assert (shown["muted"], shown["stopped"]) == (True, True)
    assert [refusal(answer) for answer in (unmuted, tested, elsewhere)] == [(409, None), (409, None), (409, "address")]
    assert started.status_code == 200
    now = (await alice.get("/api/channels")).json()["channels"][1]
    assert (now["muted"], now["stopped"]) == (False, False)
    assert await scalar(resources, "SELECT needs_match FROM watches")


async def test_after_stop_not_even_a_code_is_sent_there_also_when_the_channel_was_removed(
    client: httpx.AsyncClient, alice: httpx.AsyncClient, resources: Resources
) -> None:
    await execute(resources, "UPDATE channels SET verified_at = NULL WHERE kind = 'sms'")
    number = (await alice.get("/api/channels")).json()["channels"][1]["id"]
    wish = {"kind": "sms", "address": NUMBER}
    await reply(client, "STOP")

    known = [await alice.post(f"/api/channels/{number}/code"), await alice.post("/api/channels", json=wish)]
    removed = await alice.delete(f"/api/channels/{number}")
    again = await alice.post("/api/channels", json=wish)
    await reply(client, "START")
    welcome = await alice.post("/api/channels", json=wish)

    assert [refusal(answer) for answer in (*known, again)] == [(409, None), (409, "address"), (409, "address")]
    assert (removed.status_code, welcome.status_code) == (200, 200)
    assert await scalar(resources, "SELECT count(*) FROM notification_log WHERE kind = 'channel_code'") == 1


async def test_what_the_provider_kept_back_because_of_stop_counts_as_stop_and_start_takes_it_back(
    client: httpx.AsyncClient, alice: httpx.AsyncClient, resources: Resources
) -> None:
    await status(client, "undelivered", ErrorCode="21610")

    stopped = (await alice.get("/api/channels")).json()["channels"][1]
    await reply(client, "START")
    started = (await alice.get("/api/channels")).json()["channels"][1]

    keys = ("stopped", "muted", "disabled")
    assert [stopped[key] for key in keys] == [True, True, False]
    assert [started[key] for key in keys] == [False, False, False]


async def test_help_is_answered_with_a_sentence_and_all_else_with_silence(
    client: httpx.AsyncClient, alice: httpx.AsyncClient, resources: Resources
) -> None:
    helped, other = await reply(client, "help"), await reply(client, "Please stop by & say <hello>\x00")

    assert "<Message>Houston's Reservation Tracker" in helped.text
    assert PUBLIC in helped.text
    assert "<Message>" not in other.text
    assert await channel(resources, "sms", "muted_at") is None


@pytest.mark.parametrize("path", ["/api/twilio/status", "/api/twilio/incoming"])
async def test_what_twilio_did_not_sign_is_refused(
    client: httpx.AsyncClient, alice: httpx.AsyncClient, resources: Resources, path: str
) -> None:
    form = {"From": NUMBER, "Body": "STOP", "MessageSid": SID, "MessageStatus": "failed"}
    elsewhere = RequestValidator(TOKEN).compute_signature(f"https://elsewhere.example.org{path}", form)

    answers = [
        await client.post(path, data=form),
        await from_twilio(client, path, "another token", **form),
        await client.post(path, data=form, headers={"X-Twilio-Signature": elsewhere}),
        await client.post(path, data=form, headers={b"X-Twilio-Signature": "é".encode()}),
        await alice.post(path, data=form),
    ]

    assert [refusal(answer) for answer in answers] == [(401, None)] * 5
    assert await row(resources, "sms", "status") == "sent"
    assert await channel(resources, "sms", "muted_at") is None


async def test_a_hard_bounce_turns_the_address_off_once(
    client: httpx.AsyncClient, alice: httpx.AsyncClient, resources: Resources
) -> None:
    answers = [await bounce(client, message_id="0123@tracker.test", type="hard", reason="550 no such user")] * 2

    assert [answer.status_code for answer in answers] == [200, 200]
    assert await row(resources, "email", "status || ': ' || error_message") == "bounced: 550 no such user"
    assert await channel(resources, "email", "disabled_reason") == "550 no such user"


async def test_a_bounce_without_an_id_is_of_the_newest_mail_to_that_address(
    client: httpx.AsyncClient, alice: httpx.AsyncClient, resources: Resources
) -> None:
    await execute(
        resources,
        "INSERT INTO notification_log (user_id, channel, kind, recipient, status, sent_at) "
        "VALUES (1, 'email', 'password_changed', 'alice@guests.test', 'sent', now() - interval '1 minute')",
    )

    await bounce(client, recipient="Alice@guests.test", type="hard", reason="550")
    await bounce(client, recipient="Alice@guests.test", type="hard", reason="550")

    states = "SELECT array_agg(status ORDER BY id) FROM notification_log WHERE channel = 'email'"
    assert await scalar(resources, states) == ["bounced", "sent"]
    assert await channel(resources, "email", "disabled_reason") == "550"


async def test_a_mail_about_an_account_that_came_back_turns_its_address_off(
    client: httpx.AsyncClient, alice: httpx.AsyncClient, resources: Resources
) -> None:
    await execute(resources, "UPDATE notification_log SET channel_id = NULL, kind = 'password_changed'")

    await bounce(client, message_id="<0123@tracker.test>", type="hard", reason="550")

    assert await channel(resources, "email", "disabled_reason") == "550"


async def test_a_soft_bounce_is_written_down_and_changes_nothing_else(
    client: httpx.AsyncClient, alice: httpx.AsyncClient, resources: Resources
) -> None:
    await bounce(client, message_id="<0123@tracker.test>", type="soft", reason="mailbox full")

    assert await row(resources, "email", "status") == "sent"
    assert await row(resources, "email", "provider_status") == "soft bounce: mailbox full"
    assert await channel(resources, "email", "disabled_at") is None


async def test_who_complains_gets_no_more_alerts(
    client: httpx.AsyncClient, alice: httpx.AsyncClient, resources: Resources
) -> None:
    await bounce(client, message_id="<0123@tracker.test>", type="complaint")

    assert await channel(resources, "email", "muted_at IS NOT NULL AND disabled_at IS NULL")
    assert await row(resources, "email", "provider_status") == "complaint"


async def test_a_report_of_mails_that_is_forged_or_old_is_refused(
    client: httpx.AsyncClient, alice: httpx.AsyncClient, resources: Resources
) -> None:
    report = {"message_id": "<0123@tracker.test>", "type": "hard"}
    answers = [
        await client.post("/api/mail/bounce", json=report),
        await bounce(client, key="another key", **report),
        await bounce(client, age=301, **report),
        await bounce(client, age=-301, **report),
        await client.post("/api/mail/bounce", json=report, headers={b"X-Signature": "t=1,v1=é".encode()}),
    ]

    assert [refusal(answer) for answer in answers] == [(401, None)] * 5
    assert await row(resources, "email", "status") == "sent"


async def test_a_report_that_says_nothing_is_400(client: httpx.AsyncClient, resources: Resources) -> None:
    bodies: list[dict[str, Any]] = [
        {"type": "hard"},
        {"type": "other", "message_id": "1"},
        {"message_id": "1"},
        {"type": "soft", "recipient": "\x00"},
    ]

    assert [(await bounce(client, **body)).status_code for body in bodies] == [400] * 4


async def test_where_nothing_is_set_up_nothing_is_taken(settings: Settings, resources: Resources) -> None:
    bare = settings.model_copy(update={**dict.fromkeys(TWILIO), "mail_callback_key": None})
    with serving(bare) as url:
        async with httpx.AsyncClient(base_url=url) as http:
            answers = [
                await status(http, "delivered"),
                await reply(http, "STOP"),
                await bounce(http, message_id="1", type="soft"),
            ]

    assert [refusal(answer) for answer in answers] == [(401, None)] * 3


async def test_a_report_that_comes_before_our_verdict_counts_and_outlives_it(
    alice: httpx.AsyncClient, resources: Resources
) -> None:
    await execute(
        resources,
        "UPDATE notification_log SET status = 'queued', attempts = 0, sent_at = NULL, provider_id = NULL "
        "WHERE channel = 'sms'",
    )
    token = uuid4()
    async with resources.sessions.begin() as session:
        (claimed,) = await delivery.claim_due(session, "sms", most=1, each=1, token=token)

    path = f"/api/twilio/status?m={claimed.message_id}"
    await from_twilio(alice, path, MessageSid=SID, MessageStatus="undelivered", ErrorCode="30005")
    async with resources.sessions.begin() as session:
        mine = await delivery.settle(session, [Verdict(claimed, "sent", provider_id=SID)])

    assert mine == set()
    assert await row(resources, "sms", "status") == "bounced"
    assert await row(resources, "sms", "provider_id") == SID
    assert await scalar(resources, "SELECT disabled_at IS NOT NULL FROM channels WHERE kind = 'sms'")
