"""What goes in and out, with its bounds."""

from datetime import date, datetime
from operator import attrgetter
from typing import Annotated, Any

import msgspec
from sqlalchemy import Row

# Postgres keeps no NUL.
Text = Annotated[str, msgspec.Meta(max_length=500, pattern=r"^[^\x00]*$")]


class SignUp(msgspec.Struct):
    name: Text = ""
    email: Text = ""
    password: Text = ""


class SignIn(msgspec.Struct):
    email: Text = ""
    password: Text = ""


class WatchIn(msgspec.Struct):
    """Clock times are `HH:MM` at the restaurant."""

    location_key: Text = ""
    target_date: date | None = None
    party_size: int = 2
    time_start: Text = "18:00"
    time_end: Text = "20:00"
    auto_book: bool = False
    book_first_name: Text | None = None
    book_last_name: Text | None = None
    book_email: Text | None = None
    book_phone: Text | None = None


class WatchOut(msgspec.Struct):
    id: int
    user_id: int
    location_key: str
    party_size: int
    target_date: date
    time_start: str
    time_end: str
    auto_book: bool
    book_first_name: str | None
    book_last_name: str | None
    book_email: str | None
    book_phone: str | None
    status: str
    created_at: datetime
    updated_at: datetime
    notified_at: datetime | None
    booked_at: datetime | None
    last_scanned: datetime | None


_of_watch = attrgetter(*WatchOut.__struct_fields__)


def watch_out(row: Row[Any]) -> WatchOut:
    """A row as clients know it."""
    watch = WatchOut(*_of_watch(row))
    watch.time_start, watch.time_end = row.time_start.isoformat("minutes"), row.time_end.isoformat("minutes")
    return watch


def user_out(row: Row[Any]) -> dict[str, Any]:
    """A person as their own client sees them."""
    return {key: getattr(row, key) for key in ("id", "name", "email", "picture", "phone", "first_name", "last_name")}
