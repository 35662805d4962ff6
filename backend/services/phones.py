"""Telephone numbers: however people write them, kept as E.164. Plain digits are a number in the United States."""

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberFormat, ValidationResult

from backend.services.errors import AppError

HOME = "US"
_REASONS = {
    ValidationResult.TOO_SHORT: "it has too few digits",
    ValidationResult.IS_POSSIBLE_LOCAL_ONLY: "the area code is missing",
    ValidationResult.TOO_LONG: "it has too many digits",
    ValidationResult.INVALID_LENGTH: "it has the wrong number of digits",
    ValidationResult.INVALID_COUNTRY_CODE: "there is no such country code",
}


def to_e164(written: str, *, field: str) -> str:
    """The number as +14045550123. Raises AppError 400 with the reason."""
    try:
        number = phonenumbers.parse(written, HOME)
    except NumberParseException:
        raise _refusal("it is no number such as (404) 555-0123", field) from None
    reason = _REASONS.get(phonenumbers.is_possible_number_with_reason(number))
    if reason is None and not phonenumbers.is_valid_number(number):
        reason = "no such number exists"
    if reason is not None:
        raise _refusal(reason, field)
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)


def _refusal(reason: str, field: str) -> AppError:
    return AppError(400, f"That telephone number cannot be used: {reason}", field=field)
