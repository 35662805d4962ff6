"""Mails on the wire: kept-open connections, what a refusal means, and what a reader gets to see."""

import asyncio
import email
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from email.message import EmailMessage
from email.policy import default
from typing import Any
from uuid import uuid4

import pytest
from aiosmtpd.smtp import SMTP

from backend.clients.channels import smtp_pool
from backend.clients.channels.email import Mailer
from backend.clients.channels.outgoing import Attachment, Outgoing
from backend.clients.errors import SendFailed
from tests.conftest import eventually


@dataclass
class MailServer:
    """Accepts mail on this machine, and misbehaves when it is told to."""

    port: int = 0
    mails: list[tuple[str, EmailMessage]] = field(default_factory=list)
    opened: int = 0
    goodbyes: int = 0
    connections: list[Any] = field(default_factory=list)
    answers: dict[str, list[str]] = field(default_factory=lambda: {"MAIL": [], "RCPT": [], "DATA": []})
    most_at_once: int = 0
    cuts_in_data: int = 0

    async def handle_MAIL(self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any) -> str:
        envelope.mail_from = address
        return self._answer("MAIL")

    async def handle_RCPT(self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any) -> str:
        envelope.rcpt_tos.append(address)
        return self._answer("RCPT")

    async def handle_DATA(self, server: Any, _session: Any, envelope: Any) -> str:
        if self.cuts_in_data:
            self.cuts_in_data -= 1
            server.transport.abort()
            await asyncio.Event().wait()
        answer = self._answer("DATA")
        if answer.startswith("250"):
            mail = email.message_from_bytes(envelope.original_content, policy=default)
            self.mails.append((envelope.rcpt_tos[0], mail))
        return answer

    def cut(self) -> None:
        """Close every connection."""
        for connection in self.connections:
            connection.transport.close()

    async def nobody_is_connected(self) -> bool:
        return not self.connections

    def connection(self) -> SMTP:
        server = self

        class Connection(SMTP):
            def connection_made(self, transport: Any) -> None:
                server.opened += 1
                server.connections.append(self)
                server.most_at_once = max(server.most_at_once, len(server.connections))
                super().connection_made(transport)

            def connection_lost(self, error: Exception | None) -> None:
                server.connections.remove(self)
                super().connection_lost(error)

            async def smtp_QUIT(self, arg: str) -> None:
                server.goodbyes += 1
                await super().smtp_QUIT(arg)

        return Connection(self, hostname="localhost")

    def _answer(self, command: str) -> str:
        return self.answers[command].pop(0) if self.answers[command] else "250 OK"


@pytest.fixture
async def server() -> AsyncIterator[MailServer]:
    server = MailServer()
    listening = await asyncio.get_running_loop().create_server(server.connection, "127.0.0.1", 0)
    server.port = listening.sockets[0].getsockname()[1]
    yield server
    server.cut()
    listening.close()
    await listening.wait_closed()


@pytest.fixture
async def mailer(server: MailServer) -> AsyncIterator[Mailer]:
    mailer = Mailer(
        host="127.0.0.1",
        port=server.port,
        sender="Tische & Plätze <tables@tracker.test>",
        security="none",
        user=None,
        password=None,
        ca_file=None,
        connections=3,
    )
    yield mailer
    await mailer.close()


def letter(**changes: Any) -> Outgoing:
    return Outgoing(
        **{"to": "guest@guests.test", "subject": "A table", "text": "Come.", "message_id": uuid4(), **changes}
    )


async def test_many_mails_go_over_one_connection(server: MailServer, mailer: Mailer) -> None:
    for number in range(5):
        await mailer.send(letter(to=f"guest{number}@guests.test"))

    assert [to for to, _ in server.mails] == [f"guest{number}@guests.test" for number in range(5)]
    assert server.opened == 1


async def test_no_more_connections_are_open_than_allowed_however_many_mails_leave_at_once(
    server: MailServer, mailer: Mailer
) -> None:
    await asyncio.gather(*(mailer.send(letter(to=f"guest{number}@guests.test")) for number in range(20)))

    assert len({to for to, _ in server.mails}) == len(server.mails) == 20
    assert server.most_at_once <= 3
    assert server.opened <= 3


async def test_a_connection_that_the_server_closed_meanwhile_is_replaced(server: MailServer, mailer: Mailer) -> None:
    await mailer.send(letter())
    server.cut()
    await eventually(server.nobody_is_connected)

    await mailer.send(letter())

    assert (len(server.mails), server.opened) == (2, 2)


async def test_a_server_that_has_had_enough_of_a_connection_gets_another_one(
    server: MailServer, mailer: Mailer
) -> None:
    await mailer.send(letter())
    server.answers["MAIL"] = ["421 4.4.2 Open for too long"]

    await mailer.send(letter())

    assert (len(server.mails), server.opened) == (2, 2)


async def test_a_server_that_turns_everybody_away_is_tried_again_later(server: MailServer, mailer: Mailer) -> None:
    server.answers["MAIL"] = ["421 4.3.2 Going down"]

    with pytest.raises(SendFailed) as failed:
        await mailer.send(letter())

    assert not failed.value.permanent
    assert server.opened == 1


async def test_a_connection_lost_before_the_mail_was_accepted_is_left_to_the_ledger(
    server: MailServer, mailer: Mailer
) -> None:
    server.cuts_in_data = 1

    with pytest.raises(SendFailed) as failed:
        await mailer.send(letter())
    await mailer.send(letter())

    assert (failed.value.permanent, failed.value.was_refused) == (False, False)
    assert (len(server.mails), server.opened) == (1, 2)


async def test_after_a_refusal_the_connection_serves_the_next_mail(server: MailServer, mailer: Mailer) -> None:
    for command in ("MAIL", "RCPT", "DATA"):
        server.answers[command] = ["550 No"]
        with pytest.raises(SendFailed):
            await mailer.send(letter())

    await mailer.send(letter())

    assert (len(server.mails), server.opened) == (1, 1)


async def test_a_connection_ends_with_a_goodbye_after_a_number_of_mails(
    server: MailServer, mailer: Mailer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(smtp_pool, "MAILS_EACH", 2)

    for _ in range(5):
        await mailer.send(letter())

    assert (len(server.mails), server.opened, server.goodbyes) == (5, 3, 2)


async def test_a_connection_that_nobody_uses_is_closed(
    server: MailServer, mailer: Mailer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(smtp_pool, "IDLE_SECONDS", 0.02)

    await mailer.send(letter())

    await eventually(server.nobody_is_connected)
    assert server.goodbyes == 1


async def test_closing_says_goodbye_on_every_connection(server: MailServer, mailer: Mailer) -> None:
    await asyncio.gather(*(mailer.send(letter()) for _ in range(3)))

    await mailer.close()

    assert server.goodbyes == server.opened
    await eventually(server.nobody_is_connected)


async def test_a_send_that_is_given_up_leaves_no_half_used_connection_behind(
    server: MailServer, mailer: Mailer
) -> None:
    held = asyncio.Event()

    async def hold(*_: Any) -> str:
        held.set()
        await asyncio.Event().wait()
        return "250 OK"

    server.handle_RCPT = hold  # type: ignore[method-assign]
    sending = asyncio.create_task(mailer.send(letter()))
    await held.wait()
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)
    del server.handle_RCPT

    await mailer.send(letter())

    assert (len(server.mails), server.opened) == (1, 2)


@pytest.mark.parametrize(
    ("stage", "answer", "permanent", "is_dead"),
    [
        ("RCPT", "550 No such user", True, True),
        ("RCPT", "550 5.1.1 No such user", True, True),
        ("RCPT", "551 Gone elsewhere", True, True),
        ("RCPT", "553 Not a mailbox", True, True),
        ("RCPT", "554 5.1.10 Null MX", True, True),
        ("RCPT", "550 5.2.1 Mailbox disabled", True, True),
        ("RCPT", "550 5.4.1 Recipient address rejected", True, True),
        ("RCPT", "550 5.1.8 Sender's domain does not exist", True, False),
        ("RCPT", "550 5.2.2 Mailbox full", True, False),
        ("RCPT", "550 5.7.1 Not from you", True, False),
        ("RCPT", "552 Too large", True, False),
        ("RCPT", "554 Looks like spam", True, False),
        ("RCPT", "450 4.2.0 Greylisted", False, False),
        ("MAIL", "550 5.7.1 Not from there", True, False),
        ("MAIL", "530 5.7.0 Sign in first", False, False),
        ("DATA", "550 5.1.1 Looks like spam", True, False),
        ("DATA", "451 Later", False, False),
    ],
)
async def test_what_a_refusal_means(
    server: MailServer, mailer: Mailer, stage: str, answer: str, permanent: bool, is_dead: bool
) -> None:
    server.answers[stage] = [answer]

    with pytest.raises(SendFailed) as failed:
        await mailer.send(letter())

    assert (failed.value.permanent, failed.value.address_is_dead) == (permanent, is_dead)
    assert (failed.value.reason, failed.value.was_refused) == (answer, True)


async def test_a_mail_reads_as_it_was_written_whatever_its_letters(server: MailServer, mailer: Mailer) -> None:
    text = "Ein Tisch – für zwei:\n.\nFrom here on\n" + "lang " * 400 + "\n\nEnde"
    subject = "Frei: Café Müller, „Fr 27. Nov“, 19:15 – ein Betreff, der länger ist als eine Zeile, und noch länger"

    message_id = await mailer.send(letter(subject=subject, text=text, html="<p>Schön</p>"))

    ((to, mail),) = server.mails
    assert to == mail["To"] == "guest@guests.test"
    assert mail["From"] == "Tische & Plätze <tables@tracker.test>"
    assert mail["Subject"] == subject
    assert mail["Message-ID"] == message_id
    assert mail["Auto-Submitted"] == "auto-generated"
    assert abs(mail["Date"].datetime.timestamp() - time.time()) < timedelta(minutes=1).total_seconds()
    assert [part.get_content_type() for part in mail.walk()] == ["multipart/alternative", "text/plain", "text/html"]
    assert [_shown(part) for part in mail.iter_parts()] == [text, "<p>Schön</p>"]


async def test_a_plain_mail_is_sent_as_it_is(server: MailServer, mailer: Mailer) -> None:
    await mailer.send(letter(text=".a\n..b\nFrom c"))

    ((_, mail),) = server.mails
    assert (mail.get_content_type(), mail["Content-Transfer-Encoding"]) == ("text/plain", "7bit")
    assert _shown(mail) == ".a\n..b\nFrom c"


async def test_headers_stay_on_one_line_and_attachments_keep_name_and_parameters(
    server: MailServer, mailer: Mailer
) -> None:
    unsubscribe = f"<https://tracker.test/m/unsubscribe/{'t' * 200}>, <mailto:stop@tracker.test>"
    calendar = Attachment("Größe.ics", "text/calendar; method=PUBLISH; charset=utf-8", b"BEGIN:VCALENDAR\r\n")

    await mailer.send(letter(html="<p>x</p>", headers={"List-Unsubscribe": unsubscribe}, attachments=(calendar,)))

    ((_, mail),) = server.mails
    assert mail["List-Unsubscribe"] == unsubscribe
    assert [part.get_content_type() for part in mail.iter_parts()] == ["multipart/alternative", "text/calendar"]
    (attached,) = mail.iter_attachments()
    assert attached.get_filename() == "Größe.ics"
    assert attached["Content-Type"].params["method"] == "PUBLISH"
    assert attached.get_payload(decode=True) == calendar.content


@pytest.mark.parametrize(
    "changes",
    [
        {"to": "a@b.test\nBcc: c@d.test"},
        {"to": "a@b.test, c@d.test"},
        {"to": "nobody"},
        {"to": "a@b.test>"},
        {"subject": "Hello\r\nBcc: c@d.test"},
        {"headers": {"X-Note": "a\nBcc: c@d.test"}},
        {"headers": {"X Note:": "a"}},
        {"attachments": (Attachment("a\n.ics", "text/calendar", b""),)},
        {"attachments": (Attachment("a.ics", "text/calendar\nBcc: c@d.test", b""),)},
    ],
)
async def test_what_would_become_another_header_or_recipient_is_a_permanent_failure(
    server: MailServer, mailer: Mailer, changes: dict[str, Any]
) -> None:
    with pytest.raises(SendFailed) as failed:
        await mailer.send(letter(**changes))

    assert failed.value.permanent
    assert server.mails == []


def _shown(part: Any) -> str:
    return str(part.get_content()).replace("\r\n", "\n").strip()
