"""The words of the domain: restaurants, watches, slots, drops and what is planned from them.

Instants are aware UTC datetimes; dates and times of day belong to a restaurant's IANA zone;
`reserved_ts` is a slot's start in epoch milliseconds, as the reservation service gives it.
"""

from dataclasses import dataclass
from datetime import date, datetime, time
from enum import StrEnum


class Tier(StrEnum):
    """How soon a group's next window starts: urgent is under 24 hours. Browse: nobody watches, people only look."""

    URGENT = "urgent"
    NORMAL = "normal"
    BROWSE = "browse"


class SlotPreference(StrEnum):
    """Which of several open tables a watch would rather have booked. Nearest: to its preferred time."""

    EARLIEST = "earliest"
    LATEST = "latest"
    NEAREST = "nearest"


WATCHED_TIERS = (Tier.URGENT, Tier.NORMAL)


class Trouble(StrEnum):
    """Why a look gave no answer. None of these ever means that no table is open."""

    REFUSED = "refused"
    RATE_LIMITED = "rate_limited"
    SERVER_ERROR = "server_error"
    TIMEOUT = "timeout"
    CONNECTION = "connection"
    NOT_JSON = "not_json"
    WRONG_SHAPE = "wrong_shape"


class Kind(StrEnum):
    """What a message is about."""

    TABLE_OPEN = "table_open"
    BOOKED = "booked"
    BOOKING_REFUSED = "booking_refused"
    BOOKING_UNKNOWN = "booking_unknown"
    BOOKING_DRY_RUN = "booking_dry_run"
    VERIFY_EMAIL = "verify_email"
    PASSWORD_RESET = "password_reset"
    PASSWORD_CHANGED = "password_changed"
    GOOGLE_LINKED = "google_linked"
    CHANNEL_CODE = "channel_code"
    CHANNEL_TEST = "channel_test"
    CHANNEL_DISABLED = "channel_disabled"
    WATCH_EXPIRED = "watch_expired"
    DIGEST = "digest"
    NEW_SIGN_UP = "new_sign_up"
    NEW_WATCH = "new_watch"
    NEW_FEEDBACK = "new_feedback"


# About a person's account, and not about a watch or a booking.
ACCOUNT_KINDS = (Kind.VERIFY_EMAIL, Kind.PASSWORD_RESET, Kind.PASSWORD_CHANGED, Kind.GOOGLE_LINKED)

# To the administrators.
OPERATOR_KINDS = (Kind.NEW_SIGN_UP, Kind.NEW_WATCH, Kind.NEW_FEEDBACK)

# Those, and what a person is told that no look has caused.
NOTICE_KINDS = (Kind.WATCH_EXPIRED, Kind.DIGEST, *OPERATOR_KINDS)
# They may wait for others: nobody loses a table or an account meanwhile.
PATIENT_KINDS = (Kind.CHANNEL_DISABLED, Kind.WATCH_EXPIRED, Kind.DIGEST, *OPERATOR_KINDS)

CHANNEL_KINDS = ("email", "sms", "web_push", "webhook", "ntfy", "telegram", "discord", "slack", "pushover")


class BookingState(StrEnum):
    """The life of one chance to book. Attempting, booked and unknown are live: they block their person's meal."""

    WANTED = "wanted"
    DRY_RUN = "dry_run"
    ATTEMPTING = "attempting"
    BOOKED = "booked"
    REFUSED = "refused"
    UNKNOWN = "unknown"
    LAPSED = "lapsed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, order=True)
class Slot:
    """One open table time. Its identity is (reserved_ts, type_id) within its location and party size."""

    reserved_ts: int
    type_id: int
    type_name: str = ""


@dataclass(frozen=True, slots=True)
class Drop:
    """One episode of a slot being open, as stored."""

    id: int
    reserved_ts: int
    type_id: int
    appeared_at: datetime
    last_seen_at: datetime


@dataclass(frozen=True, slots=True)
class Watch:
    """What a person waits for. The window is inclusive at both ends, in the restaurant's clock time.

    A table that starts sooner than `min_notice_minutes` from now is told of, and not booked.
    """

    id: int
    user_id: int
    location_key: str
    target_date: date
    party_size: int
    time_start: time
    time_end: time
    auto_book: bool
    created_at: datetime
    needs_match: bool = False
    slot_preference: SlotPreference = SlotPreference.EARLIEST
    preferred_time: time | None = None
    min_notice_minutes: int = 0


@dataclass(frozen=True, slots=True)
class Channel:
    """An address that a person gave. `kind` is one of CHANNEL_KINDS. The person's wishes say how soon a table starts
    that is worth a text message (0 hours: none), and whether automatic booking is.
    """

    id: int
    user_id: int
    kind: str
    address: str
    is_verified: bool
    sms_within_hours: int = 2
    sms_for_auto_book: bool = True
