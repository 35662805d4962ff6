"""Which channels there are, and what people may type for each."""

import subprocess
import sys
from typing import Any

import pytest
from pydantic import SecretStr

from backend.clients.channels.registry import PARSERS, open_senders, parse_address
from backend.settings import Settings
from tests.clients.conftest import HERE

HOOK = "Aa0_-" * 13
KEY = "Ab3" * 10
BOT = "123456789:" + "aB-_5" * 7


def configured(**changes: Any) -> Settings:
    return Settings(_env_file=None, **changes)  # type: ignore[call-arg]


async def key() -> bytes:
    return bytes(31) + b"\x01"


@pytest.mark.parametrize(
    ("kind", "typed", "details", "kept"),
    [
        ("email", " Alice@Guests.TEST ", {"x": 1}, ("alice@guests.test", {})),
        ("email", "Anna@Münchner.example", {}, ("anna@xn--mnchner-n2a.example", {})),
        ("sms", "(404) 555-0123", {}, ("+14045550123", {})),
        ("sms", "+44 20 7946 0018", {}, ("+442079460018", {})),
        (
            "webhook",
            "https://a.example.com/h",
            {"secret": "s" * 16, "x": 1},
            ("https://a.example.com/h", {"secret": "s" * 16}),
        ),
        ("ntfy", "my-topic", {}, ("https://ntfy.sh/my-topic", {})),
        (
            "ntfy",
            "https://ntfy.example.com/up/t_1/",
            {"token": "tk_1"},
            ("https://ntfy.example.com/up/t_1", {"token": "tk_1"}),
        ),
        ("telegram", "-100123", {"bot_token": f" {BOT} "}, ("-100123", {"bot_token": BOT})),
        ("telegram", "@tables", {"bot_token": BOT}, ("@tables", {"bot_token": BOT})),
        (
            "discord",
            f"https://discordapp.com/api/v10/webhooks/123456789012345678/{HOOK}/",
            {},
            (f"https://discord.com/api/webhooks/123456789012345678/{HOOK}", {}),
        ),
        (
            "slack",
            f"https://hooks.slack.com/services/T0AAAAAAA/B0BBBBBBB/{'c' * 24}",
            {},
            (f"https://hooks.slack.com/services/T0AAAAAAA/B0BBBBBBB/{'c' * 24}", {}),
        ),
        ("pushover", KEY, {"app_token": KEY}, (KEY, {"app_token": KEY})),
    ],
)
def test_what_people_type_is_kept_in_one_form(
    kind: str, typed: str, details: dict[str, Any], kept: tuple[str, dict[str, Any]]
) -> None:
    assert parse_address(kind, typed, details) == kept
    assert parse_address(kind, *kept) == kept


@pytest.mark.parametrize(
    ("kind", "typed", "details"),
    [
        ("pigeon", "coop 7", {}),
        ("email", "alice", {}),
        ("email", "älice@guests.test", {}),
        ("sms", "12", {}),
        ("sms", "call me", {}),
        ("webhook", "http://a.example.com/", {}),
        ("webhook", "https://10.0.0.1/", {}),
        ("webhook", "https://a.example.com/", {"secret": "short"}),
        ("webhook", "https://a.example.com/", {"secret": 7}),
        ("webhook", "https://a.example.com/", {"secret": "with a space in the middle"}),
        ("ntfy", "https://ntfy.example.com", {}),
        ("ntfy", "https://ntfy.example.com/", {}),
        ("ntfy", "https://ntfy.example.com/a b", {}),
        ("ntfy", "https://169.254.169.254/topic", {}),
        ("ntfy", "topic", {"token": "two words"}),
        ("ntfy", "topic", {"token": "a\r\nb"}),
        ("telegram", "-100123", {}),
        ("telegram", "-100123", {"bot_token": "x/../y"}),
        ("telegram", "@x/../y", {"bot_token": BOT}),
        ("telegram", "1,2", {"bot_token": BOT}),
        ("discord", f"https://discord.com.example.com/api/webhooks/123456789012345678/{HOOK}", {}),
        ("discord", f"https://discord.com@example.com/api/webhooks/123456789012345678/{HOOK}", {}),
        ("discord", f"https://discord.com/api/webhooks/../users/{HOOK}", {}),
        ("slack", f"https://hooks.slack.com.example.com/services/T0AAAAAAA/B0BBBBBBB/{'c' * 24}", {}),
        ("slack", f"http://hooks.slack.com/services/T0AAAAAAA/B0BBBBBBB/{'c' * 24}", {}),
        ("pushover", "short", {"app_token": KEY}),
        ("pushover", KEY, {"app_token": KEY + "/"}),
        ("pushover", KEY, {}),
        ("web_push", "https://push.example.com/x", {}),
    ],
)
def test_what_cannot_be_an_address_is_refused_in_words(kind: str, typed: str, details: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"\w+ \w+ \w+"):
        parse_address(kind, typed, details)


def test_a_webhook_without_a_secret_gets_one_of_its_own() -> None:
    made = [parse_address("webhook", "https://a.example.com/", {})[1]["secret"] for _ in range(2)]

    assert made[0] != made[1]
    assert all(len(secret) >= 32 for secret in made)


def test_allowed_networks_may_be_typed() -> None:
    assert parse_address("ntfy", "http://127.0.0.1:8080/t", {}, allow=HERE)[0] == "http://127.0.0.1:8080/t"


async def test_there_is_a_sender_for_every_kind_that_is_set_up() -> None:
    everything = configured(
        smtp_host="mail.tracker.test",
        smtp_from="Tracker <tables@tracker.test>",
        twilio_account_sid="AC0",
        twilio_auth_token=SecretStr("x"),
        twilio_from_number="+14045550100",
    )

    full, bare = open_senders(everything, push_key=key), open_senders(configured(), push_key=None)

    assert set(full) == set(PARSERS)
    assert set(PARSERS) - set(bare) == {"email", "sms", "web_push"}
    for _ in range(2):
        for sender in (*full.values(), *bare.values()):
            await sender.close()


def test_opening_all_channels_loads_none_of_the_slow_libraries() -> None:
    program = (
        "import sys, backend.clients.channels.registry as registry\n"
        "from backend.settings import Settings\n"
        "registry.open_senders(Settings(_env_file=None), push_key=None)\n"
        "print([name for name in ('apprise', 'twilio', 'pywebpush', 'py_vapid') if name in sys.modules])"
    )

    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout

    assert loaded.strip() == "[]"
