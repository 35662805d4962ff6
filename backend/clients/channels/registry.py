"""The kinds of channels, and what an address of each looks like."""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import phonenumbers
from email_validator import EmailNotValidError, validate_email

_HOME = "US"


def parse_address(kind: str, address: str, details: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """What a person typed, as it is kept: (address, details). Raises ValueError with a sentence for them."""
    address = address.strip()
    match kind:
        case "email":
            try:
                return validate_email(address, check_deliverability=False, test_environment=True).normalized.lower(), {}
            except EmailNotValidError as error:
                raise ValueError(str(error)) from None
        case "sms":
            return _number(address), {}
        case "web_push":
            keys = {name: str(details.get(name, "")) for name in ("p256dh", "auth")}
            if not all(keys.values()):
                raise ValueError("A browser's subscription has the keys p256dh and auth")
            return _https(address), keys
        case "webhook" | "ntfy" | "discord" | "slack":
            return _https(address), dict(details)
        case "telegram" | "pushover":
            if not re.fullmatch(r"[\w@:-]{3,100}", address):
                raise ValueError("That does not look like an address there")
            return address, dict(details)
    raise ValueError(f"There is no channel of the kind {kind!r}")


def _number(written: str) -> str:
    try:
        number = phonenumbers.parse(written, _HOME)
    except phonenumbers.NumberParseException:
        raise ValueError("That is no number such as (404) 555-0123") from None
    if not phonenumbers.is_valid_number(number):
        raise ValueError("That telephone number does not exist")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _https(written: str) -> str:
    parts = urlsplit(written)
    if parts.scheme != "https" or not parts.hostname:
        raise ValueError("That is no address such as https://example.com/hook")
    return written
