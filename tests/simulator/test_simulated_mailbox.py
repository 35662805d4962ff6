"""The mail server and the mailbox, over SMTP and HTTP."""

from __future__ import annotations

import socket
import ssl
from email.message import EmailMessage
from typing import Any

import aiosmtplib
import httpx
import pytest

from simulator.server import Simulator
from tests.simulator.conftest import Guest, SendMail


async def mails(guest: Guest, **query: str) -> list[dict[str, Any]]:
    return list((await guest.http.get("/mailbox.json", params=query)).json())


async def test_a_mail_is_listed_with_all_that_tests_need(guest: Guest, send_mail: SendMail) -> None:
    await send_mail(subject="Ein Tisch für zwei, 19 Uhr", html="<p>Dinner for <b>two</b></p>")

    [mail] = await mails(guest)

    assert mail["to"] == ["alice@example.com"]
    assert mail["from"] == "tracker@example.com"
    assert mail["subject"] == "Ein Tisch für zwei, 19 Uhr"
    assert mail["message_id"].endswith("@example.com>")
    assert mail["text"] == "Dinner for two.\nBring Bob.\n"
    assert mail["html"] == "<p>Dinner for <b>two</b></p>\n"
    assert mail["received_at"] == "2026-08-13T16:00:00.000Z"
    assert (mail["starttls"], mail["authenticated_user"]) == (False, None)


async def test_mails_are_listed_newest_first_and_the_old_give_way(guest: Guest, send_mail: SendMail) -> None:
    for subject in ("one", "two", "three", "four"):
        await send_mail(subject=subject)

    assert [mail["subject"] for mail in await mails(guest)] == ["four", "three", "two"]


async def test_the_list_can_be_narrowed_to_one_recipient(guest: Guest, send_mail: SendMail) -> None:
    await send_mail(to="alice@example.com", subject="hers")
    await send_mail(to="bob@example.com", subject="his")

    assert [mail["subject"] for mail in await mails(guest, to="bob@example.com")] == ["his"]


async def test_the_mailbox_can_be_emptied(guest: Guest, send_mail: SendMail) -> None:
    await send_mail()

    await guest.http.delete("/mailbox")

    assert await mails(guest) == []


@pytest.mark.parametrize(
    ("stage", "code", "error"),
    [
        ("mail", 451, aiosmtplib.SMTPSenderRefused),
        ("rcpt", 550, aiosmtplib.SMTPRecipientsRefused),
        ("data", 451, aiosmtplib.SMTPDataError),
        ("data", 554, aiosmtplib.SMTPDataError),
    ],
)
async def test_a_mail_can_be_refused_at_any_stage(
    guest: Guest, send_mail: SendMail, stage: str, code: int, error: type[Exception]
) -> None:
    await guest.order("mailbox/trouble", kind="refuse", stage=stage, code=code, count=1)

    with pytest.raises(error, match=str(code)):
        await send_mail(subject="refused")
    await send_mail(subject="accepted")

    assert [mail["subject"] for mail in await mails(guest)] == ["accepted"]


@pytest.mark.parametrize("stage", ["rcpt", "data"])
async def test_one_recipient_can_be_refused_for_good(guest: Guest, send_mail: SendMail, stage: str) -> None:
    await guest.order("mailbox/trouble", kind="refuse", stage=stage, code=550, recipient="Bob@example.com")

    for _ in range(2):
        with pytest.raises(aiosmtplib.SMTPException):
            await send_mail(to="bob@example.com")
    await send_mail(to="alice@example.com")

    assert [mail["to"] for mail in await mails(guest)] == [["alice@example.com"]]


async def test_a_mail_can_be_kept_though_the_connection_drops_without_an_answer(
    guest: Guest, send_mail: SendMail
) -> None:
    await guest.order("mailbox/trouble", kind="drop-after-accepting", count=1)

    with pytest.raises(aiosmtplib.SMTPServerDisconnected):
        await send_mail()

    assert len(await mails(guest)) == 1


async def test_a_slow_server_runs_into_the_time_limit_of_a_client(guest: Guest, send_mail: SendMail) -> None:
    await guest.order("mailbox/trouble", kind="slow", stage="data", seconds=30, count=1)

    with pytest.raises(aiosmtplib.SMTPReadTimeoutError):
        await send_mail(timeout=0.2)

    assert await mails(guest) == []


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"kind": "refuse", "code": 250}, "code must lie between 400 and 599."),
        ({"kind": "refuse", "stage": "mail", "recipient": "a@b.c"}, "at the stages rcpt and data only."),
        ({"kind": "refuse", "message": "line\nbreak"}, "message must be printable ASCII."),
        ({"kind": "drop-after-accepting", "stage": "rcpt"}, "Only the stage data accepts a mail."),
        ({"kind": "slow", "seconds": -1}, "seconds must not be negative."),
        ({"kind": "slow", "count": 0}, "count must be at least 1"),
        ({"kind": "explode"}, "Invalid enum value"),
    ],
)
async def test_mail_trouble_that_makes_no_sense_is_refused_with_a_sentence(
    guest: Guest, wrong: dict[str, object], sentence: str
) -> None:
    response = await guest.http.post("/control/mailbox/trouble", json=wrong)

    assert response.status_code == 400
    assert sentence in response.json()["error"]


def letter() -> EmailMessage:
    message = EmailMessage()
    message["To"], message["From"], message["Subject"] = "alice@example.com", "t@example.com", "Safe"
    message.set_content("Dinner.")
    return message


def access(guarded: Simulator, **changes: Any) -> dict[str, Any]:
    """How to reach the guarded mail server, with the right password and trust in its authority."""
    assert guarded.options.ca_file is not None
    context = ssl.create_default_context(cafile=str(guarded.options.ca_file))
    right = {
        "hostname": "127.0.0.1",
        "port": guarded.smtp_port,
        "start_tls": True,
        "tls_context": context,
        "username": "tracker",
        "password": "correct horse",
        "timeout": 5,
    }
    return right | changes


@pytest.mark.parametrize("hostname", ["127.0.0.1", "localhost"])
async def test_a_guarded_server_takes_mail_from_who_signs_in(guarded: Simulator, hostname: str) -> None:
    guarded.mailbox.clear()

    await aiosmtplib.send(letter(), **access(guarded, hostname=hostname))

    [mail] = guarded.mailbox
    assert (mail.starttls, mail.authenticated_user) == (True, "tracker")


async def test_a_wrong_password_is_refused(guarded: Simulator) -> None:
    with pytest.raises(aiosmtplib.SMTPAuthenticationError, match="535"):
        await aiosmtplib.send(letter(), **access(guarded, password="wrong"))


async def test_mail_without_signing_in_is_refused(guarded: Simulator) -> None:
    with pytest.raises(aiosmtplib.SMTPSenderRefused, match="530"):
        await aiosmtplib.send(letter(), **access(guarded, username=None, password=None))


async def test_mail_without_tls_is_refused_where_tls_is_required(guarded: Simulator) -> None:
    with pytest.raises(aiosmtplib.SMTPException, match="STARTTLS"):
        await aiosmtplib.send(letter(), **access(guarded, start_tls=False, username=None, password=None))


async def test_a_client_that_does_not_know_the_authority_turns_away(guarded: Simulator) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        await aiosmtplib.send(letter(), **access(guarded, tls_context=ssl.create_default_context()))


async def test_signing_in_can_be_refused_on_command(guarded: Simulator) -> None:
    async with httpx.AsyncClient(base_url=guarded.url) as http:
        order = {"kind": "refuse", "stage": "sign-in", "code": 454, "message": "4.7.0 Try later", "count": 1}
        await http.post("/control/mailbox/trouble", json=order)

    with pytest.raises(aiosmtplib.SMTPAuthenticationError, match="454"):
        await aiosmtplib.send(letter(), **access(guarded))
    await aiosmtplib.send(letter(), **access(guarded))


async def test_a_mail_that_is_no_mail_is_kept_as_it_is(guest: Guest, running: Simulator) -> None:
    raw = b"Content-Type: text/plain; charset=no-such-charset\r\n\r\n\xff\xfe caf\xc3\xa9\r\n"

    async with aiosmtplib.SMTP(hostname="127.0.0.1", port=running.smtp_port) as client:
        await client.sendmail("", ["alice@example.com"], raw)

    [mail] = await mails(guest)
    assert (mail["subject"], mail["from"]) == ("", "")
    assert "café" in mail["text"]


async def test_a_client_that_vanishes_amid_a_mail_leaves_none(guest: Guest, running: Simulator) -> None:
    with socket.create_connection(("127.0.0.1", running.smtp_port)) as client:
        client.sendall(b"EHLO x\r\nMAIL FROM:<a@b.c>\r\nRCPT TO:<d@e.f>\r\nDATA\r\nSubject: half")

    assert await mails(guest) == []
