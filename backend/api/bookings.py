"""What a guest says of their own bookings: what became of one that is unclear, and that they do not come."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import msgspec
from litestar import Controller, Request, post
from litestar.params import FromPath, JSONBody

from backend.api.access import current_user, user_guard
from backend.services import settlement
from backend.services.errors import AppError
from backend.services.outbox import dispatch

Note = Annotated[str, msgspec.Meta(max_length=500, pattern=r"^[^\x00]*$")]


class Settlement(msgspec.Struct):
    """Whether there is a table, as the restaurant's own mail or the restaurant says."""

    outcome: Literal["booked", "not_booked"] | None = None
    note: Note | None = None


class Said(msgspec.Struct):
    """It was written down; `message` says what follows, for people."""

    message: str
    success: Literal[True] = True


_SETTLED = {
    "booked": "Good. Your other watches for that meal are paused.",
    "not_booked": "We go on looking for a table for you.",
}
_CANCELLED = (
    "Noted here, and only here: the restaurant does not know yet. Please tell them yourself, by the link in their "
    "mail or by telephone. Paused watches for that meal stay paused until you resume them."
)


class BookingController(Controller):
    """Nobody settles, cancels, or learns of anybody else's."""

    path = "/api/bookings"
    tags = ("Own data",)
    guards = (user_guard,)

    @post("/{booking_id:int}/settle", status_code=200)
    async def settle_booking(
        self, request: Request[Any, Any, Any], booking_id: FromPath[int], data: JSONBody[Settlement]
    ) -> Said:
        """Say what became of a booking whose outcome is unknown. Until then no other table is booked for that meal."""
        if data.outcome is None:
            raise AppError(400, "Is there a table? Please say booked or not_booked", field="outcome")
        state = request.app.state
        work = await settlement.settle_by_guest(
            state.sessions,
            booking_id,
            data.outcome,
            user_id=current_user(request).id,
            note=data.note,
            operators=state.settings.operators,
            now=datetime.now(UTC),
        )
        await dispatch(state.sessions, state.jobs, work)
        return Said(_SETTLED[data.outcome])

    @post("/{booking_id:int}/cancel", status_code=200)
    async def cancel_booking(self, request: Request[Any, Any, Any], booking_id: FromPath[int]) -> Said:
        """Mark one's booking as cancelled. The restaurant is not told: that is left to its guest."""
        state = request.app.state
        work = await settlement.cancel_booking(
            state.sessions, booking_id, user_id=current_user(request).id, now=datetime.now(UTC)
        )
        await dispatch(state.sessions, state.jobs, work)
        return Said(_CANCELLED)
