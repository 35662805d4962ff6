"""What a message says: subject and sentences, from facts; how it looks is the template's business."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from urllib.parse import urlencode

from backend.domain.reading import spoken
from backend.domain.types import Kind
from backend.domain.windows import local

BOOKING_PAGE = "https://reservations.getwisely.com"


@dataclass(frozen=True, slots=True)
class Opening:
    """One table in a message."""

    reserved_ts: int
    type_id: int
    type_name: str


@dataclass(frozen=True, slots=True)
class Facts:
    """All that a message may speak of. `reason` is the restaurant's sentence about a booking, if there is one."""

    kind: Kind
    restaurant: str
    timezone: str
    booking_slug: str
    target_date: date
    party_size: int
    openings: tuple[Opening, ...]
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """A table as it is shown: its time at the restaurant and the page where it can be booked."""

    clock: str
    meal: str
    link: str


@dataclass(frozen=True, slots=True)
class Text:
    """A composed message."""

    subject: str
    headline: str
    sentence: str
    lines: tuple[Line, ...]


def compose(facts: Facts) -> Text:
    """Write the message. Times are the restaurant's."""
    lines = tuple(_line(facts, opening) for opening in sorted(facts.openings, key=lambda o: o.reserved_ts))
    day = f"{facts.target_date:%A}, {facts.target_date:%B} {facts.target_date.day}"
    # Two tables of different kinds at one time are one time in a sentence.
    times = _listed(list(dict.fromkeys(line.clock for line in lines)))
    party = f"party of {facts.party_size}"
    what = f"{facts.restaurant}, {day}, {times}, {party}"
    match facts.kind:
        case Kind.TABLE_OPEN:
            headline = "A table is open" if len(lines) == 1 else f"{len(lines)} tables are open"
            sentence = f"{facts.restaurant} has {times} on {day} for a {party}. Tables like this go fast."
        case Kind.BOOKED:
            headline = "Booked for you"
            sentence = f"Your table at {facts.restaurant} is booked: {day}, {times}, {party}. "
            sentence += (
                "The restaurant's own confirmation comes separately; to change or cancel, use that or call them."
            )
        case Kind.BOOKING_REFUSED:
            headline = "The table could not be booked"
            sentence = f"We tried to book {what}, and were refused: {facts.reason or 'no reason was given'}. "
            sentence += "Your watch goes on."
        case Kind.BOOKING_UNKNOWN:
            headline = "Please check: you may have a table"
            sentence = f"We tried to book {what}, and no clear answer came back. The table may be yours. "
            sentence += "Look for the restaurant's confirmation mail or call them. We will not try again."
        case Kind.BOOKING_DRY_RUN:
            headline = "Dry run: this table would have been booked"
            sentence = f"{what}. Booking is in a dry run here, so nothing was sent to the restaurant."
    return Text(f"{headline}: {facts.restaurant}, {_short(facts.target_date)}, {times}", headline, sentence, lines)


def sms(text: Text) -> str:
    """The short form."""
    return f"{text.subject}. {text.lines[0].link}" if text.lines else text.subject


def when(at: datetime, timezone: str) -> str:
    """An instant as a clock time at the restaurant, such as 6:15 PM."""
    return spoken(local(round(at.timestamp() * 1000), timezone))


def clock_time(reserved_ts: int, timezone: str) -> str:
    """A slot's time at the restaurant, such as 6:15 PM."""
    return spoken(local(reserved_ts, timezone))


def _line(facts: Facts, opening: Opening) -> Line:
    query = urlencode(
        {
            "party_size": facts.party_size,
            "search_ts": opening.reserved_ts,
            "reservation_type_id": opening.type_id,
        }
    )
    return Line(
        clock=clock_time(opening.reserved_ts, facts.timezone),
        meal=opening.type_name,
        link=f"{BOOKING_PAGE}/{facts.booking_slug}?{query}",
    )


def _short(day: date) -> str:
    return f"{day:%a} {day:%b} {day.day}"


def _listed(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + " and " + words[-1] if words else "no time"
