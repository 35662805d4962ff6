"""Telephone calls to restaurants. What was said is for administrators; how long one waits is for everybody."""

from datetime import UTC, datetime
from typing import Any

import msgspec
from litestar import Controller, Request, get, post
from litestar.params import FromQuery, JSONBody
from sqlalchemy import Row

from backend.api.access import OPEN
from backend.api.guards import admin_guard, push_key_guard
from backend.api.record_schemas import CallIn
from backend.db.queries import calls
from backend.services.records import record_call, require_location

SHOWN = 500


class CallController(Controller):
    """A machine makes the calls and reports them with the shared key."""

    path = "/api/calls"

    @get(guards=[admin_guard])
    async def list_calls(
        self, request: Request[Any, Any, Any], location: FromQuery[str | None] = None
    ) -> dict[str, Any]:
        """The newest 500, of one restaurant or of all."""
        async with request.app.state.sessions() as session:
            key = await require_location(session, location) if location else None
            rows = await calls.newest(session, location=key, most=SHOWN)
        return {"calls": [dict(row._mapping) for row in rows]}

    @post(status_code=200, guards=[push_key_guard])
    async def add_call(self, request: Request[Any, Any, Any], data: JSONBody[CallIn]) -> dict[str, Any]:
        await record_call(request.app.state.sessions, msgspec.structs.asdict(data), now=datetime.now(UTC))
        return {"success": True}

    @get("/latest", opt=OPEN)
    async def latest_calls(self, request: Request[Any, Any, Any]) -> dict[str, Any]:
        """The last call to each restaurant, by its name."""
        async with request.app.state.sessions() as session:
            rows = await calls.latest(session)
        columns = ("location", "wait_count", "wait_minutes", "called_at")
        return {"latest": {row.name: {name: getattr(row, name) for name in columns} for row in rows}}

    @get("/stats", opt=OPEN)
    async def call_stats(self, request: Request[Any, Any, Any]) -> dict[str, Any]:
        """Average waits by weekday (0 is Sunday), by hour, and over all, in the restaurant's time."""
        async with request.app.state.sessions() as session:
            return {
                "by_day_of_week": [_averages(row) for row in await calls.by_day_of_week(session)],
                "by_hour": [_averages(row) for row in await calls.by_hour(session)],
                "by_location": [_averages(row) for row in await calls.by_location(session)],
            }


def _averages(row: Row[Any]) -> dict[str, Any]:
    return {**row._mapping, "avg_wait": None if row.avg_wait is None else float(row.avg_wait)}
