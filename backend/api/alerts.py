"""Wishes left by mail: anyone may leave one, nobody but an administrator reads other people's."""

from typing import Any

from litestar import Request, get, post
from litestar.params import JSONBody

from backend.api import limits
from backend.api.access import OPEN, current_user, user_guard
from backend.api.guards import is_admin, optional_user
from backend.api.record_schemas import AlertIn
from backend.db.queries import alerts
from backend.services.records import NewAlert, leave_alert


@get("/api/alerts", opt=OPEN)
async def list_alerts(request: Request[Any, Any, Any]) -> dict[str, Any]:
    """How many there are; the rows only for an administrator."""
    rows_are_shown = is_admin(await optional_user(request))
    async with request.app.state.sessions() as session:
        rows = await alerts.every(session) if rows_are_shown else ()
        return {"count": await alerts.count(session), "alerts": [dict(row._mapping) for row in rows]}


@post("/api/alerts", status_code=200, opt=OPEN, guards=[limits.ALERTS])
async def add_alert(request: Request[Any, Any, Any], data: JSONBody[AlertIn]) -> dict[str, Any]:
    user = await optional_user(request)
    wish = NewAlert(
        name=data.name,
        email=data.email,
        party_size=data.party_size,
        preferred_date=data.preferred_date,
        preferred_time=data.preferred_time,
        location=data.location,
    )
    count = await leave_alert(request.app.state.sessions, wish, user_id=user.id if user is not None else None)
    return {"success": True, "count": count}


@get("/api/auth/alerts", guards=[user_guard])
async def own_alerts(request: Request[Any, Any, Any]) -> dict[str, Any]:
    async with request.app.state.sessions() as session:
        rows = await alerts.of_user(session, current_user(request).id)
    return {"alerts": [dict(row._mapping) for row in rows]}
