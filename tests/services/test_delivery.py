"""Messages that arrive once, over a real mail server with TLS and sign-in."""

from uuid import uuid4

import pytest

from backend.clients.channels.outgoing import Outgoing
from backend.clients.errors import SendFailed
from backend.db.queries import delivery
from backend.db.queries.delivery import Verdict
from tests.services.conftest import Loop


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
    assert (row.status, row.attempts, row.body) == ("sent", 1, mail["text"].replace("\r\n", "\n").strip())
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
