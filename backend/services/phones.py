"""Telephone numbers: however people write them, kept as E.164. Plain digits are a number in the United States."""

from backend.clients.channels.parsing import normal_phone
from backend.services.errors import AppError


def to_e164(written: str, *, field: str) -> str:
    """The number as +14045550123. Raises AppError 400 with the reason."""
    try:
        return normal_phone(written)
    except ValueError as error:
        raise AppError(400, str(error), field=field) from None
