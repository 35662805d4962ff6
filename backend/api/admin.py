"""What only administrators may read."""

from typing import Any

import msgspec
from litestar import Controller, Request, get

from backend.api.guards import admin_guard
from backend.api.schemas import watch_out
from backend.db.queries import admin, feedback

SHOWN = 1000


class AdminController(Controller):
    """401 for strangers, 403 for everybody else who is no administrator."""

    path = "/api/admin"
    guards = (admin_guard,)

    @get("/feedback")
    async def list_feedback(self, request: Request[Any, Any, Any]) -> dict[str, Any]:
        """The newest 1000."""
        async with request.app.state.sessions() as session:
            rows = await feedback.newest(session, most=SHOWN)
        return {"feedback": [dict(row._mapping) for row in rows]}

    @get("/watches")
    async def list_watches(self, request: Request[Any, Any, Any]) -> dict[str, Any]:
        """Everybody's, whatever their status, with their owners."""
        async with request.app.state.sessions() as session:
            rows = await admin.every_watch(session)
        owners = ({"user_email": row.user_email, "user_name": row.user_name} for row in rows)
        shown = (msgspec.structs.asdict(watch_out(row)) for row in rows)
        return {"watches": [{**watch, **owner} for watch, owner in zip(shown, owners, strict=True)]}
