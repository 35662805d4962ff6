"""A person's own watches."""

from datetime import UTC, datetime, time
from typing import Any

from litestar import Controller, Request, delete, get, patch, post
from litestar.params import FromPath, FromQuery, JSONBody
from msgspec import UNSET
from redis.exceptions import RedisError

from backend.api import limits
from backend.api.access import current_user, user_guard
from backend.api.schemas import (
    Batch,
    BatchDone,
    Changed,
    Done,
    EarlyScan,
    Made,
    Unchanged,
    WatchChange,
    Watches,
    WatchIn,
    auto_book_out,
    watch_out,
)
from backend.services import watch_changes, watches
from backend.services.errors import AppError
from backend.services.watch_changes import Action


class WatchController(Controller):
    """Nobody sees, or learns of, anybody else's."""

    path = "/api/watches"
    tags = ("Watches",)
    guards = (user_guard,)

    @get()
    async def list_watches(self, request: Request[Any, Any, Any], status: FromQuery[str] = "active,paused") -> Watches:
        """Own watches by date. `status` names one or more, by comma."""
        rows = await watches.list_watches(
            request.app.state.direct, current_user(request).id, statuses=status.split(",")
        )
        return Watches([watch_out(row) for row in rows])

    @post(status_code=200)
    async def make_watch(self, request: Request[Any, Any, Any], data: JSONBody[WatchIn]) -> Made:
        """Leave a watch. Missing booking details come from the profile; the same watch twice is the same watch."""
        if not data.location_key:
            raise AppError(400, "Please choose a restaurant", field="location_key")
        if data.target_date is None:
            raise AppError(400, "Please choose a day", field="target_date")
        wish = watches.NewWatch(
            location_key=data.location_key,
            target_date=data.target_date,
            party_size=data.party_size,
            time_start=_clock(data.time_start, "time_start"),
            time_end=_clock(data.time_end, "time_end"),
            auto_book=data.auto_book,
            first_name=data.book_first_name,
            last_name=data.book_last_name,
            email=data.book_email,
            phone=data.book_phone,
            slot_preference=data.slot_preference,
            preferred_time=None if data.preferred_time is None else _clock(data.preferred_time, "preferred_time"),
            min_notice_minutes=data.min_notice_minutes,
        )
        state = request.app.state
        made = await watches.make_watch(
            state.direct,
            current_user(request),
            wish,
            max_active=state.settings.max_active_watches,
            auto_book=state.settings.auto_book,
            now=datetime.now(UTC),
        )
        await _wake_scanner(request)
        return Made(made.watch_id, auto_book_out(made.promise))

    @post("/scan", status_code=200, guards=[limits.EARLY_SCAN])
    async def scan_early(self, request: Request[Any, Any, Any]) -> EarlyScan:
        """Ask for an early look at what one's watches wait for."""
        count = await watch_changes.ask_for_looks(request.app.state.sessions, current_user(request).id)
        if not count:
            return EarlyScan(0, "Everything was looked at within the last minute")
        await _wake_scanner(request)
        return EarlyScan(count, "We look now")

    @post("/batch", status_code=200)
    async def act_on_watches(self, request: Request[Any, Any, Any], data: JSONBody[Batch]) -> BatchDone:
        """Pause, resume or cancel several watches at once."""
        result = await watch_changes.act_on_watches(
            request.app.state.sessions, current_user(request).id, data.ids, data.action, now=datetime.now(UTC)
        )
        if data.action == "resume" and result.changed:
            await _wake_scanner(request)
        return BatchDone(list(result.changed), [Unchanged(*pair) for pair in result.unchanged.items()])

    @patch("/{watch_id:int}", status_code=200)
    async def change_watch(
        self, request: Request[Any, Any, Any], watch_id: FromPath[int], data: JSONBody[WatchChange]
    ) -> Changed:
        """Change a watch; what is absent stays. It is matched again with what is open now."""
        state = request.app.state
        promise = await watch_changes.change_watch(
            state.sessions,
            current_user(request),
            watch_id,
            _changes(data),
            auto_book=state.settings.auto_book,
            now=datetime.now(UTC),
        )
        await _wake_scanner(request)
        return Changed(auto_book_out(promise))

    @post("/{watch_id:int}/pause", status_code=200)
    async def pause_watch(self, request: Request[Any, Any, Any], watch_id: FromPath[int]) -> Done:
        """Hear nothing of it until it is resumed."""
        return await _act(request, watch_id, "pause")

    @post("/{watch_id:int}/resume", status_code=200)
    async def resume_watch(self, request: Request[Any, Any, Any], watch_id: FromPath[int]) -> Done:
        """Go on; what opened meanwhile and is still open is told."""
        return await _act(request, watch_id, "resume")

    @delete("/{watch_id:int}", status_code=200)
    async def cancel_watch(self, request: Request[Any, Any, Any], watch_id: FromPath[int]) -> Done:
        """End a watch."""
        return await _act(request, watch_id, "cancel")


async def _act(request: Request[Any, Any, Any], watch_id: int, action: Action) -> Done:
    await watch_changes.act_on_watch(
        request.app.state.sessions, current_user(request).id, watch_id, action, now=datetime.now(UTC)
    )
    if action == "resume":
        await _wake_scanner(request)
    return Done()


def _changes(data: WatchChange) -> dict[str, Any]:
    """The fields that were given, by the names of NewWatch."""
    given = {name: getattr(data, name) for name in WatchChange.__struct_fields__}
    changes = {
        name.removeprefix("book_") if name != "auto_book" else name: value
        for name, value in given.items()
        if value is not UNSET
    }
    for name in ("time_start", "time_end", "preferred_time"):
        if changes.get(name) is not None:
            changes[name] = _clock(changes[name], name)
    return changes


async def _wake_scanner(request: Request[Any, Any, Any]) -> None:
    try:
        await request.app.state.jobs.send([("scan_due_groups", ())])
    except RedisError:
        return  # The next tick finds the group.


def _clock(value: str, field: str) -> time:
    try:
        return datetime.strptime(value, "%H:%M").time()
    except ValueError:
        raise AppError(400, f"{value!r} is not a time of day such as 18:00", field=field) from None
