"""E-mail over SMTP: what a mail looks like on the wire, and what the server's answers mean."""

import asyncio
import re
import ssl
from email.utils import formataddr, parseaddr
from pathlib import Path
from typing import Literal

import aiosmtplib

from backend.clients.channels.mime import compose
from backend.clients.channels.outgoing import Outgoing
from backend.clients.channels.smtp_pool import SmtpPool
from backend.clients.errors import SendFailed

# A command, and a whole delivery with the wait for a connection: less than the lease of a claimed message.
TIMEOUT_SECONDS = 20
DELIVERY_SECONDS = 80
# Sign in first; too weak; try later; encrypt first: nothing that the mail or its reader could help.
_OURS_TO_MEND = (530, 534, 535, 538)
_NO_SUCH_ADDRESS = (550, 551, 553)
_ENHANCED = re.compile(r"5\.(\d{1,3})\.(\d{1,3})\b")


class Mailer:
    """Sends over at most `connections` kept-open connections.

    The Message-ID is made from the ledger's row, so a repeated send can be recognised.
    """

    def __init__(
        self,
        *,
        host: str,
        port: int,
        sender: str,
        security: Literal["starttls", "tls", "none"],
        user: str | None,
        password: str | None,
        ca_file: Path | None,
        connections: int = 4,
    ) -> None:
        context = ssl.create_default_context()
        if ca_file is not None:
            context.load_verify_locations(ca_file)
        name, self._address = parseaddr(sender)
        self._from = formataddr((name, self._address))
        self._domain = self._address.rpartition("@")[2]
        self._pool = SmtpPool(
            lambda: aiosmtplib.SMTP(
                hostname=host,
                port=port,
                username=user,
                password=password,
                use_tls=security == "tls",
                start_tls=security == "starttls",
                tls_context=context if security != "none" else None,
                timeout=TIMEOUT_SECONDS,
            ),
            most=connections,
        )

    async def send(self, message: Outgoing) -> str:
        """Hand one mail to the server; returns its Message-ID. Raises SendFailed."""
        message_id = f"<{message.message_id}@{self._domain}>"
        try:
            mail = compose(message, sender=self._from, message_id=message_id)
            async with asyncio.timeout(DELIVERY_SECONDS):
                await self._pool.deliver(mail, sender=self._address, recipient=message.to)
        except aiosmtplib.SMTPResponseException as error:
            raise _refused(error) from error
        except (aiosmtplib.SMTPException, OSError) as error:
            was_refused = isinstance(error, aiosmtplib.SMTPConnectError)
            raise SendFailed(f"{type(error).__name__}: {error}", permanent=False, was_refused=was_refused) from error
        except ValueError as error:
            reason = f"not a mail that can be sent: {error}"
            raise SendFailed(reason, permanent=True, was_refused=True) from error
        return message_id

    async def close(self) -> None:
        """Say goodbye to the server."""
        await self._pool.close()


def _refused(error: aiosmtplib.SMTPResponseException) -> SendFailed:
    """What a refusal means for the message and for its address."""
    reason, permanent, is_dead = f"{error.code} {error.message}", error.code >= 500, False
    match error:
        # A wrong password is ours to mend: the mail can go out afterwards.
        case aiosmtplib.SMTPAuthenticationError():
            reason, permanent = f"sign-in refused: {reason}", False
        case aiosmtplib.SMTPConnectError() | aiosmtplib.SMTPHeloError():
            reason, permanent = f"turned away: {reason}", False
        case aiosmtplib.SMTPRecipientRefused():
            is_dead = _is_dead(error.code, error.message)
        case _:
            permanent = permanent and error.code not in _OURS_TO_MEND
    return SendFailed(reason, permanent=permanent, address_is_dead=is_dead, was_refused=True)


def _is_dead(code: int, message: str) -> bool:
    """Whether a recipient was refused because there is nobody. By the enhanced code (RFC 3463) where there is one:
    5.1.x is about addresses (but .7 and .8 about the sender's), 5.2.1 a mailbox that is disabled; 5.2.x else is full or
    busy, 5.3.x the system's own trouble, 5.7.x policy.
    """
    enhanced = _ENHANCED.match(message)
    if enhanced is None:
        return code in _NO_SUCH_ADDRESS
    subject, detail = enhanced.groups()
    if subject == "1":
        return detail not in ("7", "8")
    if subject == "2":
        return detail == "1"
    return subject not in ("3", "7") and code in _NO_SUCH_ADDRESS
