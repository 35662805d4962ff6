"""What the links in mails do without signing in: pause or cancel a watch, mute mail. Signed, and gone after their time.

To look at a link changes nothing; its button does.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast, get_args

from sqlalchemy import Row

from backend.db.base import Sessions
from backend.db.queries import channels, keys, mail_actions
from backend.domain.reading import spoken
from backend.services import channels as channel_service
from backend.services import watch_changes
from backend.services.errors import AppError
from backend.services.letters import render
from backend.services.signed_links import Purpose, read

# A watch can be left 90 days ahead; mail is kept for longer, and it must be possible to end it by any of it.
_MAX_AGE: dict[Purpose, timedelta] = {
    "pause": timedelta(days=120),
    "cancel": timedelta(days=120),
    "unsubscribe": timedelta(days=2 * 365),
}
_OVER = {
    "booked": "A table is booked for this watch; it has ended.",
    "expired": "The day of this watch is over.",
    "cancelled": "This watch was cancelled.",
}
_STILL_SENT = "How a booking ended, and what concerns your account, still comes."


@dataclass(frozen=True, slots=True)
class Page:
    """What a link's page says, and what its button does, if it has one. `undoes`: the button takes the action back."""

    title: str
    sentences: tuple[str, ...]
    button: str | None = None
    undoes: bool = False


async def show(sessions: Sessions, purpose: str, token: str) -> Page:
    """What a link would do. Raises AppError 400, 404 or 410, in words."""
    subject = await _open(sessions, purpose, token)
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


def set_page(page: Page, *, style: str) -> str:
    """A page as HTML; `style` is the address of the style sheet."""
    return render("page.html", page=page, style=style)


async def _open(sessions: Sessions, purpose: str, token: str) -> Row[Any]:
    """What the link is about: a watch with its restaurant, or a channel."""
    if purpose not in get_args(Purpose):
        raise AppError(404, "There is nothing here")
    known = cast(Purpose, purpose)
    async with sessions() as session:
        found = await keys.all_of(session, "links")
        subject_id = read(found, token, purpose=known, max_age=_MAX_AGE[known])
        if known == "unsubscribe":
            subject = await channels.by_id(session, subject_id)
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


def _what(watch: Row[Any]) -> str:
    day = watch.target_date
    return (
        f"{watch.name}, {day:%A, %B} {day.day}, {spoken(watch.time_start)} to {spoken(watch.time_end)}, "
        f"party of {watch.party_size}."
    )
