"""Trouble at a service outside, sorted by what it means for the caller."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from backend.domain.types import Trouble


class CallFailed(Exception):
    """A call to the reservation service had no answer that can be used; the budget hears of it."""

    def __init__(self, trouble: Trouble, detail: str, retry_after: timedelta | None = None) -> None:
        super().__init__(f"{trouble}: {detail}")
        self.trouble = trouble
        self.detail = detail
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class RawAnswer:
    """What the service said, word for word."""

    status: int
    media_type: str
    body: bytes


class LookFailed(CallFailed):
    """A look got no answer that can be read: nothing is known of the tables. `raw` is what came, if anything."""

    def __init__(
        self, trouble: Trouble, detail: str, retry_after: timedelta | None = None, *, raw: RawAnswer | None = None
    ) -> None:
        super().__init__(trouble, detail, retry_after)
        self.raw = raw


class NotSent(CallFailed):
    """A booking never left this machine, or was turned away unread, so it may be tried again."""


class BookingUnclear(CallFailed):
    """A booking was sent and no clear answer came back: the table may be booked. `answer` is what came, if anything."""

    def __init__(
        self,
        trouble: Trouble,
        detail: str,
        retry_after: timedelta | None = None,
        *,
        answer: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(trouble, detail, retry_after)
        self.answer = answer


class SendFailed(Exception):
    """A message was not accepted. `permanent`: it is never tried again. `address_is_dead`: nothing will ever arrive
    there, so the channel is disabled. `is_stopped`: its owner texted STOP, which START takes back. `was_refused`: the
    provider said no, or was not reached, so it has surely not arrived. `retry_after` is what the provider asked for.
    """

    def __init__(
        self,
        reason: str,
        *,
        permanent: bool,
        address_is_dead: bool = False,
        is_stopped: bool = False,
        was_refused: bool = False,
        retry_after: timedelta | None = None,
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.permanent = permanent
        self.address_is_dead = address_is_dead
        self.is_stopped = is_stopped
        self.was_refused = was_refused
        self.retry_after = retry_after


class BudgetUnavailable(Exception):
    """No call may be made now: Redis is away, the breaker is open, or the wait is longer than the caller has."""


class TokenRefused(Exception):
    """An ID token does not prove who somebody is. The text is for the log, and holds nothing of the token."""


class CertificatesUnavailable(Exception):
    """Google's certificates could not be fetched, and none are known: nobody can be verified now."""
