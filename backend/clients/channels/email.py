"""E-mail over SMTP."""

import asyncio
import ssl
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate, parseaddr
from pathlib import Path
from typing import Literal

import aiosmtplib

from backend.clients.channels.outgoing import Outgoing
from backend.clients.errors import SendFailed

# A command, and a whole delivery: less than the lease of a claimed message.
TIMEOUT_SECONDS = 20
DELIVERY_SECONDS = 90
# Subjects stay on one line: some readers show the space of a folded one.
_POLICY = SMTP.clone(max_line_length=200)


class Mailer:
    """One mail, one connection. The Message-ID is made from the ledger's row, so a repeated send can be recognised."""

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
    ) -> None:
        context = ssl.create_default_context()
        if ca_file is not None:
            context.load_verify_locations(ca_file)
        self._sender = sender
        self._domain = parseaddr(sender)[1].rpartition("@")[2]
        self._connect = {
            "hostname": host,
            "port": port,
            "username": user,
            "password": password,
            "use_tls": security == "tls",
            "start_tls": security == "starttls",
            "tls_context": context if security != "none" else None,
            "timeout": TIMEOUT_SECONDS,
        }

    async def send(self, message: Outgoing) -> str:
        """Hand one mail to the server; returns its Message-ID. Raises SendFailed."""
        try:
            mail = self._compose(message)
            # As bytes: handed over as a message, the library would fold the long headers again.
            async with asyncio.timeout(DELIVERY_SECONDS):
                await aiosmtplib.send(
                    mail.as_bytes(),
                    sender=parseaddr(self._sender)[1],
                    recipients=[message.to],
                    **self._connect,  # type: ignore[arg-type]
                )
        except aiosmtplib.SMTPRecipientsRefused as error:
            codes = [recipient.code for recipient in error.recipients]
            permanent = all(code >= 500 for code in codes)
            raise SendFailed(str(error.recipients), permanent=permanent, was_refused=True) from error
        except aiosmtplib.SMTPAuthenticationError as error:
            # A wrong password is ours to mend: the mail can go out afterwards.
            raise SendFailed(
                f"sign-in refused: {error.code} {error.message}", permanent=False, was_refused=True
            ) from error
        except aiosmtplib.SMTPResponseException as error:
            raise SendFailed(f"{error.code} {error.message}", permanent=error.code >= 500, was_refused=True) from error
        except (aiosmtplib.SMTPException, OSError) as error:
            raise SendFailed(f"{type(error).__name__}: {error}", permanent=False) from error
        except ValueError as error:
            raise SendFailed(f"not a mail that can be sent: {error}", permanent=True) from error
        return str(mail["Message-ID"])

    async def close(self) -> None:
        """Nothing is held."""

    def _compose(self, message: Outgoing) -> EmailMessage:
        mail = EmailMessage(policy=_POLICY)
        mail["From"] = self._sender
        mail["To"] = message.to
        mail["Subject"] = message.subject
        mail["Date"] = formatdate()
        mail["Message-ID"] = f"<{message.message_id}@{self._domain}>"
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(message.text)
        if message.html is not None:
            mail.add_alternative(message.html, subtype="html")
        return mail
