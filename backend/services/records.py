"""Writes down what people and machines report. Raises AppError 400 with the field and the reason."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from email_validator import EmailNotValidError, validate_email
from sqlalchemy.ext.asyncio import AsyncSession

from backend.db.base import Sessions
from backend.db.queries import alerts, calls, feedback, history, locations, wait_reports
from backend.domain import reading
from backend.domain.location_names import location_key
from backend.services.errors import AppError

LONGEST_WAIT = 600
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class NewAlert:
    """A wish as it was typed; date and time may be missing, `location` may be a key, a name, or `both`."""

    name: str
    email: str
    party_size: Any
    preferred_date: str | None
    preferred_time: str | None
    location: str | None


async def leave_alert(sessions: Sessions, wish: NewAlert, *, user_id: int | None) -> int:
    """Keep a wish; returns how many there are."""
    if not wish.name.strip():
        raise AppError(400, "Please give your name", field="name")
    try:
        address = validate_email(wish.email.strip(), check_deliverability=False, test_environment=True).normalized
    except EmailNotValidError as error:
        raise AppError(400, f"That is not an e-mail address: {error}", field="email") from None
    day = _optional("preferred_date", reading.day, wish.preferred_date)
    clock = _optional("preferred_time", reading.clock, wish.preferred_time)
    async with sessions.begin() as session:
        place = (wish.location or "").strip() or "both"
        values = {
            "user_id": user_id,
            "name": wish.name.strip(),
            "email": address.lower(),
            "party_size": _read("party_size", _party, wish.party_size),
            "preferred_date": day and day.isoformat(),
            "preferred_time": clock and f"{clock:%H:%M}",
            "location": location_key(place, await _names(session)) or place,
        }
        await alerts.add(session, values)
        return await alerts.count(session)


async def report_wait(sessions: Sessions, *, location: str, wait_minutes: Any, source: str) -> None:
    """Keep how long somebody waited at the door."""
    if wait_minutes is None:
        raise AppError(400, "Please say how many minutes", field="wait_minutes")
    minutes = _read("wait_minutes", _minutes, wait_minutes)
    async with sessions.begin() as session:
        key = await require_location(session, location)
        await wait_reports.add(session, location=key, wait_minutes=minutes, source=source.strip() or "user")


async def record_slot(
    sessions: Sessions, *, location: str, scan_date: str, time_slot: str, available: Any, party_sizes: Any
) -> None:
    """Keep what a machine saw of a slot. One that was not available and now is makes a drop."""
    day = _read("scan_date", reading.day, scan_date)
    slot = reading.spoken(_read("time_slot", reading.clock, time_slot))
    if available is None:
        raise AppError(400, "Please say whether it is available", field="available")
    is_available = _read("available", reading.flag, available)
    sizes = ",".join(str(size) for size in party_sizes) if isinstance(party_sizes, list) else str(party_sizes)
    async with sessions.begin() as session:
        key = await require_location(session, location)
        await history.lock_slot(session, key, day, slot)
        before = await history.was_available(session, key, day, slot)
        values = {"location": key, "scan_date": day, "time_slot": slot}
        await history.add(session, {**values, "party_sizes": sizes, "available": is_available})
        if is_available and before is False:
            await history.add_recorded_drop(session, values)


async def record_call(sessions: Sessions, values: dict[str, Any], *, now: datetime) -> None:
    """Keep a telephone call. `called_at` is now when it is not said."""
    called_at = _optional("called_at", reading.instant, values["called_at"]) or now
    counts = {name: _optional(name, _minutes, values[name]) for name in ("wait_count", "wait_minutes")}
    async with sessions.begin() as session:
        key = await require_location(session, values["location"])
        await calls.add(session, {**values, **counts, "location": key, "called_at": called_at})


async def leave_feedback(sessions: Sessions, *, message: str, contact: str | None, ip: str | None) -> None:
    """Keep an opinion."""
    if not message.strip():
        raise AppError(400, "Please write a message", field="message")
    async with sessions.begin() as session:
        await feedback.add(session, message=message.strip(), contact=(contact or "").strip() or None, ip=ip)


async def require_location(session: AsyncSession, said: str) -> str:
    """The key of a restaurant given by key or name."""
    if not said.strip():
        raise AppError(400, "Please choose a restaurant", field="location")
    key = location_key(said, await _names(session))
    if key is None:
        raise AppError(400, f"There is no restaurant {said!r}", field="location")
    return key


async def _names(session: AsyncSession) -> dict[str, str]:
    return {row.key: row.name for row in await locations.every(session)}


def _party(value: Any) -> int:
    return reading.whole(2 if value is None else value, low=1, high=20)


def _minutes(value: Any) -> int:
    return reading.whole(value, low=0, high=LONGEST_WAIT)


def _optional(field: str, read: Callable[[Any], T], value: Any) -> T | None:
    return None if value is None or str(value).strip() == "" else _read(field, read, value)


def _read(field: str, read: Callable[[Any], T], value: Any) -> T:
    try:
        return read(value)
    except ValueError as error:
        raise AppError(400, str(error), field=field) from None
