"""Connections to a mail server that are kept open for the next mail."""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import aiosmtplib

# Servers have limits of their own; well below the usual ones nobody is cut off in the middle of a mail.
MAILS_EACH = 100
IDLE_SECONDS = 30.0
GOODBYE_SECONDS = 2.0
_SERVICE_CLOSING = 421


@dataclass(slots=True)
class _Connection:
    client: aiosmtplib.SMTP
    mails: int = 0
    used_at: float = 0.0


class SmtpPool:
    """At most `most` connections, each used by one mail at a time. What `open_client` makes is not connected yet."""

    def __init__(self, open_client: Callable[[], aiosmtplib.SMTP], *, most: int) -> None:
        self._open_client = open_client
        self._turns = asyncio.Semaphore(most)
        self._idle: list[_Connection] = []
        self._tidying: asyncio.Task[None] | None = None

    async def deliver(self, mail: bytes, *, sender: str, recipient: str) -> None:
        """Hand a mail over. Raises aiosmtplib.SMTPException, OSError, and ValueError for what is no address."""
        async with self._turns:
            connection = await self._begin(sender)
            is_clean = False
            try:
                await connection.client.rcpt(recipient)
                await connection.client.data(mail)
                is_clean = True
            except aiosmtplib.SMTPResponseException as error:
                is_clean = error.code != _SERVICE_CLOSING and await _reset(connection.client)
                raise
            except ValueError:
                # Nothing was sent of it.
                is_clean = await _reset(connection.client)
                raise
            finally:
                await self._give_back(connection, is_clean=is_clean)

    async def close(self) -> None:
        """Close what is open."""
        if self._tidying is not None:
            self._tidying.cancel()
        while self._idle:
            await _quit(self._idle.pop())

    async def _begin(self, sender: str) -> _Connection:
        """A connection on which a mail was begun. One that was kept open may be closed by now, or be closed at this
        moment: nothing was handed over yet, so the next one is tried.
        """
        while True:
            connection = await self._take()
            was_kept = connection.mails > 0
            try:
                await connection.client.mail(sender)
                return connection
            except aiosmtplib.SMTPResponseException as error:
                is_closing = error.code == _SERVICE_CLOSING
                await self._give_back(connection, is_clean=not is_closing and await _reset(connection.client))
                if not (is_closing and was_kept):
                    raise
            except aiosmtplib.SMTPServerDisconnected:
                connection.client.close()
                if not was_kept:
                    raise
            except BaseException:
                connection.client.close()
                raise

    async def _take(self) -> _Connection:
        while self._idle:
            connection = self._idle.pop()
            if connection.client.is_connected:
                return connection
            connection.client.close()
        client = self._open_client()
        await client.connect()
        return _Connection(client)

    async def _give_back(self, connection: _Connection, *, is_clean: bool) -> None:
        connection.mails += 1
        connection.used_at = time.monotonic()
        if not is_clean:
            connection.client.close()
        elif connection.mails >= MAILS_EACH:
            await _quit(connection)
        else:
            self._idle.append(connection)
            if self._tidying is None or self._tidying.done():
                self._tidying = asyncio.create_task(self._tidy())

    async def _tidy(self) -> None:
        """Close what nobody has used for a while, until nothing is left."""
        while self._idle:
            await asyncio.sleep(max(0.0, self._idle[0].used_at + IDLE_SECONDS - time.monotonic()))
            while self._idle and self._idle[0].used_at + IDLE_SECONDS <= time.monotonic():
                await _quit(self._idle.pop(0))


async def _reset(client: aiosmtplib.SMTP) -> bool:
    """Forget the mail that was begun; False when the connection is of no use any more."""
    with suppress(aiosmtplib.SMTPException, OSError):
        await client.rset()
        return True
    return False


async def _quit(connection: _Connection) -> None:
    """Say goodbye, but do not insist."""
    with suppress(aiosmtplib.SMTPException, OSError):
        await connection.client.quit(timeout=GOODBYE_SECONDS)
    connection.client.close()
