"""Where a person is told: channels are added, proven by a code, tested, muted, turned off and removed."""

import asyncio
import re
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from sqlalchemy import text

from backend.clients.channels.outgoing import Outgoing
from backend.clients.errors import SendFailed
from backend.services import channel_tests
from backend.services.delivery import deliver
from backend.services.outbox import dispatch
from backend.settings import Settings
from tests.api.conftest import execute, prove_addresses, refusal, scalar, send_mails
from tests.api.test_watches import make
from tests.conftest import Simulator, eventually, serving
from workers.resources import Resources

NUMBER = "+14045550123"
TWILIO = {
    "twilio_account_sid": "AC0123",
    "twilio_auth_token": SecretStr("a token for tests"),
    "twilio_from_number": "+14045550100",
}
BROWSER = {
    "kind": "web_push",
    "address": "https://updates.push.services.mozilla.com/wpush/v2/abcdefghijkl",
    "details": {
        "keys": {
            "p256dh": "BNcRdreALRFXTkOOUHK1EtK2wtaz5Ry4YfYCA_0QTpQtUbVlUls0VJXg7A8u-Ts1XbjhazAkj7I99e8QcYP7DkM",
            "auth": "tBHItJI5svbpez7KI4CCXg",
        }
    },
}


@dataclass
class Recorder:
    """What stands for a provider: keeps what it is given, or refuses it."""

    failure: SendFailed | None = None
    sent: list[Outgoing] = field(default_factory=list)

    async def send(self, message: Outgoing) -> str:
        if self.failure is not None:
            raise self.failure
        self.sent.append(message)
        return f"provider-{len(self.sent)}"

    async def close(self) -> None:
        """Nothing is held."""

    @property
    def code(self) -> str:
        """The code in the newest message."""
        found = re.search(r"\b[0-9]{6}\b", self.sent[-1].short)
        assert found is not None
        return found[0]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """With text messages set up."""
    return settings.model_copy(update=TWILIO)


@pytest.fixture
async def alice(alice: httpx.AsyncClient, resources: Resources) -> httpx.AsyncClient:
    """Her address is proven, and nothing waits to be sent."""
    await prove_addresses(resources)
    await execute(resources, "DELETE FROM notification_log")
    return alice


async def go_out(resources: Resources, recorder: Any) -> None:
    """Everything that waits in the ledger goes out, whatever its kind."""
    async with resources.sessions() as session:
        ids = list((await session.execute(text("SELECT id FROM notification_log WHERE status = 'queued'"))).scalars())
    senders = dict.fromkeys(("email", "sms", "ntfy", "webhook", "web_push"), recorder)
    preparation = replace(resources.preparation, senders=senders, public_url="http://tracker.test")
    await deliver(preparation, ids, send_on=partial(dispatch, resources.sessions, resources.jobs))


async def add(http: httpx.AsyncClient, kind: str = "sms", address: str = NUMBER, **fields: Any) -> dict[str, Any]:
    answer = await http.post("/api/channels", json={"kind": kind, "address": address, **fields})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def verified(http: httpx.AsyncClient, resources: Resources, kind: str = "sms", address: str = NUMBER) -> int:
    """A channel whose code was typed; returns its id."""
    channel_id: int = (await add(http, kind, address))["channel"]["id"]
    recorder = Recorder()
    await go_out(resources, recorder)
    answer = await http.post(f"/api/channels/{channel_id}/verify", json={"code": recorder.code})
    assert answer.status_code == 200, answer.text
    await execute(resources, "DELETE FROM notification_log")
    return channel_id


async def listed(http: httpx.AsyncClient) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await http.get("/api/channels")).json()["channels"]
    return found


async def test_the_address_one_signs_in_with_is_the_first_channel(alice: httpx.AsyncClient) -> None:
    [channel] = await listed(alice)

    assert channel.items() >= {"kind": "email", "address": "alice@guests.test", "verified": True}.items()
    assert channel.items() >= {"is_sign_in": True, "muted": False, "disabled": False, "label": None}.items()


async def test_a_number_gets_its_code_and_is_told_what_is_open_once_the_code_is_typed(
    alice: httpx.AsyncClient, resources: Resources
) -> None:
    await make(alice)
    await execute(resources, "UPDATE watches SET needs_match = false")
    recorder = Recorder()

    added = await add(alice, address="(404) 555-0123", label=" mine ")
    await go_out(resources, recorder)
    answer = await alice.post(f"/api/channels/{added['channel']['id']}/verify", json={"code": f" {recorder.code} "})

    assert added["channel"].items() >= {"address": NUMBER, "label": "mine", "verified": False}.items()
    assert "code" in added["next"]
    assert answer.status_code == 200
    assert [(message.to, message.kind) for message in recorder.sent] == [(NUMBER, "channel_code")]
    assert len(recorder.sent[0].short) <= 160
    assert (await listed(alice))[1]["verified"]
    assert await scalar(resources, "SELECT verified_by FROM channels WHERE kind = 'sms'") == "owner"
    assert await scalar(resources, "SELECT needs_match FROM watches")


async def test_the_code_is_kept_nowhere(alice: httpx.AsyncClient, resources: Resources, simulator: Simulator) -> None:
    await add(alice, "email", "Second@guests.test")

    await send_mails(resources)

    [mail] = simulator.mails
    [code] = re.findall(r"(?m)^([0-9]{6})$", mail["text"])
    assert mail["to"] == ["second@guests.test"]
    kept = await scalar(
        resources, "SELECT subject || body || (SELECT string_agg(c::text, '') FROM channels c) FROM notification_log"
    )
    assert code not in kept
    assert code in mail["html"]


async def test_what_is_no_address_is_400(alice: httpx.AsyncClient) -> None:
    wishes: list[tuple[dict[str, Any], str]] = [
        ({}, "kind"),
        ({"kind": "pigeon", "address": "roof"}, "kind"),
        ({"kind": "sms", "address": "12"}, "address"),
        ({"kind": "email", "address": "nobody"}, "address"),
        ({"kind": "webhook", "address": "http://127.0.0.1/"}, "address"),
        ({"kind": "email", "address": "a\x00@guests.test"}, "address"),
    ]

    answers = [await alice.post("/api/channels", json=wish) for wish, _ in wishes]

    assert [refusal(answer) for answer in answers] == [(400, field) for _, field in wishes]
    assert len(await listed(alice)) == 1


async def test_the_same_address_twice_is_the_same_channel(alice: httpx.AsyncClient, resources: Resources) -> None:
    first = await add(alice)

    second = await add(alice, address="404-555-0123")

    assert first["channel"]["id"] == second["channel"]["id"]
    assert len(await listed(alice)) == 2


async def test_one_person_has_twenty_channels_at_most(alice: httpx.AsyncClient, resources: Resources) -> None:
    await execute(
        resources,
        "INSERT INTO channels (user_id, kind, address) SELECT 1, 'ntfy', n::text FROM generate_series(1, 18) n",
    )

    answers = await asyncio.gather(
        *(alice.post("/api/channels", json={"kind": "sms", "address": f"404555012{n}"}) for n in range(3))
    )

    assert sorted(answer.status_code for answer in answers) == [200, 400, 400]
    assert len(await listed(alice)) == 20


async def test_a_code_may_be_tried_five_times_and_then_a_new_one_is_needed(
    alice: httpx.AsyncClient, resources: Resources
) -> None:
    channel_id = (await add(alice))["channel"]["id"]
    recorder = Recorder()
    await go_out(resources, recorder)
    wrong = "000000" if recorder.code != "000000" else "000001"
    path = f"/api/channels/{channel_id}"

    guesses = [await alice.post(f"{path}/verify", json={"code": wrong}) for _ in range(5)]
    right = await alice.post(f"{path}/verify", json={"code": recorder.code})
    again = await alice.post(f"{path}/code")
    await go_out(resources, recorder)
    newest = await alice.post(f"{path}/verify", json={"code": recorder.code})

    assert [refusal(answer) for answer in [*guesses, right]] == [(400, "code")] * 6
    assert "4 more tries" in guesses[0].json()["error"]
    assert "ask for a new one" in right.json()["error"]
    assert (again.status_code, newest.status_code) == (200, 200)


async def test_a_code_works_for_fifteen_minutes(alice: httpx.AsyncClient, resources: Resources) -> None:
    channel_id = (await add(alice))["channel"]["id"]
    recorder = Recorder()
    await go_out(resources, recorder)
    lifetime = await scalar(resources, "SELECT code_expires_at - now() FROM channels WHERE kind = 'sms'")

    await execute(resources, "UPDATE channels SET code_expires_at = now()")
    answer = await alice.post(f"/api/channels/{channel_id}/verify", json={"code": recorder.code})

    assert 14 * 60 < lifetime.total_seconds() <= 15 * 60
    assert refusal(answer) == (400, "code")
    assert "run out" in answer.json()["error"]


async def test_what_is_no_code_costs_no_try(alice: httpx.AsyncClient, resources: Resources) -> None:
    path = f"/api/channels/{(await add(alice))['channel']['id']}/verify"
    await go_out(resources, Recorder())

    codes = ("", "12345", "1234567", "１２３４５６", "abcdef", "12\x0034")
    answers = [await alice.post(path, json={"code": code}) for code in codes]

    assert [refusal(answer) for answer in answers] == [(400, "code")] * len(codes)
    assert await scalar(resources, "SELECT max(code_attempts) FROM channels") == 0


async def test_one_number_gets_six_codes_an_hour_whoever_asks(
    alice: httpx.AsyncClient, charlie: httpx.AsyncClient
) -> None:
    channel_id = (await add(alice))["channel"]["id"]

    again = [await alice.post(f"/api/channels/{channel_id}/code") for _ in range(5)]
    more = await alice.post(f"/api/channels/{channel_id}/code")
    elsewhere = await charlie.post("/api/channels", json={"kind": "sms", "address": NUMBER})

    assert [answer.status_code for answer in (*again, more, elsewhere)] == [200] * 5 + [429] * 2


async def test_a_browser_has_proven_itself_by_subscribing(alice: httpx.AsyncClient, resources: Resources) -> None:
    added = await add(alice, **BROWSER)

    assert added["channel"]["verified"]
    assert added["channel"]["address"].startswith("https://updates.push.services.mozilla.com/…")
    assert await scalar(resources, "SELECT count(*) FROM notification_log") == 0


async def test_a_browser_that_was_turned_off_is_turned_on_by_subscribing_again(
    alice: httpx.AsyncClient, resources: Resources
) -> None:
    channel_id = (await add(alice, **BROWSER))["channel"]["id"]
    await execute(resources, "UPDATE channels SET disabled_at = now() WHERE kind = 'web_push'")

    refused = await alice.post(f"/api/channels/{channel_id}/enable")
    again = await add(alice, **BROWSER)

    assert refusal(refused) == (409, None)
    assert again["channel"].items() >= {"id": channel_id, "disabled": False, "verified": True}.items()


async def test_a_browser_tells_only_who_subscribed_there_last(
    alice: httpx.AsyncClient, charlie: httpx.AsyncClient
) -> None:
    other_keys = {"keys": {**BROWSER["details"]["keys"], "auth": "AAAAAAAAAAAAAAAAAAAAAA"}}
    await add(alice, **BROWSER)

    await add(charlie, **{**BROWSER, "details": other_keys})
    guessed = (await listed(alice))[1]
    await add(charlie, **BROWSER)
    shared = (await listed(alice))[1]
    await add(alice, **BROWSER)

    assert not guessed["disabled"]
    assert (shared["disabled"], shared["disabled_reason"]) == (True, "somebody else is told in that browser now")
    assert [(await listed(http))[1]["disabled"] for http in (alice, charlie)] == [False, True]


async def test_a_webhook_learns_its_secret_once_and_gets_its_code_as_data(
    alice: httpx.AsyncClient, resources: Resources
) -> None:
    recorder = Recorder()

    added = await add(alice, "webhook", "https://hooks.example.org/tables")
    again = await add(alice, "webhook", "https://hooks.example.org/tables")
    await go_out(resources, recorder)

    assert len(added["signing_secret"]) >= 32
    assert again["signing_secret"] is None
    assert added["signing_secret"] == await scalar(
        resources, "SELECT details->>'secret' FROM channels WHERE kind = 'webhook'"
    )
    assert recorder.sent[-1].facts["code"] == recorder.code
    assert added["signing_secret"] not in str(await listed(alice))
    told = (await alice.get("/api/notifications")).json()["notifications"]
    assert (
        {message["recipient"] for message in told} == {added["channel"]["address"]} == {"https://hooks.example.org/…"}
    )


async def test_the_same_address_with_other_details_takes_them_and_is_proven_anew(
    alice: httpx.AsyncClient, resources: Resources
) -> None:
    topic, hook = "https://ntfy.example.org/tables", "https://hooks.example.org/tables"
    kept = "SELECT details->>'token' || (SELECT details->>'secret' FROM channels WHERE kind = 'webhook') FROM channels "
    await add(alice, "ntfy", topic, details={"token": "tk_old"})
    await add(alice, "webhook", hook, details={"secret": "o" * 16})
    await execute(resources, "UPDATE channels SET verified_at = now()")

    same = [await add(alice, "ntfy", topic, details={"token": "tk_old"}), await add(alice, "webhook", hook)]
    other = [
        await add(alice, "ntfy", topic, details={"token": "tk_new"}),
        await add(alice, "webhook", hook, details={"secret": "n" * 16}),
    ]

    assert [added["channel"]["verified"] for added in same + other] == [True, True, False, False]
    assert await scalar(resources, kept + "WHERE kind = 'ntfy'") == "tk_new" + "n" * 16
    assert all("code" in added["next"] for added in other)


async def test_a_test_says_what_really_became_of_it(alice: httpx.AsyncClient, resources: Resources) -> None:
    channel_id = await verified(alice, resources)

    async def outcome(recorder: Recorder) -> dict[str, Any]:
        async def is_written() -> bool:
            return bool(await scalar(resources, "SELECT count(*) FROM notification_log WHERE status = 'queued'"))

        asked = asyncio.create_task(alice.post(f"/api/channels/{channel_id}/test"))
        await eventually(is_written)
        await go_out(resources, recorder)
        found: dict[str, Any] = (await asked).json()
        return found

    accepted = await outcome(Recorder())
    refused = await outcome(Recorder(SendFailed("550 no such user", permanent=True)))
    passing = await outcome(Recorder(SendFailed("busy", permanent=False)))

    assert re.fullmatch(r"Accepted by the text message service at \d\d:\d\d UTC", accepted["outcome"])
    assert (refused["status"], refused["outcome"]) == ("failed", "Refused: 550 no such user")
    assert re.fullmatch(r"Not accepted yet: busy. It is tried again at \d\d:\d\d UTC", passing["outcome"])


async def test_a_mail_is_accepted_by_the_mail_server_at_the_persons_clock(
    alice: httpx.AsyncClient, resources: Resources
) -> None:
    await alice.patch("/api/preferences", json={"timezone": "Asia/Kolkata"})
    [channel] = await listed(alice)

    tested = (await alice.post(f"/api/channels/{channel['id']}/test", params={"wait": 0})).json()
    await send_mails(resources)
    row = await channel_tests.await_verdict(resources.sessions, tested["notification_id"], seconds=0)

    assert tested["outcome"] == "Still on its way; look again at GET /api/notifications"
    assert row is not None
    sent_at = await scalar(
        resources, "SELECT to_char(sent_at AT TIME ZONE 'Asia/Kolkata', 'HH24:MI') FROM notification_log"
    )
    assert channel_tests.tell(row, timezone="Asia/Kolkata") == f"Accepted by the mail server at {sent_at}"


async def test_an_unverified_address_gets_no_test(alice: httpx.AsyncClient, resources: Resources) -> None:
    channel_id = (await add(alice))["channel"]["id"]

    answer = await alice.post(f"/api/channels/{channel_id}/test")

    assert refusal(answer) == (409, None)
    assert await scalar(resources, "SELECT string_agg(kind, ',') FROM notification_log") == "channel_code"


async def test_a_code_that_is_late_is_not_sent_to_an_address_that_is_verified(
    alice: httpx.AsyncClient, resources: Resources
) -> None:
    await add(alice)
    await execute(resources, "UPDATE channels SET verified_at = now()")
    recorder = Recorder()

    await go_out(resources, recorder)

    assert recorder.sent == []
    assert await scalar(resources, "SELECT status FROM notification_log") == "expired"


async def test_a_channel_is_muted_and_unmuted_and_named(alice: httpx.AsyncClient, resources: Resources) -> None:
    await make(alice)
    channel_id = await verified(alice, resources)
    await execute(resources, "UPDATE watches SET needs_match = false")

    muted = await alice.post(f"/api/channels/{channel_id}/mute")
    named = await alice.patch(f"/api/channels/{channel_id}", json={"label": "Work"})
    then = (await listed(alice))[1]
    unmuted = await alice.post(f"/api/channels/{channel_id}/unmute")
    nameless = await alice.patch(f"/api/channels/{channel_id}", json={"label": " "})

    assert {answer.status_code for answer in (muted, named, unmuted, nameless)} == {200}
    assert (then["muted"], then["label"]) == (True, "Work")
    assert ((await listed(alice))[1]["muted"], (await listed(alice))[1]["label"]) == (False, None)
    assert await scalar(resources, "SELECT needs_match FROM watches")


async def test_a_channel_that_was_turned_off_is_proven_anew(alice: httpx.AsyncClient, resources: Resources) -> None:
    channel_id = await verified(alice, resources)
    await execute(
        resources, "UPDATE channels SET disabled_at = now(), disabled_reason = 'it is a landline' WHERE kind = 'sms'"
    )
    recorder = Recorder()

    before = (await listed(alice))[1]
    code = await alice.post(f"/api/channels/{channel_id}/code")
    enabled = await alice.post(f"/api/channels/{channel_id}/enable")
    await go_out(resources, recorder)
    answer = await alice.post(f"/api/channels/{channel_id}/verify", json={"code": recorder.code})

    assert (before["disabled"], before["disabled_reason"]) == (True, "it is a landline")
    assert refusal(code) == (409, None)
    assert enabled.json()["channel"].items() >= {"disabled": False, "verified": False}.items()
    assert answer.status_code == 200
    assert (await listed(alice))[1].items() >= {"disabled": False, "verified": True}.items()


async def test_an_own_address_that_is_not_proven_waits_for_its_link(
    charlie: httpx.AsyncClient, resources: Resources
) -> None:
    [channel] = await listed(charlie)

    answer = await charlie.post(f"/api/channels/{channel['id']}/code")
    added = await add(charlie, "email", "charlie@guests.test")

    assert refusal(answer) == (409, None)
    assert "link" in added["next"]
    assert await scalar(resources, "SELECT count(*) FROM notification_log WHERE kind = 'channel_code'") == 0


async def test_a_removed_channel_gets_nothing_that_waited(alice: httpx.AsyncClient, resources: Resources) -> None:
    channel_id = (await add(alice))["channel"]["id"]
    recorder = Recorder()

    answer = await alice.delete(f"/api/channels/{channel_id}")
    await go_out(resources, recorder)

    assert answer.status_code == 200
    assert len(await listed(alice)) == 1
    assert recorder.sent == []


async def test_the_address_one_signs_in_with_is_muted_and_not_removed(alice: httpx.AsyncClient) -> None:
    [channel] = await listed(alice)

    removed = await alice.delete(f"/api/channels/{channel['id']}")
    muted = await alice.post(f"/api/channels/{channel['id']}/mute")

    assert refusal(removed) == (409, None)
    assert muted.status_code == 200


async def test_where_texts_are_not_set_up_no_number_is_taken(
    alice: httpx.AsyncClient, settings: Settings, resources: Resources
) -> None:
    bare = settings.model_copy(update=dict.fromkeys(TWILIO))
    with serving(bare) as url:
        async with httpx.AsyncClient(base_url=url, headers=alice.headers) as http:
            answer = await http.post("/api/channels", json={"kind": "sms", "address": NUMBER})

    assert refusal(answer) == (400, "kind")


async def test_a_number_that_is_no_id_is_404(alice: httpx.AsyncClient) -> None:
    answers = [await alice.post(f"/api/channels/{number}/mute") for number in (0, 10**30)]

    assert [refusal(answer) for answer in answers] == [(404, None)] * 2
