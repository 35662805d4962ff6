"""How a person wants to be told."""

from datetime import UTC, datetime, time
from typing import Any, Literal

import msgspec
from litestar import Controller, Request, delete, get, patch, post
from litestar.params import FromPath, JSONBody
from msgspec import UNSET, UnsetType
from sqlalchemy import Row

from backend.api.access import current_user, user_guard
from backend.api.mailing import dispatch_mail
from backend.api.schemas import Done, Text
from backend.api.waking import wake_scanner
from backend.services import preferences
from backend.services.errors import AppError

# JSON's, or 1 and 0, which are read as such too.
Choice = bool | Literal[0, 1]
_CHOICES = ("quiet_breaks_tonight", "sms_for_auto_book")
_CLOCKS = ("quiet_from", "quiet_to", "digest_at")


class PreferencesOut(msgspec.Struct):
    """Clock times are `HH:MM` in `timezone`, or, where that is null, in the restaurant's.

    Between `quiet_from` and `quiet_to` alerts are held back, but for tonight's tables where `quiet_breaks_tonight`.
    Texts are sent for tables that start within `sms_within_hours`. `digest_at` null: no digest.
    """

    timezone: str | None
    quiet_from: str | None
    quiet_to: str | None
    quiet_breaks_tonight: bool
    snoozed_until: datetime | None
    sms_within_hours: int
    sms_for_auto_book: bool
    digest_at: str | None


class PreferencesIn(msgspec.Struct):
    """What is absent stays. `snooze_hours`: hear nothing for so long, 1 to 168; null ends it."""

    timezone: Text | UnsetType | None = UNSET
    quiet_from: Text | UnsetType | None = UNSET
    quiet_to: Text | UnsetType | None = UNSET
    quiet_breaks_tonight: Choice | UnsetType = UNSET
    snooze_hours: int | UnsetType | None = UNSET
    sms_within_hours: int | UnsetType = UNSET
    sms_for_auto_book: Choice | UnsetType = UNSET
    digest_at: Text | UnsetType | None = UNSET


class SnoozeIn(msgspec.Struct):
    """Hours, 1 to 168."""

    hours: int = 0


class Snoozed(msgspec.Struct):
    """Until when nothing is told."""

    snoozed_until: datetime | None


class PreferencesController(Controller):
    """One's own."""

    path = "/api"
    tags = ("Channels",)
    guards = (user_guard,)

    @get("/preferences")
    async def read_preferences(self, request: Request[Any, Any, Any]) -> PreferencesOut:
        """How one wants to be told."""
        return _out(await preferences.read(request.app.state.sessions, current_user(request).id))

    @patch("/preferences", status_code=200)
    async def change_preferences(
        self, request: Request[Any, Any, Any], data: JSONBody[PreferencesIn]
    ) -> PreferencesOut:
        """Change what is given. What was held back is judged anew; who ends a snooze is told what is open now."""
        sessions, user_id = request.app.state.sessions, current_user(request).id
        given = {name: getattr(data, name) for name in PreferencesIn.__struct_fields__}
        changes = {name: value for name, value in given.items() if value is not UNSET}
        changes |= {name: _clock(changes[name], name) for name in _CLOCKS if name in changes}
        changes |= {name: bool(changes[name]) for name in _CHOICES if name in changes}
        if "timezone" in changes:
            changes["timezone"] = (changes["timezone"] or "").strip() or None
        queued = await preferences.change(sessions, user_id, changes, now=datetime.now(UTC))
        await dispatch_mail(request, queued)
        if "snooze_hours" in changes and changes["snooze_hours"] is None:
            await wake_scanner(request)
        return _out(await preferences.read(sessions, user_id))

    @post("/watches/{watch_id:int}/snooze", status_code=200)
    async def snooze_watch(
        self, request: Request[Any, Any, Any], watch_id: FromPath[int], data: JSONBody[SnoozeIn]
    ) -> Snoozed:
        """Hear nothing of a watch for some hours. Tables are still booked, where that was asked for."""
        until, _ = await preferences.snooze_watch(
            request.app.state.sessions, current_user(request).id, watch_id, data.hours, now=datetime.now(UTC)
        )
        return Snoozed(until)

    @delete("/watches/{watch_id:int}/snooze", status_code=200)
    async def end_snooze(self, request: Request[Any, Any, Any], watch_id: FromPath[int]) -> Done:
        """Hear of a watch again, and of what is open now."""
        _, queued = await preferences.snooze_watch(
            request.app.state.sessions, current_user(request).id, watch_id, None, now=datetime.now(UTC)
        )
        await dispatch_mail(request, queued)
        await wake_scanner(request)
        return Done()


def _out(row: Row[Any]) -> PreferencesOut:
    values = dict(row._mapping)
    clocks = {name: values[name].isoformat("minutes") if values[name] is not None else None for name in _CLOCKS}
    return PreferencesOut(**{**values, **clocks})


def _clock(value: str | None, field: str) -> time | None:
    if not value:
        return None
    try:
        return datetime.strptime(value, "%H:%M").time()
    except ValueError:
        raise AppError(400, f"{value!r} is not a time of day such as 22:30", field=field) from None
