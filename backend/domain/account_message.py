"""What a message about an account says."""

from dataclasses import dataclass
from datetime import timedelta

from backend.domain.types import Kind

# How long a mailed link may be used.
VERIFY_WITHIN = timedelta(days=3)
RESET_WITHIN = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class AccountText:
    """A composed message; `action` is what its link does, None where it has none."""

    subject: str
    headline: str
    sentence: str
    action: str | None
    footnote: str


def compose_account(kind: Kind, *, name: str) -> AccountText:
    """Write the message. Raises ValueError for a kind that is not about an account."""
    hello = f"Hello {name}. " if name else ""
    match kind:
        case Kind.VERIFY_EMAIL:
            return AccountText(
                subject="Please confirm your address",
                headline="Is this your address?",
                sentence=f"{hello}Confirm it, and we write to you here the moment a table opens.",
                action="Confirm this address",
                footnote="The link works for three days. If you did not sign up, ignore this mail: nothing else "
                "will come.",
            )
        case Kind.PASSWORD_RESET:
            return AccountText(
                subject="Set a new password",
                headline="Set a new password",
                sentence=f"{hello}Somebody, we hope you, asked for a new password.",
                action="Set a new password",
                footnote="The link works for one hour. If you did not ask, ignore this mail: your password stays.",
            )
        case Kind.PASSWORD_CHANGED:
            return AccountText(
                subject="Your password was changed",
                headline="Your password was changed",
                sentence=f"{hello}Your password was changed just now, and every device was signed out.",
                action=None,
                footnote="If that was not you, set a new password at once: “Forgot your password?” on the page.",
            )
        case Kind.GOOGLE_LINKED:
            return AccountText(
                subject="You can now sign in with Google",
                headline="You can now sign in with Google",
                sentence=f"{hello}Your account was joined with the Google account of this address.",
                action=None,
                footnote="If that was not you, change your password and tell us.",
            )
        case _:
            raise ValueError(f"{kind} is not about an account")
