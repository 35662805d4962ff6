"""What only administrators may read, and settle."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import msgspec
from litestar import Controller, Request, get, post
from litestar.params import FromPath, JSONBody, QueryParameter

from backend.api.bookings import Settlement
from backend.api.guards import admin_guard
from backend.api.schemas import watch_out
from backend.db.queries import admin, feedback
from backend.services import settlement
from backend.services.errors import AppError
from backend.services.outbox import dispatch

SHOWN = 1000
OfState = Annotated[Literal["unknown"], QueryParameter(name="state", description="Only these are listed.")]


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

    @get("/bookings")
    async def list_bookings(self, request: Request[Any, Any, Any], of_state: OfState = "unknown") -> dict[str, Any]:
        """Those that wait to be settled, the oldest first."""
        rows = await settlement.unknown_bookings(request.app.state.sessions)
        return {"bookings": [dict(row._mapping) for row in rows]}

    @post("/bookings/{booking_id:int}/settle", status_code=200)
    async def settle_booking(
        self, request: Request[Any, Any, Any], booking_id: FromPath[int], data: JSONBody[Settlement]
    ) -> dict[str, Any]:
        """Write down what the restaurant says about anybody's booking; its guest is told."""
        if data.outcome is None:
            raise AppError(400, "Is there a table? Please say booked or not_booked", field="outcome")
        state = request.app.state
        work = await settlement.settle_by_operator(
            state.sessions,
            booking_id,
            data.outcome,
            note=data.note,
            operators=state.settings.operators,
            now=datetime.now(UTC),
        )
        await dispatch(state.sessions, state.jobs, work)
        return {"success": True, "message": "Written down; its guest is told."}
