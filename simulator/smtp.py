"""The mail server in front of the mailbox: STARTTLS and sign-in if wanted, and trouble on command."""

from __future__ import annotations

import asyncio
import hmac
import logging
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session, TLSSetupException

from simulator.mail_trouble import MailTrouble, MailTroubles, Stage
from simulator.mailbox import Mailbox

GREETING = "Simulated mailbox"

_log = logging.getLogger(__name__)

# aiosmtpd warns of its own use of a deprecated attribute at every sign-in.
logging.getLogger("mail.log").setLevel(logging.ERROR)


@dataclass(frozen=True)
class Access:
    """Who may hand in mail. Without a user anybody may, and any sign-in is accepted."""

    user: str | None = None
    password: str | None = None
    tls: ssl.SSLContext | None = None
    require_tls: bool = False


class MailServer:
    """Listens on one socket and stores what it accepts. `now` gives epoch seconds."""

    def __init__(self, mailbox: Mailbox, access: Access, *, now: Callable[[], float]) -> None:
        self.troubles = MailTroubles()
        self._mailbox = mailbox
        self._access = access
        self._now = now
        self._connections: set[_Connection] = set()
        self._server: asyncio.Server | None = None

    async def start(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._connection, sock=listener)

    async def stop(self) -> None:
        """Stop at once; connections are cut."""
        if self._server is not None:
            self._server.close()
            for connection in list(self._connections):
                connection.cut()
            await self._server.wait_closed()

    def sign_in(self, connection: _Connection, credentials: object) -> AuthResult:
        """Whether credentials are right. A refusal on command holds for the connection: clients try again
        with the next mechanism at once."""
        trouble = connection.sign_in_trouble or self.troubles.take("refuse", "sign-in")
        if trouble is not None:
            connection.sign_in_trouble = trouble
            return AuthResult(success=False, handled=False, message=trouble.answer)
        right = isinstance(credentials, LoginPassword) and self._is_right(credentials)
        # `handled` stays false: a failure that claims to be handled is never answered.
        return AuthResult(success=right, handled=False, auth_data=credentials)

    async def handle_MAIL(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self._access.user is not None and not session.authenticated:
            return "530 5.7.0 Authentication required"
        refusal = await self._trouble("mail", [])
        if refusal is None:
            envelope.mail_from = address
            envelope.mail_options.extend(options)
        return refusal or "250 OK"

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        refusal = await self._trouble("rcpt", [address])
        if refusal is None:
            envelope.rcpt_tos.append(address)
            envelope.rcpt_options.extend(options)
        return refusal or "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        recipients = [str(one) for one in envelope.rcpt_tos]
        refusal = await self._trouble("data", recipients)
        if refusal is not None:
            return refusal
        content = envelope.original_content or b""
        login = session.auth_data.login if isinstance(session.auth_data, LoginPassword) else None
        mail = self._mailbox.add(
            content,
            sender="" if envelope.mail_from in (None, "<>") else str(envelope.mail_from),
            to=tuple(recipients),
            now=self._now(),
            starttls=session.ssl is not None,
            authenticated_user=login.decode("utf-8", "replace") if login is not None else None,
        )
        if self.troubles.take("drop-after-accepting", "data", recipients):
            assert isinstance(server, _Connection)
            server.cut()
            # Losing the connection cancels this coroutine, so that nothing is written to a closed one.
            await asyncio.Event().wait()
        return f"250 2.0.0 OK queued as {mail.number}"

    async def handle_exception(self, error: Exception) -> str:
        """Log what must not happen. That a client turns away from the certificate may happen."""
        if not isinstance(error, TLSSetupException):
            _log.error("smtp.failed", exc_info=error)
        return "451 4.3.0 The simulator failed"

    def opened(self, connection: _Connection) -> None:
        self._connections.add(connection)

    def closed(self, connection: _Connection) -> None:
        self._connections.discard(connection)

    def _connection(self) -> _Connection:
        return _Connection(self, self._access)

    def _is_right(self, credentials: LoginPassword) -> bool:
        if self._access.user is None:
            return True
        return hmac.compare_digest(credentials.login, self._access.user.encode()) and hmac.compare_digest(
            credentials.password, (self._access.password or "").encode()
        )

    async def _trouble(self, stage: Stage, recipients: list[str]) -> str | None:
        slow = self.troubles.take("slow", stage, recipients)
        if slow is not None:
            await asyncio.sleep(slow.seconds)
        refusal = self.troubles.take("refuse", stage, recipients)
        return refusal.answer if refusal else None


class _Connection(SMTP):
    """One client's conversation."""

    def __init__(self, server: MailServer, access: Access) -> None:
        self._mail_server = server
        self.sign_in_trouble: MailTrouble | None = None
        super().__init__(
            server,
            hostname="localhost",
            ident=GREETING,
            tls_context=access.tls,
            require_starttls=access.require_tls,
            auth_require_tls=access.tls is not None,
            authenticator=_authenticate,
            enable_SMTPUTF8=True,
            loop=asyncio.get_running_loop(),
        )

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._mail_server.opened(self)
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        self._mail_server.closed(self)
        super().connection_lost(error)

    def sign_in(self, credentials: object) -> AuthResult:
        return self._mail_server.sign_in(self, credentials)

    def cut(self) -> None:
        """Close the connection without a word."""
        transport: Any = self._original_transport or self.transport
        if transport is not None:
            transport.abort()


def _authenticate(
    server: SMTP, session: Session, envelope: Envelope, mechanism: str, credentials: object
) -> AuthResult:
    assert isinstance(server, _Connection)
    return server.sign_in(credentials)
