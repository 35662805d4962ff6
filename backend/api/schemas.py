"""What goes in and out, with its bounds."""

from datetime import date, datetime
from operator import attrgetter
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, UnsetType
from sqlalchemy import Row

from backend.domain.booking_promises import Promise

# Postgres keeps no NUL.
Text = Annotated[str, msgspec.Meta(max_length=500, pattern=r"^[^\x00]*$")]
Preference = Literal["earliest", "latest", "nearest"]
Token = Annotated[str, msgspec.Meta(max_length=5000)]


class Done(msgspec.Struct):
    """It was done."""

    success: Literal[True] = True


class LocationOut(msgspec.Struct):
    """A restaurant. `horizon_days` is how far ahead it offers tables; `auto_book_reason` why we do not book there."""

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
    auto_book_reason: str | None
    horizon_days: int


class Locations(msgspec.Struct):
    locations: list[LocationOut]


class WatchIn(msgspec.Struct):
    """Clock times are `HH:MM` at the restaurant.

    Of several tables the earliest, the latest or the nearest to `preferred_time` is booked, and none that starts sooner
    than `min_notice_minutes` from now.
    """

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
    slot_preference: Preference = "earliest"
    preferred_time: Text | None = None
    min_notice_minutes: int = 0


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
    slot_preference: Preference | UnsetType = UNSET
    preferred_time: Text | UnsetType | None = UNSET
    min_notice_minutes: int | UnsetType = UNSET


class WatchOut(msgspec.Struct):
    """A watch. `last_scanned` is the last good look at its restaurant, day and party.

    `note` says why it is paused, when it was not its person who paused it.
    """

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
    slot_preference: str
    preferred_time: str | None
    min_notice_minutes: int
    note: str | None


class Watches(msgspec.Struct):
    watches: list[WatchOut]


class AutoBook(msgspec.Struct):
    """Whether a table will be booked when it opens, in a sentence for people."""

    will_book: bool
    sentence: str


class Made(msgspec.Struct):
    """The watch that was left, or that was there already; what becomes of its wish for a booking, if it has one."""

    watch_id: int
    auto_book: AutoBook | None
    success: Literal[True] = True


class Changed(msgspec.Struct):
    """The watch was changed; what becomes of its wish for a booking, if it has one."""

    auto_book: AutoBook | None
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


def auto_book_out(promise: Promise | None) -> AutoBook | None:
    """What a person is told about a booking."""
    return None if promise is None else AutoBook(promise.will_book, promise.sentence)


def watch_out(row: Row[Any]) -> WatchOut:
    """A row as clients know it."""
    watch = WatchOut(*_of_watch(row))
    watch.time_start, watch.time_end = row.time_start.isoformat("minutes"), row.time_end.isoformat("minutes")
    watch.preferred_time = row.preferred_time and row.preferred_time.isoformat("minutes")
    return watch
