"""Single values of the earlier version's rows. What a row can do without is left out, and `note` hears of it."""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from backend.domain import reading
from backend.domain.location_names import location_key

Row = Mapping[str, Any]
Values = dict[str, Any]
T = TypeVar("T")

MAX_ID = 2**62
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Context:
    """What readers need to know: the restaurants' names by key, and the moment of the import."""

    names: Mapping[str, str]
    now: datetime


Note = Callable[[str], None]


def text(row: Row, column: str) -> str | None:
    """Text without what Postgres does not keep; None when there is none."""
    value = row.get(column)
    said = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value if value is not None else "")
    return said.replace("\x00", "").strip() or None


def row_id(row: Row, column: str) -> int:
    try:
        return reading.whole(row.get(column), low=1, high=MAX_ID)
    except ValueError as error:
        raise ValueError(f"{column}: {error}") from None


def location(row: Row, column: str, context: Context) -> str:
    said = text(row, column) or ""
    key = location_key(said, context.names)
    if key is None:
        raise ValueError(f"there is no restaurant {said!r}")
    return key


def party(row: Row) -> int:
    value = row.get("party_size")
    try:
        return reading.whole(2 if value in (None, "") else value, low=1, high=20)
    except ValueError as error:
        raise ValueError(f"its party: {error}") from None


def created(row: Row, context: Context, note: Note, *, column: str = "created_at") -> datetime:
    at = optional_instant(row, column, note)
    if at is None:
        note(f"it does not say when it was made: {column} is the time of the import")
    return at or context.now


def optional_instant(row: Row, column: str, note: Note) -> datetime | None:
    return _kept(row, column, note, reading.instant)


def phone(row: Row, column: str, note: Note) -> str | None:
    return _kept(row, column, note, reading.telephone)


def count(row: Row, column: str, note: Note) -> int | None:
    return _kept(row, column, note, lambda value: reading.whole(value, low=0, high=1440))


def number(row: Row, column: str, note: Note) -> float | None:
    return _kept(row, column, note, _seconds)


def _kept(row: Row, column: str, note: Note, read_value: Callable[[Any], T]) -> T | None:
    """A value that may be missing; one that cannot be read is left out, and said."""
    if row.get(column) in (None, ""):
        return None
    try:
        return read_value(row[column])
    except (ValueError, TypeError) as error:
        note(f"{column} was left out: {error}")
        return None


def _seconds(value: Any) -> float:
    seconds = float(value)
    if not math.isfinite(seconds):
        raise ValueError(f"{value!r} is not a number")
    return seconds


def tidied(row: Row, column: str, read_value: Callable[[Any], str]) -> str | None:
    said = text(row, column)
    try:
        return said and read_value(said)
    except ValueError:
        return said


def password(row: Row, note: Note) -> str | None:
    said = text(row, "password_hash")
    if said is None or said.startswith("$argon2"):
        return said
    if not _SHA256.fullmatch(said.lower()):
        note("its password is in an unknown form: they have to set a new one")
        return None
    return f"sha256${said.lower()}"
