"""What a person reads when we have given up one of their addresses."""

from backend.domain.account_message import AccountText

_NAMES = {
    "email": "mail to",
    "sms": "text messages to",
    "web_push": "notifications in",
    "webhook": "your webhook",
    "ntfy": "ntfy",
    "telegram": "Telegram",
    "discord": "Discord",
    "slack": "Slack",
    "pushover": "Pushover",
}


def compose_disabled(*, kind: str, address: str, label: str | None, reason: str, name: str) -> AccountText:
    """Write the message. Of a telephone number only the end is said, of other services' addresses nothing."""
    what = _channel(kind, address, label)
    hello = f"Hello {name}. " if name else ""
    return AccountText(
        subject=f"We cannot reach you any more: {what}",
        headline="One of your addresses does not work",
        sentence=f"{hello}We have stopped sending {what}, because nothing arrives there: {reason.rstrip('.')}.",
        action=None,
        footnote="If it works again, remove it among your channels and add it anew. Until then we use the others.",
    )


def _channel(kind: str, address: str, label: str | None) -> str:
    named = _NAMES.get(kind, kind)
    match kind:
        case "email":
            return f"{named} {address}"
        case "sms":
            return f"{named} the number that ends in {address[-4:]}"
        case "web_push":
            return f"{named} {label or 'your browser'}"
        case _:
            return f"to {named}" + (f" ({label})" if label else "")
