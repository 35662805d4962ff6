"""A person's own watches."""

from datetime import UTC, datetime, time
from typing import Any

from litestar import Controller, Request, delete, get, post
from litestar.params import FromPath, FromQuery, JSONBody
from redis.exceptions import RedisError

from backend.api.access import current_user, user_guard
from backend.api.schemas import WatchIn, WatchOut, watch_out
from backend.services import watches
from backend.services.errors import AppError


class WatchController(Controller):
    """Nobody sees, or learns of, anybody else's."""

    path = "/api/watches"
    guards = (user_guard,)

    @get()
    async def list_watches(
        self, request: Request[Any, Any, Any], status: FromQuery[str] = "active,paused"
    ) -> dict[str, list[WatchOut]]:
        rows = await watches.list_watches(
            request.app.state.direct, current_user(request).id, statuses=status.split(",")
        )
        return {"watches": [watch_out(row) for row in rows]}

    @post(status_code=200)
    async def make_watch(self, request: Request[Any, Any, Any], data: JSONBody[WatchIn]) -> dict[str, Any]:
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
        )
        state = request.app.state
        watch_id = await watches.make_watch(
            state.direct,
            current_user(request),
            wish,
            max_active=state.settings.max_active_watches,
            now=datetime.now(UTC),
        )
        await _wake_scanner(request)
        return {"success": True, "watch_id": watch_id}

    @delete("/{watch_id:int}", status_code=200)
    async def cancel_watch(self, request: Request[Any, Any, Any], watch_id: FromPath[int]) -> dict[str, Any]:
        await watches.cancel_watch(request.app.state.sessions, watch_id, user_id=current_user(request).id)
        return {"success": True}


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
