"""What a message about tables and bookings says, from facts; how it looks is the template's business."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from backend.domain.reading import spoken
from backend.domain.types import Kind
from backend.domain.windows import local

BOOKING_PAGE = "https://reservations.getwisely.com"
# A day that a restaurant releases has forty tables: more than a mail shows, or a subject names.
MOST_LINES = 12
MOST_TIMES = 6
MOST_TIMES_IN_SUBJECT = 3
# The restaurant's sentence comes from outside.
MOST_OF_REASON = 300

_ZONES = {
    "America/New_York": "Eastern time",
    "America/Chicago": "Central time",
    "America/Denver": "Mountain time",
    "America/Phoenix": "Arizona time",
    "America/Los_Angeles": "Pacific time",
}


class Effort(StrEnum):
    """What is being done to book a table for a watch that asks for it, as known when the message is written."""

    ATTEMPTING = "attempting"
    IN_LINE = "in_line"
    DRY_RUN = "dry_run"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Opening:
    """One table in a message. `last_seen_at`: when a look last saw it open."""

    reserved_ts: int
    type_id: int
    type_name: str
    last_seen_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """All that a message may speak of. Names come from outside: they may have any characters.

    `reason` is the restaurant's sentence about a booking. `watch_goes_on`: its watch is active, and may be
    paused or cancelled. `effort` is None for a watch that does not book. `is_late`:
    it goes out later than it should, and no look since has said whether the table is still there. `persons_zone`: where
    the reader is, if known. `is_for_operator`: the reader is not the guest.
    """

    kind: Kind
    restaurant: str
    timezone: str
    booking_slug: str
    target_date: date
    party_size: int
    openings: tuple[Opening, ...]
    reason: str | None = None
    location_key: str = ""
    town: str = ""
    watch_id: int | None = None
    watch_goes_on: bool = False
    booking_id: int | None = None
    effort: Effort | None = None
    is_late: bool = False
    persons_zone: str | None = None
    is_for_operator: bool = False

    @property
    def in_order(self) -> list[Opening]:
        """The openings by time."""
        return sorted(self.openings, key=lambda opening: (opening.reserved_ts, opening.type_name, opening.type_id))


@dataclass(frozen=True, slots=True)
class Line:
    """A table as it is shown: its button, its time at the restaurant and the page where it can be booked."""

    label: str
    clock: str
    meal: str
    link: str


@dataclass(frozen=True, slots=True)
class Text:
    """A composed message. `sentence` says all of it; a reader who sees `place` and `day` needs only `story`.

    `notes` are what else is to be said, before the `lines`: the tables that can be booked; `more` counts those that are
    not shown, and `freshness` says when they were seen. `app_action`: what one does about it in the app, where that
    comes first. `why` they get it; `app_page` names the page about it.
    """

    subject: str
    headline: str
    sentence: str
    place: str
    day: str
    story: str | None
    notes: tuple[str, ...]
    lines: tuple[Line, ...]
    more: int
    freshness: str | None
    app_action: str | None
    why: str
    app_page: str


def compose(facts: Facts, *, now: datetime) -> Text:
    """Write the message. Times are the restaurant's. Raises ValueError for a kind that is not about tables."""
    place = tidy(facts.restaurant)
    openings = facts.in_order
    clocks = times(facts)
    zone = zone_name(facts)
    on = f"{facts.target_date:%A}, {facts.target_date:%B} {facts.target_date.day}"
    at = _listed(clocks, most=MOST_TIMES) + (f" {zone}" if zone else "")
    party = f"party of {facts.party_size}"
    what = f"{place}, {on}, {at}, {party}"
    day = f"{on} · {at} · {party}"
    story: str | None
    notes: tuple[str, ...] = ()
    freshness = app_action = None
    match facts.kind:
        case Kind.TABLE_OPEN:
            headline = "A table is open" if len(openings) == 1 else f"{len(openings)} tables are open"
            sentence, story = f"{place} has {at} on {on} for a {party}.", None
            # The times are on the buttons.
            day = " · ".join(part for part in (on, party, zone) if part)
            said = seen(facts, now=now)
            effort = _effort(facts.effort, one=len(openings) == 1)
            # That it may be gone is to be read before the buttons.
            notes, freshness = ((said, *effort), None) if facts.is_late and said else (effort, said)
        case Kind.BOOKED:
            headline = "Booked for you"
            sentence, story = f"Your table at {place} is booked: {on}, {at}, {party}.", "Your table is booked."
            notes = ("The restaurant's own confirmation comes separately; to change or cancel, use that or call them.",)
            app_action = "See your booking"
        case Kind.BOOKING_REFUSED:
            headline = "The table could not be booked"
            reason = tidy(facts.reason or "").rstrip(".")[:MOST_OF_REASON] or "no reason was given"
            sentence, story = _tried(what, f"and were refused: {reason}.")
            notes = ("Your watch goes on.",) if facts.watch_goes_on else ()
        case Kind.BOOKING_UNKNOWN if facts.is_for_operator:
            headline = f"Booking {facts.booking_id} has an unknown outcome"
            sentence, story = _tried(what, "and no clear answer came back.")
            notes = (
                "The guest was told to look for the restaurant's confirmation. It is not tried again, and the guest's "
                "meal stays blocked until the guest or you settle it.",
                f"Ask the restaurant, then: houstons booking settle {facts.booking_id} booked|not-booked",
            )
        case Kind.BOOKING_UNKNOWN:
            headline = "Please check: you may have a table"
            sentence, story = _tried(what, "and no clear answer came back. The table may be yours.")
            notes = (
                "Look for the restaurant's confirmation in your mail, or call them. Then tell us what you found. "
                "We will not try again, nor book anything else for that meal, before we know.",
            )
            app_action = "Say what you found"
        case Kind.BOOKING_DRY_RUN:
            headline = "Dry run: this table would have been booked"
            story = "Booking is in a dry run here, so nothing was sent to the restaurant."
            sentence = f"{what}. {story}"
        case _:
            raise ValueError(f"{facts.kind} is not about tables")
    in_subject = _listed(clocks, most=MOST_TIMES_IN_SUBJECT) + (f" {zone_letters(facts)}" if zone else "")
    # Who may have a table must not book another one.
    bookable = () if facts.kind in (Kind.BOOKED, Kind.BOOKING_UNKNOWN) else openings
    why, app_page = _why(facts, f"{place}, {on}, {party}")
    return Text(
        subject=f"{headline}: {place}, {short_day(facts.target_date)}, {in_subject}",
        headline=headline,
        sentence=sentence,
        place=place,
        day=day,
        story=story,
        notes=notes,
        lines=tuple(_line(facts, opening) for opening in bookable[:MOST_LINES]),
        more=max(0, len(bookable) - MOST_LINES),
        freshness=freshness,
        app_action=app_action,
        why=why,
        app_page=app_page,
    )


def seen(facts: Facts, *, now: datetime) -> str | None:
    """How fresh the news is; of several tables the one seen longest ago counts."""
    stamps = [opening.last_seen_at for opening in facts.openings if opening.last_seen_at is not None]
    if not stamps:
        return None
    oldest = min(stamps)
    clock = seen_clock(oldest, facts, now=now)
    where = zone_name(facts) or "at the restaurant"
    if facts.is_late:
        return f"Seen open at {clock} {where}. We could not look again before we wrote: it may be gone by now."
    return f"Seen open {_ago((now - oldest).total_seconds())} ({clock} {where}). Tables like this go fast."


def seen_clock(at: datetime, facts: Facts, *, now: datetime) -> str:
    """When a table was seen, by the restaurant's clock, with the day if it is another one there by now."""
    zone = ZoneInfo(facts.timezone)
    day = at.astimezone(zone).date()
    clock = when(at, facts.timezone)
    return clock if day == now.astimezone(zone).date() else f"{clock} on {short_day(day)}"


def times(facts: Facts) -> list[str]:
    """Its clock times in order. Two tables of different kinds at one time are one time."""
    return list(dict.fromkeys(clock_time(opening.reserved_ts, facts.timezone) for opening in facts.in_order))


def zone_name(facts: Facts) -> str:
    """The restaurant's zone in words, where the reader's clock shows another time then; else nothing."""
    if facts.persons_zone is None or not facts.openings:
        return ""
    at = facts.openings[0].reserved_ts
    theirs, readers = (local(at, zone).utcoffset() for zone in (facts.timezone, facts.persons_zone))
    return "" if theirs == readers else _ZONES.get(facts.timezone) or zone_letters(facts)


def zone_letters(facts: Facts) -> str:
    """The restaurant's zone on that day in letters, such as MST."""
    return local(facts.openings[0].reserved_ts, facts.timezone).tzname() or ""


def booking_link(facts: Facts, opening: Opening) -> str:
    """The restaurant's booking page, at that table for that party."""
    query = {
        "party_size": facts.party_size,
        "search_ts": opening.reserved_ts,
        "reservation_type_id": opening.type_id,
    }
    return f"{BOOKING_PAGE}/{facts.booking_slug}?{urlencode(query)}"


def when(at: datetime, timezone: str) -> str:
    """An instant as a clock time at the restaurant, such as 6:15 PM."""
    return spoken(at.astimezone(UTC).astimezone(ZoneInfo(timezone)))


def clock_time(reserved_ts: int, timezone: str) -> str:
    """A slot's time at the restaurant, such as 6:15 PM."""
    return spoken(local(reserved_ts, timezone))


def short_day(day: date) -> str:
    """A day such as Fri Jul 10."""
    return f"{day:%a} {day:%b} {day.day}"


def tidy(words: str) -> str:
    """On one line: what comes from outside stands in subjects and other headers."""
    return " ".join(words.split())


def _line(facts: Facts, opening: Opening) -> Line:
    clock, meal = clock_time(opening.reserved_ts, facts.timezone), tidy(opening.type_name)
    verb = "Book" if facts.kind is Kind.TABLE_OPEN else "Try"
    return Line(
        label=f"{verb} {clock}, {meal}" if meal else f"{verb} {clock}",
        clock=clock,
        meal=meal,
        link=booking_link(facts, opening),
    )


def _tried(what: str, outcome: str) -> tuple[str, str]:
    return f"We tried to book {what}, {outcome}", f"We tried to book this table, {outcome}"


def _why(facts: Facts, wish: str) -> tuple[str, str]:
    if facts.is_for_operator:
        return "You get this because you look after this installation.", "Houston's Reservation Tracker"
    page = "Your watch" if facts.booking_id is None else "Your booking"
    if facts.watch_id is None:
        return f"You get this because you booked here: {wish}.", page
    return f"You get this because of your watch: {wish}.", page


def _effort(effort: Effort | None, *, one: bool) -> tuple[str, ...]:
    it = "it" if one else "one of them"
    match effort:
        case Effort.ATTEMPTING:
            return (f"We are trying to book {it} for you. Please wait for our next message before you book yourself.",)
        case Effort.IN_LINE:
            return (f"You are in line for having {it} booked: when it is your turn, we try and tell you how it went.",)
        case Effort.DRY_RUN:
            return (f"Booking is in a dry run here: we do not book {it}. If you want it, book it yourself.",)
        case Effort.NONE:
            return ("We are not booking this for you. If you want it, book it yourself.",)
        case None:
            return ()


def _ago(seconds: float) -> str:
    if seconds < 100:
        return f"{max(0, round(seconds))} s ago"
    return f"{round(seconds / 60)} min ago" if seconds < 6000 else f"{round(seconds / 3600)} h ago"


def _listed(words: Sequence[str], *, most: int) -> str:
    if not words:
        return "no time"
    if len(words) > most:
        words = [*words[: most - 1], f"{len(words) - most + 1} more"]
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + " and " + words[-1]
