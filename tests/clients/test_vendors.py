"""Telegram, Discord, Slack and Pushover through Apprise, with a local server in the place of each vendor's."""

import json
import logging
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs

import pytest
from apprise.plugins.discord import NotifyDiscord
from apprise.plugins.pushover import NotifyPushover
from apprise.plugins.slack import NotifySlack
from apprise.plugins.telegram import NotifyTelegram

from backend.clients.channels.outgoing import Outgoing
from backend.clients.channels.registry import VENDORS
from backend.clients.channels.vendors import VendorChannel, VendorThreads
from backend.clients.errors import SendFailed
from tests.clients.conftest import MESSAGE_ID, Reply, StandIn, outgoing, serving

BOT = "123456789:" + "b" * 35
KEY, APP = "u" * 30, "a" * 30
HOOK = "d" * 68
MESSAGES = {
    "telegram": outgoing("-100200300", details={"bot_token": BOT}),
    "discord": outgoing(f"https://discord.com/api/webhooks/112233445566778899/{HOOK}"),
    "slack": outgoing("https://hooks.slack.com/services/T0AAAAAAA/B0BBBBBBB/ccccccccccccccccccccc"),
    "pushover": outgoing(KEY, details={"app_token": APP}),
}
GOOD = {
    "telegram": Reply(200, b'{"ok":true}'),
    "discord": Reply(204),
    "slack": Reply(200, b"ok"),
    "pushover": Reply(200, b'{"status":1}'),
}
KINDS = list(MESSAGES)
PLACES: dict[str, tuple[Any, str]] = {
    "telegram": (NotifyTelegram, "notify_url"),
    "discord": (NotifyDiscord, "notify_url"),
    "slack": (NotifySlack, "webhook_url"),
    "pushover": (NotifyPushover, "notify_url"),
}


@pytest.fixture
def vendor(stand_in: StandIn, monkeypatch: pytest.MonkeyPatch) -> StandIn:
    """Apprise's constants name the local server."""
    take_place(monkeypatch, stand_in)
    return stand_in


def take_place(monkeypatch: pytest.MonkeyPatch, stand_in: StandIn) -> None:
    for plugin, name in PLACES.values():
        path = getattr(plugin, name).split("/", 3)[3]
        monkeypatch.setattr(plugin, name, f"{stand_in.url}/{path}")


@pytest.fixture
async def threads() -> AsyncIterator[VendorThreads]:
    made = VendorThreads()
    yield made
    made.close()


async def send(kind: str, threads: VendorThreads, message: Outgoing | None = None) -> str:
    return await VendorChannel(VENDORS[kind], threads).send(message or MESSAGES[kind])


async def failure(kind: str, threads: VendorThreads, message: Outgoing | None = None) -> SendFailed:
    with pytest.raises(SendFailed) as caught:
        await send(kind, threads, message)
    return caught.value


def test_the_vendors_hosts_are_constants() -> None:
    assert [getattr(plugin, name) for plugin, name in PLACES.values()] == [
        "https://api.telegram.org/bot",
        "https://discord.com/api/webhooks",
        "https://hooks.slack.com/services",
        "https://api.pushover.net/1/messages.json",
    ]


async def test_telegram_gets_title_and_text_escaped(vendor: StandIn, threads: VendorThreads) -> None:
    vendor.usual = GOOD["telegram"]

    assert await send("telegram", threads) == str(MESSAGE_ID)

    [request] = vendor.received
    assert (request.path, request.json["chat_id"]) == (f"/bot{BOT}/sendMessage", -100200300)
    assert request.json["parse_mode"] == "HTML"
    assert "Table for 2 at Houston" in request.json["text"]
    assert "&lt;has&gt;" in request.json["text"]


async def test_discord_gets_title_and_text(vendor: StandIn, threads: VendorThreads) -> None:
    vendor.usual = GOOD["discord"]

    await send("discord", threads)

    [request] = vendor.received
    assert request.path == f"/api/webhooks/112233445566778899/{HOOK}"
    assert "Table for 2 at Houston's: Friday 19:30" in request.json["content"]
    assert "Friday 19:30 & 2 people" in request.json["content"]
    assert "avatar_url" not in request.json


async def test_slack_gets_title_and_text(vendor: StandIn, threads: VendorThreads) -> None:
    vendor.usual = GOOD["slack"]

    await send("slack", threads)

    [request] = vendor.received
    assert request.path == "/services/T0AAAAAAA/B0BBBBBBB/ccccccccccccccccccccc"
    said = json.dumps(request.json)
    assert "Table for 2 at Houston's: Friday 19:30" in said
    assert "&lt;has&gt;" in said


async def test_pushover_gets_title_text_and_link(vendor: StandIn, threads: VendorThreads) -> None:
    vendor.usual = GOOD["pushover"]

    await send("pushover", threads)

    said = parse_qs(vendor.received[0].body.decode())
    assert (said["user"], said["token"]) == ([KEY], [APP])
    assert said["title"] == ["Table for 2 at Houston's: Friday 19:30"]
    assert "2 people" in said["message"][0]
    assert said["url"] == ["https://reservations.example.com/book?party=2"]


@pytest.mark.parametrize("kind", KINDS)
async def test_a_long_text_is_one_message(vendor: StandIn, threads: VendorThreads, kind: str) -> None:
    vendor.usual = GOOD[kind]

    await send(kind, threads, outgoing(MESSAGES[kind].to, details=MESSAGES[kind].details, text="word " * 20_000))

    assert len(vendor.received) == 1


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("status", "is_permanent"), [(400, True), (429, False), (500, False), (503, False)])
async def test_statuses_tell_what_may_pass(
    vendor: StandIn, threads: VendorThreads, kind: str, status: int, is_permanent: bool
) -> None:
    vendor.usual = Reply(status, b'{"error=200": "retry later"}')

    error = await failure(kind, threads)

    assert (error.permanent, error.address_is_dead) == (is_permanent, False)
    assert error.reason == f"{VENDORS[kind].name} answered {status}"


@pytest.mark.parametrize(
    ("kind", "reply"),
    [
        ("telegram", Reply(401, b'{"ok":false,"description":"Unauthorized"}')),
        ("telegram", Reply(403, b'{"ok":false,"description":"Forbidden: bot was blocked by the user"}')),
        ("telegram", Reply(400, b'{"ok":false,"description":"Bad Request: chat not found"}')),
        ("discord", Reply(404, b'{"message":"Unknown Webhook","code":10015}')),
        ("discord", Reply(401, b'{"message":"Invalid Webhook Token","code":50027}')),
        ("slack", Reply(404, b"no_service")),
        ("slack", Reply(403, b"invalid_token")),
        ("slack", Reply(410, b"channel_is_archived")),
        ("pushover", Reply(400, b'{"user":"invalid","errors":["user identifier is not valid"],"status":0}')),
        ("pushover", Reply(400, b'{"token":"invalid","errors":["application token is invalid"],"status":0}')),
    ],
)
async def test_channels_that_ended_are_dead(vendor: StandIn, threads: VendorThreads, kind: str, reply: Reply) -> None:
    vendor.usual = reply

    error = await failure(kind, threads)

    assert error.permanent
    assert error.address_is_dead


async def test_telegram_says_how_long_it_wants_to_be_left_alone(vendor: StandIn, threads: VendorThreads) -> None:
    vendor.usual = Reply(429, b'{"ok":false,"description":"Too Many Requests: retry after 35"}')

    assert (await failure("telegram", threads)).retry_after == timedelta(seconds=35)


async def test_discord_is_not_waited_for(vendor: StandIn, threads: VendorThreads) -> None:
    vendor.usual = Reply(429, headers={"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "99999999999"})

    assert not (await failure("discord", threads)).permanent


@pytest.mark.parametrize("kind", KINDS)
async def test_a_redirect_is_not_followed(vendor: StandIn, threads: VendorThreads, kind: str) -> None:
    with serving() as elsewhere:
        vendor.usual = Reply(307, headers={"Location": elsewhere.url})

        assert (await failure(kind, threads)).permanent

        assert elsewhere.received == []


@pytest.mark.parametrize("kind", KINDS)
async def test_no_answer_is_no_reason_to_give_up(
    monkeypatch: pytest.MonkeyPatch, threads: VendorThreads, kind: str
) -> None:
    with serving() as gone:
        take_place(monkeypatch, gone)

    error = await failure(kind, threads)

    assert not error.permanent
    assert error.reason == f"{VENDORS[kind].name} cannot be reached"


@pytest.mark.parametrize("kind", ["telegram", "pushover"])
async def test_without_its_token_nothing_is_sent(vendor: StandIn, threads: VendorThreads, kind: str) -> None:
    error = await failure(kind, threads, outgoing(MESSAGES[kind].to))

    assert error.permanent
    assert vendor.received == []


@pytest.mark.parametrize("kind", KINDS)
async def test_tokens_reach_no_log(
    vendor: StandIn, threads: VendorThreads, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    vendor.usual = Reply(500)

    with caplog.at_level(logging.DEBUG):
        await failure(kind, threads)

    for secret in (BOT, HOOK, APP, KEY, "ccccccccccccccccccccc"):
        assert secret not in "".join(record.getMessage() for record in caplog.records if record.name == "apprise")
