"""What goes in and out, with its bounds."""

from datetime import date, datetime
from operator import attrgetter
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, UnsetType
from sqlalchemy import Row

# Postgres keeps no NUL.
Text = Annotated[str, msgspec.Meta(max_length=500, pattern=r"^[^\x00]*$")]
Token = Annotated[str, msgspec.Meta(max_length=5000)]


class Done(msgspec.Struct):
    """It was done."""

    success: Literal[True] = True


class LocationOut(msgspec.Struct):
    """A restaurant. `horizon_days` is how far ahead it offers tables."""

    key: str
    name: str
    city: str
    state: str
    brand: str
    lat: float
    lon: float
    merchant_id: int
    timezone: str
    booking_slug: str
    auto_book_allowed: bool
    horizon_days: int


class Locations(msgspec.Struct):
    locations: list[LocationOut]


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


class WatchChange(msgspec.Struct):
    """Other wishes; what is absent stays as it is."""

    location_key: Text | UnsetType = UNSET
    target_date: date | UnsetType = UNSET
    party_size: int | UnsetType = UNSET
    time_start: Text | UnsetType = UNSET
    time_end: Text | UnsetType = UNSET
    auto_book: bool | UnsetType = UNSET
    book_first_name: Text | UnsetType | None = UNSET
    book_last_name: Text | UnsetType | None = UNSET
    book_email: Text | UnsetType | None = UNSET
    book_phone: Text | UnsetType | None = UNSET


class WatchOut(msgspec.Struct):
    """A watch. `last_scanned` is the last good look at its restaurant, day and party."""

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


class Watches(msgspec.Struct):
    watches: list[WatchOut]


class Made(msgspec.Struct):
    """The watch that was left, or that was there already."""

    watch_id: int
    success: Literal[True] = True


class Batch(msgspec.Struct):
    """One action on several watches."""

    ids: Annotated[list[int], msgspec.Meta(min_length=1, max_length=100)]
    action: Literal["pause", "resume", "cancel"]


class Unchanged(msgspec.Struct):
    id: int
    reason: str


class BatchDone(msgspec.Struct):
    """Which watches changed, and why the others did not."""

    changed: list[int]
    unchanged: list[Unchanged]
    success: Literal[True] = True


class EarlyScan(msgspec.Struct):
    """How many restaurants and days are looked at now; the others were looked at just before."""

    groups: int
    message: str
    success: Literal[True] = True


_of_watch = attrgetter(*WatchOut.__struct_fields__)


def watch_out(row: Row[Any]) -> WatchOut:
    """A row as clients know it."""
    watch = WatchOut(*_of_watch(row))
    watch.time_start, watch.time_end = row.time_start.isoformat("minutes"), row.time_end.isoformat("minutes")
    return watch
