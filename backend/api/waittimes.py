"""Waits at the door, as people report them."""

from typing import Any

from litestar import Request, get, post
from litestar.params import JSONBody
from sqlalchemy import Row

from backend.api import limits
from backend.api.access import OPEN
from backend.api.record_schemas import WaitIn
from backend.db.queries import wait_reports
from backend.services.records import report_wait

SHOWN = 6


@get("/api/waittimes", opt=OPEN)
async def list_waits(request: Request[Any, Any, Any]) -> dict[str, Any]:
    """The newest six of every restaurant, also where there are none."""
    async with request.app.state.sessions() as session:
        found = await wait_reports.newest(session, most=SHOWN)
    return {"waittimes": {key: [_shown(row) for row in rows] for key, rows in found.items()}}


@post("/api/waittimes", status_code=200, opt=OPEN, guards=[limits.WAIT_TIMES])
async def add_wait(request: Request[Any, Any, Any], data: JSONBody[WaitIn]) -> dict[str, Any]:
    await report_wait(
        request.app.state.sessions,
        location=data.location,
        wait_minutes=data.wait_minutes,
        source=data.source or "",
    )
    return {"success": True}


def _shown(row: Row[Any]) -> dict[str, Any]:
    return {name: getattr(row, name) for name in ("id", "location", "wait_minutes", "source", "created_at")}
