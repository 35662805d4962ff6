"""What messages say that no look has caused: a watch that ended unseen, the digest, and news for administrators."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from backend.domain.near_misses import NearMiss
from backend.domain.reading import spoken
from backend.domain.windows import local

# Without a good look for this long, nothing can be said of the time since.
BLIND_AFTER = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing in a list: its title and what there is to say of it."""

    title: str
    lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NoticeText:
    """A composed message. `page` is where its button leads, below the public address; None: it has none."""

    subject: str
    headline: str
    sentence: str
    entries: tuple[Entry, ...] = ()
    action: str | None = None
    page: str = ""
    footnote: str = ""


@dataclass(frozen=True, slots=True)
class WatchFacts:
    """A watch in a notice. Counts of looks are those of its restaurant, day and party, whoever watched them."""

    id: int
    restaurant: str
    timezone: str
    target_date: date
    time_start: time
    time_end: time
    party_size: int
    looks: int
    failed_looks: int
    looked_at: datetime | None
    is_snoozed: bool = False


@dataclass(frozen=True, slots=True)
class Opened:
    """A table in a watch's window that was seen open since the last digest."""

    reserved_ts: int
    appeared_at: datetime
    gone_at: datetime | None


def expired(watch: WatchFacts, misses: Sequence[NearMiss], *, ended_at: datetime, was_open: bool = False) -> NoticeText:
    """A watch whose day is over and of which nothing was told. Says when we could not look.

    `was_open`: something was open in its window all the same, and no message of it left or arrived.
    """
    what = f"{watch.restaurant}, {_day(watch.target_date)}"
    window = _window(watch)
    sentence = f"We saw nothing open between {window} for a party of {watch.party_size}. {_effort(watch)}"
    if was_open:
        sentence = (
            f"A table was open between {window} for a party of {watch.party_size}, but word of it did not reach you "
            f"in time. {_effort(watch)}"
        )
    if watch.looked_at is None:
        sentence = f"We never got an answer from the restaurant, so we cannot say whether {window} ever opened."
    elif ended_at - watch.looked_at > BLIND_AFTER + timedelta(days=1):
        at = local(round(watch.looked_at.timestamp() * 1000), watch.timezone)
        sentence += f" The last answer came on {_day(at.date())}; after that we could not look."
    entries = tuple(Entry(spoken_time(miss.clock), (_miss(miss),)) for miss in misses)
    if entries:
        sentence += " This was open just outside the window:"
    return NoticeText(
        subject=f"No table this time: {watch.restaurant}, {watch.target_date:%a} {_short(watch.target_date)}",
        headline="No table this time",
        sentence=f"{what}. {sentence}",
        entries=entries,
        action="Watch another day",
        page="/",
        footnote="A wider window sees more: half an hour on either side often makes the difference."
        if entries
        else "A day in the week, or a wider window, sees more.",
    )


def digest(watches: Sequence[tuple[WatchFacts, Sequence[Opened]]], *, day: date, now: datetime) -> NoticeText:
    """All watches of a person, with what happened to them in the last day."""
    count = len(watches)
    opened = sum(len(found) for _, found in watches)
    news = f"{_number(opened, 'table')} opened" if opened else "nothing seen open"
    return NoticeText(
        subject=f"Your watches on {_short(day)}: {news}",
        headline="Your watches today",
        sentence=f"{_number(count, 'watch', 'watches')}, and {news} since yesterday.",
        entries=tuple(_digest_entry(watch, found, now=now) for watch, found in watches),
        action="Your watches",
        page="/",
        footnote="You asked for this once a day.",
    )


def for_operators(kind: str, entries: Sequence[Entry], *, count: int) -> NoticeText:
    """News for administrators, gathered. `count` may be more than the entries that are shown."""
    one, many = {
        "new_sign_up": ("new account", "new accounts"),
        "new_watch": ("new watch", "new watches"),
        "new_feedback": ("opinion", "opinions"),
    }[kind]
    headline = _number(count, one, many)
    left = count - len(entries)
    return NoticeText(
        subject=f"Houston's Tracker: {headline}",
        headline=headline[0].upper() + headline[1:],
        sentence="In the last minutes." if count > 1 else "Just now.",
        entries=(*entries, *((Entry(f"and {left} more"),) if left > 0 else ())),
        footnote="You get this as an administrator; NOTIFY_SIGN_UPS, NOTIFY_WATCHES and NOTIFY_FEEDBACK switch it off.",
    )


def watch_line(watch: WatchFacts) -> str:
    """A watch in one line."""
    return f"{watch.restaurant}, {_day(watch.target_date)}, between {_window(watch)}, party of {watch.party_size}"


def spoken_time(clock: time) -> str:
    """A clock time, such as 6:15 PM."""
    return spoken(datetime.combine(date(2000, 1, 1), clock))


def _digest_entry(watch: WatchFacts, found: Sequence[Opened], *, now: datetime) -> Entry:
    lines = [_opened(opening, watch.timezone) for opening in sorted(found, key=lambda o: o.appeared_at)]
    if watch.looked_at is None:
        lines.append("We could not look yet: no answer from the restaurant so far.")
    elif now - watch.looked_at > BLIND_AFTER:
        lines.append(f"We could not look since {_at(watch.looked_at, watch.timezone)}.")
    elif not lines:
        last = _at(watch.looked_at, watch.timezone)
        lines.append(f"Looked {_number(watch.looks, 'time')}, last at {last}; nothing seen open.")
    if watch.is_snoozed:
        lines.append("Snoozed: what opens is told later.")
    return Entry(watch_line(watch), tuple(lines))


def _opened(opening: Opened, timezone: str) -> str:
    clock = spoken(local(opening.reserved_ts, timezone))
    until = f"gone at {_at(opening.gone_at, timezone)}" if opening.gone_at else "still open"
    return f"{clock} opened at {_at(opening.appeared_at, timezone)}, {until}"


def _effort(watch: WatchFacts) -> str:
    looked = f"We looked {_number(watch.looks, 'time')}"
    return f"{looked}, and {watch.failed_looks} more got no answer." if watch.failed_looks else f"{looked}."


def _miss(miss: NearMiss) -> str:
    minutes = max(1, round(miss.open_for.total_seconds() / 60))
    length = f"{minutes} min" if minutes < 120 else f"{round(minutes / 60)} hours"
    return f"open for {length}" + (f", in {miss.times} pieces" if miss.times > 1 else "")


def _at(instant: datetime, timezone: str) -> str:
    return spoken(local(round(instant.timestamp() * 1000), timezone))


def _window(watch: WatchFacts) -> str:
    return f"{spoken_time(watch.time_start)} and {spoken_time(watch.time_end)}"


def _day(day: date) -> str:
    return f"{day:%A}, {day:%B} {day.day}"


def _short(day: date) -> str:
    return f"{day:%b} {day.day}"


def _number(count: int, one: str, many: str | None = None) -> str:
    return f"{count} {one if count == 1 else many or one + 's'}"
