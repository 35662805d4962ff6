"""Messages that arrive once, over a real mail server with TLS and sign-in."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from backend.clients.channels.outgoing import Outgoing
from backend.clients.errors import SendFailed
from backend.db.queries import delivery
from backend.db.queries.delivery import Verdict
from backend.services import delivery as delivery_service
from backend.services import preparation
from backend.services.delivery import Delivery, drain
from backend.services.delivery_rules import Decision
from tests.conftest import eventually
from tests.services.conftest import PASADENA, PEACHTREE, Loop


async def queued_message(loop: Loop, *times: str) -> int:
    await loop.watch(await loop.guest())
    loop.open(*(times or ("19:15",)))
    await loop.look()
    return int((await loop.one("SELECT id FROM notification_log")).id)


async def test_a_mail_names_restaurant_day_times_party_and_the_booking_page(loop: Loop) -> None:
    notification_id = await queued_message(loop, "18:30", "19:15")

    sent = await loop.send(notification_id)

    (mail,) = loop.simulator.mails
    row = await loop.one("SELECT * FROM notification_log")
    assert sent.status == "sent"
    assert mail["subject"] == row.subject
    assert mail["starttls"] is True
    for part in (mail["text"], mail["html"]):
        for word in ("Peachtree", "6:30 PM", "7:15 PM", "party of 2", "reservations.getwisely.com/houston-s-peachtree"):
            assert word in part.replace("&#39;", "'")
        assert f"{loop.day:%B} {loop.day.day}" in part
    kept = re.sub(r"http\S+/m/\S+", "(a link, not kept)", mail["text"].replace("\r\n", "\n").strip())
    assert (row.status, row.attempts, row.body) == ("sent", 1, kept)
    assert row.provider_id.strip("<>") == mail["message_id"].strip("<>")
    assert (await loop.one("SELECT notified_at FROM watches")).notified_at is not None
    assert (await loop.one("SELECT outcome FROM notification_attempts")).outcome == "sent"


async def test_a_message_delivered_twice_is_sent_once(loop: Loop) -> None:
    notification_id = await queued_message(loop)
    await loop.send(notification_id)

    again = await loop.send(notification_id)

    assert again.status == "not_mine"
    assert len(loop.simulator.mails) == 1


async def test_temporary_trouble_is_tried_again_later_with_the_same_message_id(loop: Loop) -> None:
    notification_id = await queued_message(loop)
    order = {"kind": "refuse", "stage": "data", "code": 451, "count": 1, "message": "Come back later"}
    loop.simulator.send("POST", "/control/mailbox/trouble", order)

    first = await loop.send(notification_id)
    early = await loop.send(notification_id)
    row = await loop.one("SELECT *, next_attempt_at - now() AS wait FROM notification_log")
    await loop.execute("UPDATE notification_log SET next_attempt_at = now()")
    second = await loop.send(notification_id)

    assert (first.status, early.status, second.status) == ("queued", "not_mine", "sent")
    assert 14 < row.wait.total_seconds() < 31
    assert "451" in row.error_message
    outcomes = await loop.rows("SELECT outcome FROM notification_attempts ORDER BY number")
    assert [attempt.outcome for attempt in outcomes] == ["refused", "sent"]
    (mail,) = loop.simulator.mails
    assert str(row.message_id) in mail["message_id"]


async def test_after_three_retries_a_message_has_failed_with_its_reason(loop: Loop) -> None:
    notification_id = await queued_message(loop)
    loop.simulator.send("POST", "/control/mailbox/trouble", {"kind": "refuse", "stage": "data", "code": 451})

    statuses = []
    for _ in range(4):
        await loop.execute("UPDATE notification_log SET next_attempt_at = now()")
        statuses.append((await loop.send(notification_id)).status)

    assert statuses == ["queued", "queued", "queued", "failed"]
    assert "451" in (await loop.one("SELECT error_message FROM notification_log")).error_message
    assert len(await loop.rows("SELECT 1 FROM notification_attempts")) == 4


@pytest.mark.parametrize("stage", ["mail", "rcpt", "data"])
async def test_a_permanent_refusal_is_never_tried_again(loop: Loop, stage: str) -> None:
    notification_id = await queued_message(loop)
    loop.simulator.send("POST", "/control/mailbox/trouble", {"kind": "refuse", "stage": stage, "code": 550})

    sent = await loop.send(notification_id)

    assert sent.status == "failed"
    assert "550" in (await loop.one("SELECT error_message FROM notification_log")).error_message


async def test_a_refused_sign_in_is_temporary_because_an_operator_can_mend_it(loop: Loop) -> None:
    notification_id = await queued_message(loop)
    loop.simulator.send("POST", "/control/mailbox/trouble", {"kind": "refuse", "stage": "sign-in", "code": 535})

    assert (await loop.send(notification_id)).status == "queued"


async def test_without_a_mail_server_a_message_is_suppressed_and_says_why(loop: Loop) -> None:
    notification_id = await queued_message(loop)

    sent = await loop.send(notification_id, senders={})

    row = await loop.one("SELECT status, error_message FROM notification_log")
    assert (sent.status, row.status, row.error_message) == ("suppressed", "suppressed", "no mail configured")


async def test_a_text_message_is_suppressed_while_texts_are_not_configured(loop: Loop) -> None:
    alice = await loop.guest()
    await loop.add_channel(alice, kind="sms", address="+14045550123")
    await loop.execute("UPDATE channels SET verified_at = now()")
    await loop.watch(alice, auto_book=True)
    loop.open("19:15")
    await loop.look()

    deliveries = await loop.send_all()

    assert {(one.channel, one.status) for one in deliveries} == {
        ("email", "sent"),
        ("sms", "suppressed"),
    }


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("UPDATE watches SET status = 'cancelled'", "the watch was cancelled"),
        ("UPDATE slot_drops SET gone_at = now()", "the table was gone before the message left"),
    ],
)
async def test_what_is_no_longer_true_is_not_told(loop: Loop, change: str, reason: str) -> None:
    notification_id = await queued_message(loop)
    await loop.execute(change)

    sent = await loop.send(notification_id)

    assert (sent.status, sent.reason) == ("expired", reason)
    assert loop.simulator.mails == []


async def test_switched_off_notifying_leaves_the_message_queued(loop: Loop) -> None:
    notification_id = await queued_message(loop)
    await loop.execute("UPDATE switches SET is_on = false WHERE name = 'notifying'")

    await loop.send(notification_id)

    assert (await loop.one("SELECT status FROM notification_log")).status == "queued"


async def test_a_sender_that_outlived_its_lease_cannot_overwrite_the_verdict(loop: Loop) -> None:
    notification_id = await queued_message(loop)
    slow, quick = uuid4(), uuid4()
    async with loop.r.sessions.begin() as session:
        (row,) = await delivery.claim(session, [notification_id], token=slow)
    await loop.execute("UPDATE notification_log SET lease_until = now() - interval '1 second'")
    await loop.relay()
    async with loop.r.sessions.begin() as session:
        assert await delivery.claim(session, [notification_id], token=quick)

    async with loop.r.sessions.begin() as session:
        mine = await delivery.settle(session, [Verdict(row, "failed", "late")])

    assert mine == set()
    assert (await loop.one("SELECT status FROM notification_log")).status == "sending"


async def test_a_mail_that_went_out_before_its_sender_died_is_repeated_with_the_same_message_id(loop: Loop) -> None:
    notification_id = await queued_message(loop)

    class Died(BaseException):
        """The process is gone: nothing of ours sees this."""

    class DiesAfterSending:
        async def send(self, message: Outgoing) -> str:
            await loop.r.senders["email"].send(message)
            raise Died

    with pytest.raises(Died):
        await loop.send(notification_id, senders={"email": DiesAfterSending()})
    await loop.execute("UPDATE notification_log SET lease_until = now() - interval '1 second'")
    await loop.relay()
    await loop.send(notification_id)

    first, second = loop.simulator.mails
    assert first["message_id"] == second["message_id"]
    outcomes = [row.outcome for row in await loop.rows("SELECT outcome FROM notification_attempts ORDER BY number")]
    assert outcomes == ["lost", "sent"]


async def test_an_address_that_cannot_be_written_is_a_permanent_failure(loop: Loop) -> None:
    with pytest.raises(SendFailed) as failed:
        await loop.r.senders["email"].send(
            Outgoing(to="a@b.test\nBcc: c@d.test", subject="x", text="x", html="x", message_id=uuid4())
        )

    assert failed.value.permanent


async def messages(loop: Loop, *locations: str) -> list[int]:
    """A queued mail a restaurant, each about another watch of one guest."""
    alice = await loop.guest()
    for location, merchant in locations_of(*locations):
        await loop.watch(alice, location)
        loop.open("19:15", merchant=merchant)
    await loop.look()
    return [row.id for row in await loop.rows("SELECT id FROM notification_log ORDER BY id")]


def locations_of(*names: str) -> list[tuple[str, int]]:
    known = {"peachtree": PEACHTREE, "houston_s_pasadena": PASADENA}
    return [(name, known[name]) for name in names]


BOTH = ("peachtree", "houston_s_pasadena")


class Recording:
    """A channel that does as it is told, by recipient or for everybody."""

    def __init__(self, does: Any = None) -> None:
        self.sent: list[Outgoing] = []
        self._does = does

    async def send(self, message: Outgoing) -> str:
        if self._does is not None:
            await self._does(message)
        self.sent.append(message)
        return f"provider-{len(self.sent)}"

    async def close(self) -> None: ...


async def test_a_batch_is_sent_with_one_claim_and_each_message_has_its_own_story(loop: Loop) -> None:
    ids = await messages(loop, *BOTH)

    sent = await loop.send_batch(ids)

    assert [(one.id, one.status) for one in sent] == [(message_id, "sent") for message_id in ids]
    assert len(loop.simulator.mails) == 2
    rows = await loop.rows("SELECT * FROM notification_log")
    assert len({row.body for row in rows}) == 2
    assert {(row.status, row.attempts) for row in rows} == {("sent", 1)}
    assert {row.outcome for row in await loop.rows("SELECT outcome FROM notification_attempts")} == {"sent"}
    assert not await loop.rows("SELECT 1 FROM watches WHERE notified_at IS NULL")


async def test_an_id_that_is_there_twice_or_not_at_all_does_no_harm(loop: Loop) -> None:
    (message_id,) = await messages(loop, "peachtree")

    sent = await loop.send_batch([message_id, message_id, 404])

    assert [one.status for one in sent] == ["sent", "sent", "not_mine"]
    assert len(loop.simulator.mails) == 1


async def test_a_bug_in_a_sender_costs_one_attempt_and_no_other_message(loop: Loop) -> None:
    bad, good = await messages(loop, *BOTH)
    name = (await loop.one("SELECT message_id FROM notification_log WHERE id = :id", id=bad)).message_id

    async def trip(message: Outgoing) -> None:
        if message.message_id == name:
            raise KeyError("a secret")

    sent = await loop.send_batch([bad, good], {"email": Recording(trip)})

    assert [one.status for one in sent] == ["queued", "sent"]
    assert isinstance(sent[0].error, KeyError)
    row = await loop.one("SELECT *, next_attempt_at > now() AS waits FROM notification_log WHERE id = :id", id=bad)
    assert (row.error_message, row.waits) == ("unexpected: KeyError", True)


async def test_a_message_that_cannot_be_written_stops_no_others(loop: Loop, monkeypatch: pytest.MonkeyPatch) -> None:
    bad, good = await messages(loop, *BOTH)
    write = preparation.compose

    async def trip(session: Any, rows: Any, *args: Any, **kwargs: Any) -> Any:
        if bad in [row.id for row in rows]:
            raise LookupError
        return await write(session, rows, *args, **kwargs)

    monkeypatch.setattr(preparation, "compose", trip)
    sent = await loop.send_batch([bad, good])

    assert [one.status for one in sent] == ["queued", "sent"]
    attempts = await loop.rows("SELECT * FROM notification_attempts WHERE notification_id = :id", id=bad)
    assert [(row.outcome, row.reason) for row in attempts] == [("refused", "could not be prepared: LookupError")]


async def test_a_provider_that_names_a_time_is_not_asked_sooner(loop: Loop) -> None:
    notification_id = await queued_message(loop)

    async def turn_away(_message: Outgoing) -> None:
        raise SendFailed("429", permanent=False, retry_after=timedelta(minutes=10))

    await loop.send(notification_id, {"email": Recording(turn_away)})

    row = await loop.one("SELECT next_attempt_at - now() AS wait FROM notification_log")
    assert timedelta(minutes=9) < row.wait <= timedelta(minutes=10)


async def test_a_claim_whose_answer_was_lost_is_ours_at_once(loop: Loop) -> None:
    notification_id = await queued_message(loop)
    sessions = LosesAnswer(loop.r.sessions)

    (sent,) = await loop.send_batch([notification_id], sessions=sessions)

    assert sessions.lost == 1
    assert sent.status == "sent"
    assert len(loop.simulator.mails) == 1
    assert (await loop.one("SELECT attempts FROM notification_log")).attempts == 1
    assert len(await loop.rows("SELECT 1 FROM notification_attempts")) == 1


class LosesAnswer:
    """Sessions of which the first commit goes through and seems not to."""

    def __init__(self, sessions: Any) -> None:
        self._sessions = sessions
        self.lost = 0

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[Any]:
        async with self._sessions.begin() as session:
            yield session
        if not self.lost:
            self.lost += 1
            raise ConnectionResetError


@pytest.mark.parametrize(
    ("action", "hold_reason", "waits_for_look"), [("hold", "quiet hours", False), ("wait", None, True)]
)
async def test_what_is_held_goes_back_to_the_queue_as_if_it_had_not_been_tried(
    loop: Loop, monkeypatch: pytest.MonkeyPatch, action: Any, hold_reason: str | None, waits_for_look: bool
) -> None:
    notification_id = await queued_message(loop)
    until = datetime.now(UTC) + timedelta(hours=8)
    decided(monkeypatch, Decision(action, "quiet hours", until=until))

    held = await loop.send(notification_id)
    row = await loop.one("SELECT * FROM notification_log")
    attempts = await loop.rows("SELECT 1 FROM notification_attempts")
    monkeypatch.undo()
    await loop.execute("UPDATE notification_log SET next_attempt_at = now()")
    sent = await loop.send(notification_id)

    assert (held.status, held.reason, sent.status) == ("held", "quiet hours", "sent")
    assert (row.status, row.attempts, row.hold_reason, row.next_attempt_at) == ("queued", 0, hold_reason, until)
    assert (row.claim_token, row.lease_until, row.dispatched_at, attempts) == (None, None, None, [])
    assert (row.look_wanted_at is not None) is waits_for_look


async def test_how_long_it_waits_for_a_look_is_counted_anew_after_each_attempt(
    loop: Loop, monkeypatch: pytest.MonkeyPatch
) -> None:
    notification_id = await queued_message(loop)
    decided(monkeypatch, Decision("wait", until=datetime.now(UTC)))
    since = []
    for attempts in (0, 0, 1):
        await change(loop, notification_id, f"next_attempt_at = now(), attempts = {attempts}")
        if attempts:
            await loop.execute(
                "INSERT INTO notification_attempts (notification_id, number) VALUES (:id, 1)", id=notification_id
            )
        await loop.send(notification_id)
        since.append((await loop.one("SELECT look_wanted_at FROM notification_log")).look_wanted_at)

    first, second, after_an_attempt = since
    assert first == second < after_an_attempt


@pytest.mark.parametrize(
    ("action", "status"), [("merge", "expired"), ("suppress", "suppressed"), ("expire", "expired")]
)
async def test_what_is_not_sent_says_why(loop: Loop, monkeypatch: pytest.MonkeyPatch, action: Any, status: str) -> None:
    notification_id = await queued_message(loop)
    decided(monkeypatch, Decision(action, "told in message 7"))

    await loop.send(notification_id)

    row = await loop.one("SELECT status, error_message FROM notification_log")
    assert (row.status, row.error_message) == (status, "told in message 7")
    attempt = await loop.one("SELECT outcome, reason FROM notification_attempts")
    assert (attempt.outcome, attempt.reason) == (status, "told in message 7")


def decided(monkeypatch: pytest.MonkeyPatch, decision: Decision) -> None:
    async def decide(_session: Any, rows: Any, *_: Any, **__: Any) -> dict[int, Decision]:
        return {row.id: decision for row in rows}

    monkeypatch.setattr(preparation, "decide", decide)


async def test_what_follows_a_final_failure_is_written_with_it_and_sent_on(
    loop: Loop, monkeypatch: pytest.MonkeyPatch
) -> None:
    notification_id = await queued_message(loop)
    heard: list[Any] = []

    async def after(_session: Any, row: Any, **what: Any) -> Any:
        heard.append((row.id, what["reason"], what["address_is_dead"]))
        return ((404, "sms"),)

    async def refuse(_message: Outgoing) -> None:
        raise SendFailed("550 nobody", permanent=True, address_is_dead=True)

    monkeypatch.setattr(delivery_service, "after_failure", after)
    await loop.send(notification_id, {"email": Recording(refuse)})

    assert heard == [(notification_id, "550 nobody", True)]
    assert await loop.queued("notify") == 1


async def test_a_channel_has_its_own_details_with_each_message(loop: Loop) -> None:
    notification_id = await queued_message(loop)
    await loop.execute('UPDATE channels SET details = \'{"secret": "of the channel"}\'')
    channel = Recording()

    await loop.send(notification_id, {"email": channel})

    assert channel.sent[0].details == {"secret": "of the channel"}


async def empty(loop: Loop, channel: str, sender: Any, **options: Any) -> tuple[bool, list[Delivery]]:
    told: list[Delivery] = []
    wanted = {"seconds": 10.0, "more": asyncio.Event(), **options}
    is_done = await drain(
        replace(loop.r.preparation, senders={channel: sender}),
        channel,
        send_on=loop.dispatch,
        tell=told.extend,
        **wanted,
    )
    return is_done, told


async def copies(loop: Loop, count: int) -> list[int]:
    """One queued message, many times over, each to another address."""
    await queued_message(loop)
    await loop.execute(
        "WITH told AS (INSERT INTO notification_log (user_id, watch_id, channel_id, channel, kind, recipient) "
        "SELECT user_id, watch_id, channel_id, channel, kind, n || '@guests.test' "
        "FROM notification_log, generate_series(1, :count) n RETURNING id) "
        "INSERT INTO notification_items (notification_id, drop_id, dedup_key) "
        "SELECT told.id, d.id, 'copy:' || told.id FROM told, slot_drops d",
        count=count - 1,
    )
    return [row.id for row in await loop.rows("SELECT id FROM notification_log ORDER BY id")]


async def change(loop: Loop, message_id: int, changes: str) -> None:
    await loop.execute(f"UPDATE notification_log SET {changes} WHERE id = :id", id=message_id)


async def test_a_long_queue_is_emptied_and_each_message_goes_once(loop: Loop) -> None:
    await copies(loop, 100)
    channel = Recording()

    (is_done, told), (also_done, told_too) = await asyncio.gather(
        empty(loop, "email", channel), empty(loop, "email", channel)
    )

    assert is_done
    assert also_done
    assert len({message.message_id for message in channel.sent}) == len(channel.sent) == 100
    assert [one.status for one in (*told, *told_too)] == ["sent"] * 100


async def test_a_claim_takes_the_most_urgent_first_then_what_was_due_first(loop: Loop) -> None:
    late, urgent, more_urgent, later = await copies(loop, 4)
    for minutes, message_id in enumerate((later, late, urgent, more_urgent), 1):
        priority = int(message_id in (late, later))
        await change(loop, message_id, f"priority = {priority}, next_attempt_at = now() - interval '{minutes} minutes'")

    taken = []
    async with loop.r.sessions.begin() as session:
        for _ in range(4):
            taken += await delivery.claim_due(session, "email", most=1, each=1, token=uuid4())

    assert [row.id for row in taken] == [more_urgent, urgent, late, later]


async def test_a_person_whose_server_hangs_holds_up_nobody_else(loop: Loop) -> None:
    await copies(loop, 40)
    await loop.watch(await loop.guest("bob"))
    await loop.look()
    is_told, hanging = asyncio.Event(), set()
    most = 0

    async def hang(message: Outgoing) -> None:
        nonlocal most
        if message.to == "bob@guests.test":
            is_told.set()
        elif not is_told.is_set():
            hanging.add(message.message_id)
            most = max(most, len(hanging))
            await is_told.wait()

    channel = Recording(hang)
    async with asyncio.timeout(10):
        is_done, told = await empty(loop, "email", channel)

    assert is_done
    assert most == 2
    assert [one.status for one in told] == ["sent"] * 41


async def test_other_channels_and_what_is_not_due_stay_in_the_queue(loop: Loop) -> None:
    other, early, due = await copies(loop, 3)
    await change(loop, other, "channel = 'sms'")
    await change(loop, early, "next_attempt_at = now() + interval '1 hour'")

    _, told = await empty(loop, "email", Recording())

    assert [one.id for one in told] == [due]


async def test_what_is_added_meanwhile_leaves_while_others_hang(loop: Loop) -> None:
    hanging, added = await copies(loop, 2)
    await change(loop, hanging, "recipient = 'hangs@guests.test'")
    await change(loop, added, "next_attempt_at = now() + interval '1 hour'")
    hangs, more = asyncio.Event(), asyncio.Event()

    async def hang(message: Outgoing) -> None:
        if message.to == "hangs@guests.test":
            await hangs.wait()

    draining = asyncio.create_task(empty(loop, "email", Recording(hang), more=more))
    await eventually(lambda: is_sending(loop))
    await change(loop, added, "next_attempt_at = now()")
    more.set()

    await eventually(lambda: is_sent(loop, added))
    hangs.set()
    is_done, told = await draining

    assert is_done
    assert [one.id for one in told] == [added, hanging]


async def is_sending(loop: Loop) -> bool:
    return bool(await loop.rows("SELECT 1 FROM notification_log WHERE status = 'sending'"))


async def is_sent(loop: Loop, message_id: int) -> bool:
    return bool(await loop.rows("SELECT 1 FROM notification_log WHERE id = :id AND status = 'sent'", id=message_id))


async def test_a_drain_whose_time_is_over_says_that_something_is_left(loop: Loop) -> None:
    await copies(loop, 60)

    is_done, told = await empty(loop, "email", Recording(), seconds=0.0)

    assert (is_done, told) == (False, [])


async def test_what_could_not_be_begun_within_the_lease_is_put_back_untried(
    loop: Loop, monkeypatch: pytest.MonkeyPatch
) -> None:
    notification_id = await queued_message(loop)
    monkeypatch.setattr(delivery_service, "BEGIN_SECONDS", -1.0)

    held = await loop.send(notification_id)

    row = await loop.one("SELECT status, attempts, hold_reason FROM notification_log")
    assert (held.status, row.status, row.attempts, row.hold_reason) == ("held", "queued", 0, None)
    assert loop.simulator.mails == []
