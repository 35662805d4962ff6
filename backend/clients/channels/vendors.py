"""What Telegram, Discord, Slack and Pushover share: Apprise, with one plugin, made of fields that were checked.

Never from an Apprise URL: such a URL may name any of a hundred services and any host. The plugins used here have their
vendor's host as a constant, redirects are not followed, and nothing of a message but its text and link is handed over.

Apprise says only whether a message was accepted. Why not stands in its log lines ("error=429"), so each plugin is given
a log of its own, which is read for the status and goes nowhere else: it holds tokens. Where there is no status, there
was no answer, and the failure is temporary.
"""

import asyncio
import logging
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from backend.clients.channels.outgoing import Outgoing
from backend.clients.errors import SendFailed

if TYPE_CHECKING:
    from apprise.plugins.base import NotifyBase

CONNECT_SECONDS, READ_SECONDS = 4, 8
# With the wait for a thread.
TOTAL_SECONDS = 20
THREADS = 4

_STATUS = re.compile(r"error=(\d{3})\b")
_WAIT = re.compile(r"retry after (\d{1,6})\b")
_TEMPORARY = (408, 425, 429)


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer other than a good one: its status, and what Apprise wrote down of it."""

    status: int
    log: str


@dataclass(frozen=True, slots=True)
class Vendor:
    """One service. `build` makes Apprise's plugin for a message, with `OPTIONS` among its arguments; `is_dead` tells
    whether nothing will ever arrive at that address again.
    """

    name: str
    build: Callable[[Outgoing, dict[str, Any]], "NotifyBase"]
    is_dead: Callable[[Refusal], bool]


class VendorThreads:
    """Where Apprise, which is synchronous, waits. Threads of its own: all name resolution needs the loop's."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="vendors")

    async def run(self, work: Callable[[], None]) -> None:
        await asyncio.get_running_loop().run_in_executor(self._pool, work)

    def close(self) -> None:
        """What runs ends by itself, in CONNECT_SECONDS + READ_SECONDS. May be called several times."""
        self._pool.shutdown(wait=False, cancel_futures=True)


class VendorChannel:
    """Sends to one service."""

    def __init__(self, vendor: Vendor, threads: VendorThreads) -> None:
        self._vendor = vendor
        self._threads = threads

    async def send(self, message: Outgoing) -> str:
        """Hand a message over; returns its own id, as these services are not asked for theirs. Raises SendFailed."""
        try:
            async with asyncio.timeout(TOTAL_SECONDS):
                await self._threads.run(lambda: self._notify(message))
        except TimeoutError:
            raise SendFailed(f"{self._vendor.name} does not answer in time", permanent=False) from None
        return str(message.message_id)

    async def close(self) -> None:
        self._threads.close()

    def _notify(self, message: Outgoing) -> None:
        # Here: it takes a third of a second, and most processes send nothing this way.
        from apprise import AppriseAsset, NotifyFormat

        options = {
            "asset": AppriseAsset(app_id="Houston's Reservation Tracker", secure_logging=True),
            "redirect": "no",
            "verify": "yes",
            "overflow": "truncate",
            "cto": CONNECT_SECONDS,
            "rto": READ_SECONDS,
        }
        try:
            plugin = self._vendor.build(message, options)
        except (TypeError, KeyError) as error:
            # Apprise's refusal of its arguments is a TypeError; they were checked when they came.
            raise SendFailed(f"not a channel of {self._vendor.name} that can be used", permanent=True) from error
        log = _OwnLog()
        plugin.logger = log.logger
        # It would sleep when a vendor asks for fewer messages; here the ledger waits.
        plugin.throttle = _do_not_wait  # type: ignore[method-assign]
        body = message.text or message.short
        if not plugin.notify(title=message.subject, body=body, body_format=NotifyFormat.TEXT):
            raise self._failure(log.text)

    def _failure(self, log: str) -> SendFailed:
        found = _STATUS.search(log)
        if found is None:
            return SendFailed(f"{self._vendor.name} cannot be reached", permanent=False)
        refusal = Refusal(int(found[1]), log)
        is_dead = self._vendor.is_dead(refusal)
        is_permanent = refusal.status < 500 and refusal.status not in _TEMPORARY
        wait = _WAIT.search(log)
        return SendFailed(
            f"{self._vendor.name} answered {refusal.status}",
            permanent=is_permanent or is_dead,
            address_is_dead=is_dead,
            retry_after=timedelta(seconds=int(wait[1])) if wait else None,
        )


class _OwnLog(logging.Handler):
    """Lines of one plugin. Its logger has no parent, so they reach no other handler."""

    def __init__(self) -> None:
        super().__init__()
        self._lines: list[str] = []
        self.logger = logging.Logger("one message", logging.DEBUG)
        self.logger.addHandler(self)

    @property
    def text(self) -> str:
        return "\n".join(self._lines)

    def emit(self, record: logging.LogRecord) -> None:
        line = record.getMessage()
        # What was sent is in the log too, and may say "error=" itself.
        if record.levelno >= logging.WARNING or line.startswith("Response Details"):
            self._lines.append(line)


def _do_not_wait(*_: Any, **__: Any) -> None:
    """In place of Apprise's pauses."""
