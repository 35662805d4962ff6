"""Trouble at a service outside, sorted by what it means for the caller."""

from datetime import timedelta

from backend.domain.types import Trouble


class LookFailed(Exception):
    """A look got no answer that can be read. It says nothing about which tables are open."""

    def __init__(self, trouble: Trouble, detail: str, retry_after: timedelta | None = None) -> None:
        super().__init__(f"{trouble}: {detail}")
        self.trouble = trouble
        self.detail = detail
        self.retry_after = retry_after


class SendFailed(Exception):
    """A message was not accepted. `permanent` decides: a permanent refusal is never tried again."""

    def __init__(self, reason: str, *, permanent: bool) -> None:
        super().__init__(reason)
        self.reason = reason
        self.permanent = permanent


class BudgetUnavailable(Exception):
    """No call may be made now: Redis is away, the breaker is open, or the wait is longer than the caller has."""


class NotSent(Exception):
    """A booking never left this machine, so it may be tried again."""


class TokenRefused(Exception):
    """An ID token does not prove who somebody is. The text is for the log, and holds nothing of the token."""


class CertificatesUnavailable(Exception):
    """Google's certificates could not be fetched, and none are known: nobody can be verified now."""
