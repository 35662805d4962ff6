"""What the parsers of channels share. A parser takes what a person typed and raises ValueError with a sentence."""

import re
from collections.abc import Mapping
from typing import Any

import phonenumbers
from email_validator import EmailNotValidError, validate_email
from phonenumbers import NumberParseException, PhoneNumberFormat, ValidationResult

Details = dict[str, Any]
Parsed = tuple[str, Details]

# Plain digits are a number in the United States.
_HOME = "US"
_REASONS = {
    ValidationResult.TOO_SHORT: "it has too few digits",
    ValidationResult.IS_POSSIBLE_LOCAL_ONLY: "the area code is missing",
    ValidationResult.TOO_LONG: "it has too many digits",
    ValidationResult.INVALID_LENGTH: "it has the wrong number of digits",
    ValidationResult.INVALID_COUNTRY_CODE: "there is no such country code",
}


def normal_email(written: str) -> str:
    """An address as it is stored, in ASCII: a domain of other letters as mail servers know it (IDNA).

    Raises ValueError; also for other letters before the @, as few mail servers take those (RFC 6531).
    """
    try:
        found = validate_email(written.strip(), check_deliverability=False, test_environment=True, allow_smtputf8=False)
    except EmailNotValidError as error:
        raise ValueError(f"That is not an e-mail address to which we can send: {error}") from None
    return (found.ascii_email or found.normalized).lower()


def normal_phone(written: str) -> str:
    """A telephone number as +14045550123. Raises ValueError with the reason."""
    try:
        number = phonenumbers.parse(written, _HOME)
    except NumberParseException:
        raise _bad_number("it is no number such as (404) 555-0123") from None
    reason = _REASONS.get(phonenumbers.is_possible_number_with_reason(number))
    if reason is None and not phonenumbers.is_valid_number(number):
        reason = "no such number exists"
    if reason is not None:
        raise _bad_number(reason)
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)


def match(pattern: str, written: Any, *, otherwise: str) -> re.Match[str]:
    """The whole of a word, by a pattern. Raises ValueError(otherwise)."""
    found = re.fullmatch(pattern, written.strip()) if isinstance(written, str) else None
    if found is None:
        raise ValueError(otherwise)
    return found


def optional(details: Mapping[str, Any], name: str, pattern: str, *, otherwise: str) -> Details:
    """`{name: word}`, or nothing when it is absent or empty. Raises ValueError(otherwise)."""
    if not details.get(name):
        return {}
    return {name: match(pattern, details[name], otherwise=otherwise)[0]}


def _bad_number(reason: str) -> ValueError:
    return ValueError(f"That telephone number cannot be used: {reason}")
