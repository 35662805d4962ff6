"""What the links in mails do without signing in: pause or cancel a watch, mute mail, say what became of a booking.

Signed, and gone after their time.

To look at a link changes nothing; its button does.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast, get_args

from sqlalchemy import Row

from backend.db.base import Sessions
from backend.db.queries import channels, keys, mail_actions
from backend.domain.message import clock_time
from backend.domain.reading import spoken
from backend.services import channels as channel_service
from backend.services import settlement, watch_changes
from backend.services.errors import AppError
from backend.services.letters import render
from backend.services.signed_links import Purpose, read
from backend.services.work import Work

# A watch can be left 90 days ahead; mail is kept for longer, and it must be possible to end it by any of it.
_MAX_AGE: dict[Purpose, timedelta] = {
    "pause": timedelta(days=120),
    "cancel": timedelta(days=120),
    "unsubscribe": timedelta(days=2 * 365),
    "settle": timedelta(days=120),
}
_OVER = {
    "booked": "A table is booked for this watch; it has ended.",
    "expired": "The day of this watch is over.",
    "cancelled": "This watch was cancelled.",
}
_SETTLED = {"booked": "There is a table.", "refused": "There is no table.", "cancelled": "This table was cancelled."}
_STILL_SENT = "How a booking ended, and what concerns your account, still comes."


@dataclass(frozen=True, slots=True)
class Page:
    """What a link's page says, and what its button does, if it has one. `undoes`: the button takes the action back.
    `outcomes`: (value, words) of buttons of which one is to be chosen.
    """

    title: str
    sentences: tuple[str, ...]
    button: str | None = None
    undoes: bool = False
    outcomes: tuple[tuple[str, str], ...] = ()


async def show(sessions: Sessions, purpose: str, token: str) -> Page:
    """What a link would do. Raises AppError 400, 404 or 410, in words."""
    subject = await _open(sessions, purpose, token)
    if purpose == "settle":
        return _booking_page(subject)
    return _channel_page(subject) if purpose == "unsubscribe" else _watch_page(subject, purpose)


async def act(sessions: Sessions, purpose: str, token: str, *, undo: bool, now: datetime) -> Page:
    """Do it, or take it back. To do it twice is no error. Raises AppError 400, 404, 409 or 410, in words."""
    subject = await _open(sessions, purpose, token)
    if purpose == "unsubscribe":
        change = channel_service.unmute if undo else channel_service.mute
        await change(sessions, subject.user_id, subject.id)
        if undo:
            return Page("You get alerts again", (f"We write to {subject.address} when a table opens.",))
        return Page(
            "No more alerts",
            (f"We send no more alerts to {subject.address}.", _STILL_SENT),
            button="Get them again",
            undoes=True,
        )
    if undo and purpose == "cancel":
        raise AppError(409, "A watch that was cancelled does not come back; please leave a new one")
    action: watch_changes.Action = "resume" if undo else cast(watch_changes.Action, purpose)
    await watch_changes.act_on_watch(sessions, subject.user_id, subject.id, action, now=now)
    if undo:
        return Page("We watch again", (_what(subject), "What is open now is told at once."))
    if purpose == "cancel":
        return Page("Cancelled", (_what(subject), "You hear no more of it."))
    return _paused(subject)


async def settle(
    sessions: Sessions, token: str, outcome: str | None, *, operators: Sequence[str], now: datetime
) -> tuple[Page, Work]:
    """Say as a guest what became of a booking. Raises AppError 400, 404, 409 or 410, in words."""
    booking = await _open(sessions, "settle", token)
    if outcome not in get_args(settlement.Verdict):
        raise AppError(400, "Is there a table? Please choose one of the two", field="outcome")
    verdict = cast(settlement.Verdict, outcome)
    work = await settlement.settle_by_guest(
        sessions, booking.id, verdict, user_id=booking.user_id, note=None, operators=operators, now=now
    )
    what_follows = {
        "booked": "Good. Your other watches for that meal are paused.",
        "not_booked": "We go on looking for a table for you.",
    }
    return Page("Thank you", (_what_table(booking), what_follows[verdict])), work


def set_page(page: Page, *, style: str) -> str:
    """A page as HTML; `style` is the address of the style sheet."""
    return render("page.html", page=page, style=style)


async def _open(sessions: Sessions, purpose: str, token: str) -> Row[Any]:
    """What the link is about: a watch or booking with its restaurant, or a channel."""
    if purpose not in get_args(Purpose):
        raise AppError(404, "There is nothing here")
    known = cast(Purpose, purpose)
    async with sessions() as session:
        found = await keys.all_of(session, "links")
        subject_id = read(found, token, purpose=known, max_age=_MAX_AGE[known])
        if known == "unsubscribe":
            subject = await channels.by_id(session, subject_id)
        elif known == "settle":
            subject = await mail_actions.booking(session, subject_id)
        else:
            subject = await mail_actions.watch(session, subject_id)
    if subject is None or not subject.is_enabled:
        raise AppError(410, "What this link is about is not there any more")
    return subject


def _channel_page(channel: Row[Any]) -> Page:
    if channel.muted_at is not None:
        return Page(
            "No more alerts",
            (f"Alerts to {channel.address} are turned off already.", _STILL_SENT),
            button="Get them again",
            undoes=True,
        )
    return Page(
        "No more alerts?", (f"We send no more alerts to {channel.address}.", _STILL_SENT), button="No more alerts"
    )


def _booking_page(booking: Row[Any]) -> Page:
    if booking.state != "unknown":
        return Page("Nothing to do", (_what_table(booking), _SETTLED.get(booking.state, "Its outcome is known.")))
    return Page(
        "Is there a table?",
        (
            _what_table(booking),
            "Look for the restaurant's confirmation in your mail, or call them. Until you say, nothing else is booked "
            "for that meal.",
        ),
        outcomes=(("booked", "Yes, it is booked"), ("not_booked", "No, there is no table")),
    )


def _watch_page(watch: Row[Any], purpose: str) -> Page:
    if watch.status in _OVER:
        return Page("Nothing to do", (_what(watch), _OVER[watch.status]))
    if purpose == "cancel":
        return Page("Cancel this watch?", (_what(watch), "You hear no more of it."), button="Cancel this watch")
    if watch.status == "paused":
        return _paused(watch)
    return Page(
        "Pause this watch?",
        (_what(watch), "You hear nothing of it, and no table is booked, until you resume it."),
        button="Pause this watch",
    )


def _paused(watch: Row[Any]) -> Page:
    sentence = "This watch is paused: you hear nothing of it until you resume it."
    return Page("Paused", (_what(watch), sentence), button="Resume this watch", undoes=True)


def _what_table(booking: Row[Any]) -> str:
    day = booking.target_date
    at = clock_time(booking.reserved_ts, booking.timezone)
    return f"{booking.name}, {day:%A, %B} {day.day}, {at}, party of {booking.party_size}."


def _what(watch: Row[Any]) -> str:
    day = watch.target_date
    return (
        f"{watch.name}, {day:%A, %B} {day.day}, {spoken(watch.time_start)} to {spoken(watch.time_end)}, "
        f"party of {watch.party_size}."
    )
