"""A watch's own log: what was looked at, seen, told and booked for it, as sentences, the newest first."""

from dataclasses import dataclass
from datetime import datetime

from backend.domain.message import clock_time
from backend.domain.types import BookingState, Kind


@dataclass(frozen=True, slots=True)
class Opening:
    """A table in the watch's window. `clock` is its time at the restaurant."""

    clock: str
    appeared_at: datetime
    gone_at: datetime | None


@dataclass(frozen=True, slots=True)
class Message:
    """One message about the watch."""

    kind: str
    channel: str
    status: str
    created_at: datetime
    sent_at: datetime | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One chance to book for the watch."""

    state: str
    reserved_ts: int
    reason: str | None
    at: datetime


@dataclass(frozen=True, slots=True)
class Facts:
    """All that is known of a watch. `looked_at` is the last good look."""

    made_at: datetime
    status: str
    changed_at: datetime
    timezone: str
    looked_at: datetime | None
    trouble: str | None
    trouble_at: datetime | None
    openings: tuple[Opening, ...]
    messages: tuple[Message, ...]
    bookings: tuple[Attempt, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """One line. `kind` is for programs, `text` for people."""

    at: datetime
    kind: str
    text: str


_CHANNELS = {"email": "mail", "sms": "text message"}
_TOLD = {
    Kind.TABLE_OPEN: "about the table",
    Kind.BOOKED: "about the booking",
    Kind.BOOKING_REFUSED: "that it could not be booked",
    Kind.BOOKING_UNKNOWN: "to check the booking",
    Kind.BOOKING_DRY_RUN: "about the dry run",
}
_ATTEMPTED = {
    BookingState.BOOKED: "booked {clock}",
    BookingState.CANCELLED: "booked {clock}; marked as cancelled since",
    BookingState.REFUSED: "tried to book {clock}, and was refused",
    BookingState.UNKNOWN: "tried to book {clock}, and no clear answer came: please check",
    BookingState.DRY_RUN: "would have booked {clock} (dry run)",
    BookingState.ATTEMPTING: "booking {clock}",
}


def tell(facts: Facts) -> list[Entry]:
    """The log. Of looks that found nothing, the last one stands for all."""
    entries = [Entry(facts.made_at, "made", "watch left")]
    for opening in facts.openings:
        entries.append(Entry(opening.appeared_at, "matched", f"matched {opening.clock}"))
        if opening.gone_at is not None:
            entries.append(Entry(opening.gone_at, "gone", f"{opening.clock} is gone"))
    entries += [_message(message) for message in facts.messages]
    for attempt in facts.bookings:
        words = _ATTEMPTED.get(BookingState(attempt.state))
        if words is not None:
            text = words.format(clock=clock_time(attempt.reserved_ts, facts.timezone))
            entries.append(Entry(attempt.at, attempt.state, _with_reason(text, attempt.reason)))
    if facts.looked_at is not None:
        now_open = [opening.clock for opening in facts.openings if opening.gone_at is None]
        seen = f"open in your window: {', '.join(now_open)}" if now_open else "nothing in your window"
        entries.append(Entry(facts.looked_at, "looked", f"looked, {seen}"))
    if facts.trouble is not None and facts.trouble_at is not None:
        text = "could not look: the reservation service gave no proper answer"
        entries.append(Entry(facts.trouble_at, "trouble", text))
    if facts.status != "active":
        entries.append(Entry(facts.changed_at, facts.status, f"watch {facts.status}"))
    # What belongs to one moment keeps the order in which it happens.
    return sorted(entries, key=lambda entry: entry.at)[::-1]


def _message(message: Message) -> Entry:
    name = _CHANNELS.get(message.channel, message.channel)
    about = _TOLD[Kind(message.kind)] if message.kind in _TOLD else ""
    if message.status == "sent":
        return Entry(message.sent_at or message.created_at, "told", f"{name} sent {about}".strip())
    words = {"queued": "waits to be sent", "sending": "is being sent"}.get(
        message.status, f"was not sent ({message.status})"
    )
    return Entry(message.created_at, message.status, _with_reason(f"{name} {about} {words}", message.reason))


def _with_reason(text: str, reason: str | None) -> str:
    return f"{text}: {reason}" if reason else text
