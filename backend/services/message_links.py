"""The addresses in a message: pages of the app, and signed ones that need no sign-in."""

from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import Row

from backend.domain.types import Kind
from backend.services.signed_links import Purpose, sign

# While a watch goes on, these let its person stop it.
_STOP_IT = (Kind.TABLE_OPEN, Kind.BOOKING_REFUSED, Kind.BOOKING_DRY_RUN)


@dataclass(frozen=True, slots=True)
class Links:
    """Where a message leads. `subject`: the page about what it tells. None: it has no such link."""

    subject: str
    preferences: str
    pause: str | None = None
    cancel: str | None = None
    unsubscribe: str | None = None
    settle: str | None = None

    @property
    def signed(self) -> tuple[str, ...]:
        """Those that act without a sign-in."""
        return tuple(link for link in (self.pause, self.cancel, self.unsubscribe, self.settle) if link is not None)


def links_of(row: Row[Any], *, public_url: str, key: bytes | None, watch_goes_on: bool) -> Links:
    """The links of a row of the ledger. Only the watch's person gets those that act on it, while it is active, and only
    alerts can be unsubscribed from: bookings concern a guest whatever else they wish. `key` signs; without one nothing
    is signed.
    """
    kind = Kind(row.kind)
    subject = f"{public_url}/"
    # The pages about watches and bookings are those of their guests.
    if row.user_id is not None and row.booking_id is not None:
        subject = f"{public_url}/#booking={row.booking_id}"
    elif row.user_id is not None and row.watch_id is not None:
        subject = f"{public_url}/#watch={row.watch_id}"
    preferences = f"{public_url}/#messages"
    if key is None or row.user_id is None:
        return Links(subject, preferences)
    signed = partial(_signed, public_url, key)

    may_stop = watch_goes_on and row.watch_id is not None and kind in _STOP_IT
    return Links(
        subject,
        preferences,
        pause=signed("pause", row.watch_id) if may_stop else None,
        cancel=signed("cancel", row.watch_id) if may_stop else None,
        unsubscribe=unsubscribe_link(row, public_url=public_url, key=key) if kind is Kind.TABLE_OPEN else None,
        settle=signed("settle", row.booking_id)
        if row.booking_id is not None and kind is Kind.BOOKING_UNKNOWN
        else None,
    )


def unsubscribe_link(row: Row[Any], *, public_url: str, key: bytes | None) -> str | None:
    """The link that ends what is sent to this address of a person; None where there is no such address, or no key."""
    if key is None or row.channel_id is None:
        return None
    return _signed(public_url, key, "unsubscribe", row.channel_id)


def unsubscribe_headers(unsubscribe: str) -> dict[str, str]:
    """What lets a mail program offer to unsubscribe with one click (RFC 8058)."""
    return {"List-Unsubscribe": f"<{unsubscribe}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}


def thread_headers(watch_id: int, *, public_url: str) -> dict[str, str]:
    """What lets a mail program show all mails of a watch together: they answer one mail, which was never sent."""
    thread = f"<watch-{watch_id}@{host_of(public_url)}>"
    return {"In-Reply-To": thread, "References": thread}


def host_of(public_url: str) -> str:
    """This installation's name in identifiers of mails and calendars."""
    host = urlsplit(public_url).hostname or "localhost"
    return f"[{host}]" if ":" in host else host


def _signed(public_url: str, key: bytes, purpose: Purpose, subject_id: int) -> str:
    return f"{public_url}/m/{purpose}/{sign(key, purpose, subject_id)}"
