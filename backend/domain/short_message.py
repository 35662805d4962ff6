"""A message in the length of one text message: 160 characters of the GSM alphabet, address included.

What makes room, in this order: the time in the address, the kinds of tables, further times ("+3 more"), the brand and
the end of the restaurant's name, the party in the address, the address. The day, the party and one time stay.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime

from backend.domain.gsm import SINGLE, is_gsm, septets, to_gsm
from backend.domain.message import (
    BOOKING_PAGE,
    Effort,
    Facts,
    clock_time,
    seen_clock,
    short_day,
    tidy,
    times,
    zone_letters,
    zone_name,
)
from backend.domain.types import Kind

_OPENERS = {
    Kind.BOOKED: "Booked",
    Kind.BOOKING_REFUSED: "Not booked",
    Kind.BOOKING_UNKNOWN: "Please check, maybe booked",
    Kind.BOOKING_DRY_RUN: "Dry run, nothing booked",
}
_SHORT_NAMES = (20, 12)
_LENGTHS_OF_REASON = (90, 50, 25)


def short(facts: Facts, *, app_link: str, now: datetime) -> str:
    """The message in at most 160 septets. `app_link` is where its watch or booking is, for kinds that lead there."""
    links = [link for link in _links(facts, app_link) if is_gsm(link)]
    opener, endings = _endings(facts, now=now)
    text = ""
    for name, ending, link in _forms(_names(facts), endings, [*links, "", ""]):
        text = " ".join(part for part in (f"{opener}: {name}, {ending}", link) if part)
        if septets(text) <= SINGLE:
            return text
    return _cut(text, SINGLE)


def _forms(names: Sequence[str], endings: Sequence[str], links: Sequence[str]) -> Iterator[tuple[str, str, str]]:
    """From the longest to the shortest."""
    for ending in endings[:2]:
        for link in links[:2]:
            yield names[0], ending, link
    for link in links[1:]:
        for name in names:
            for ending in endings:
                yield name, ending, link


def _links(facts: Facts, app_link: str) -> tuple[str, ...]:
    """From the one that says most to the shortest."""
    if facts.kind in (Kind.BOOKED, Kind.BOOKING_UNKNOWN) or not facts.openings:
        return (app_link, app_link)
    page = f"{BOOKING_PAGE}/{facts.booking_slug}"
    party = f"{page}?party_size={facts.party_size}"
    return f"{party}&search_ts={facts.in_order[0].reserved_ts}", party, page


def _names(facts: Facts) -> list[str]:
    """The name as it is, without the dash, without the brand, and cut."""
    full = tidy(to_gsm(facts.restaurant)) or "the restaurant"
    _, dash, place = full.partition(" - ")
    place = place if dash and place else full
    shorter = (_cut(place, most) for most in _SHORT_NAMES)
    return list(dict.fromkeys((full, full.replace(" - ", " "), place, *shorter)))


def _endings(facts: Facts, *, now: datetime) -> tuple[str, list[str]]:
    """How it opens, and what follows the name: from what says most to the shortest."""
    day = short_day(facts.target_date)
    zone = f" {zone_letters(facts)}" if zone_name(facts) else ""
    clocks = times(facts) or ["no time"]
    party = f"for {facts.party_size}"
    if facts.kind is not Kind.TABLE_OPEN:
        what = f"{day}, {clocks[0]}{zone}, {party}."
        return _OPENERS[facts.kind], [f"{what} {tail}".strip() for tail in _tails(facts)]
    opener = "Open, trying to book it" if facts.effort is Effort.ATTEMPTING else "Open"
    late = ""
    if facts.is_late and (stamps := [o.last_seen_at for o in facts.openings if o.last_seen_at is not None]):
        late = f" (seen {seen_clock(min(stamps), facts, now=now)})"
    typed = [f"{clock_time(o.reserved_ts, facts.timezone)} {tidy(to_gsm(o.type_name))}".strip() for o in facts.in_order]
    ways = [", ".join(typed or clocks) + zone, ", ".join(clocks) + zone]
    ways += [f"{', '.join(clocks[:n])}{zone} +{len(clocks) - n} more" for n in range(len(clocks) - 1, 0, -1)]
    return opener, [f"{day}, {party}: {way}{late}." for way in dict.fromkeys(ways)]


def _tails(facts: Facts) -> list[str]:
    match facts.kind:
        case Kind.BOOKED:
            return ["The restaurant confirms by mail.", ""]
        case Kind.BOOKING_UNKNOWN if facts.is_for_operator:
            return [f"Booking {facts.booking_id} is to be settled.", ""]
        case Kind.BOOKING_UNKNOWN:
            return ["See your mail or call them.", ""]
        case Kind.BOOKING_REFUSED:
            goes_on = "Your watch goes on." if facts.watch_goes_on else ""
            reason = tidy(to_gsm(facts.reason or "")).rstrip(".")
            said = dict.fromkeys(_cut(reason, most) for most in _LENGTHS_OF_REASON) if reason else ()
            return [*(f"{words}. {goes_on}" for words in said), goes_on, ""]
        case _:
            return [""]


def _cut(text: str, most: int) -> str:
    """At most so many septets, at the end of a word where there is one."""
    if septets(text) <= most:
        return text
    while septets(text) > most - 2:
        text = text[:-1]
    head, space, _ = text.rpartition(" ")
    return (head if space and len(head) > most // 2 else text).rstrip(" ,.") + ".."
