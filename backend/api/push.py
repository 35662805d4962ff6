"""What a machine of the house has seen, handed in."""

from datetime import UTC, date, datetime
from typing import Annotated, Any

import msgspec
from litestar import Request, post
from litestar.params import JSONBody

from backend.api.guards import push_key_guard
from backend.domain.types import Slot
from backend.services import push
from backend.services.errors import AppError
from backend.services.outbox import dispatch

# A full push has 30 restaurants × 21 days × 60 slots.
LARGEST_BODY = 6_000_000
_Epoch = Annotated[int, msgspec.Meta(ge=0, le=4_102_444_800_000)]


class PushedSlot(msgspec.Struct):
    """`time` is for people; the instant is `reserved_ts`, in epoch milliseconds."""

    reserved_ts: _Epoch
    available: bool | int = True
    type_id: int = 0
    type_name: Annotated[str, msgspec.Meta(max_length=200, pattern=r"^[^\x00]*$")] = ""


class PushedLocation(msgspec.Struct):
    days: dict[date, list[PushedSlot]]


class Push(msgspec.Struct):
    """`timestamp` is when it was seen, in epoch seconds."""

    party_size: int
    timestamp: Annotated[float, msgspec.Meta(ge=0, le=4_102_444_800)]
    data: dict[str, PushedLocation]


@post("/api/push-scan", status_code=200, guards=[push_key_guard], request_max_body_size=LARGEST_BODY)
async def push_scan(request: Request[Any, Any, Any], data: JSONBody[Push]) -> dict[str, Any]:
    """Counts as a look made at its time: it feeds drops and matching as a look of ours does."""
    state = request.app.state

    async def send_on(work: Any) -> None:
        await dispatch(state.sessions, state.jobs, work)

    days = [
        push.PushedDay(
            key,
            day,
            tuple(Slot(slot.reserved_ts, slot.type_id, slot.type_name) for slot in slots if slot.available),
        )
        for key, location in data.data.items()
        for day, slots in location.days.items()
    ]
    if len(days) > 10_000:
        raise AppError(400, "More days than there are", field="data")
    await push.take_push(
        state.sessions,
        days,
        party_size=data.party_size,
        at=datetime.fromtimestamp(data.timestamp, UTC),
        periods=state.settings.periods,
        now=datetime.now(UTC),
        send_on=send_on,
    )
    return {"success": True, "party_size": data.party_size}
