"""Questions and bookings that a signed-in person sends to the reservation service, through our budget and ledger."""

import json
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
from litestar import Request, Response, get, post
from litestar.params import JSONBody

from backend.api import limits
from backend.api.access import current_user, user_guard
from backend.api.schemas import Text
from backend.clients.errors import BudgetUnavailable, LookFailed
from backend.services.errors import AppError
from backend.services.hand_booking import Wish, book_by_hand
from backend.services.outbox import dispatch
from backend.services.phones import to_e164

_NEEDED = ("merchant_id", "party_size", "search_ts")
_KNOWN = (*_NEEDED, "limit", "show_reservation_types", "reservation_type_id")
_Epoch = Annotated[int, msgspec.Meta(ge=0, le=4_102_444_800_000)]


class BookIn(msgspec.Struct):
    """The body of the reservation service; what is missing about the person comes from their profile."""

    merchant_id: Annotated[int, msgspec.Meta(ge=1, le=2**53)]
    party_size: int
    reserved_ts: _Epoch
    reservation_type_id: Annotated[int, msgspec.Meta(ge=0, le=2**53)]
    first_name: Text | None = None
    last_name: Text | None = None
    email: Text | None = None
    phone: Text | None = None


@get("/api/inventory", guards=[user_guard, limits.INVENTORY])
async def ask_inventory(request: Request[Any, Any, Any]) -> Response[bytes]:
    """The service's own answer, with its status. Every question draws on the budget."""
    query = {}
    for name in _KNOWN:
        value = request.query_params.get(name)
        if value is None and name in _NEEDED:
            raise AppError(400, f"{name} is missing", field=name)
        if value is not None:
            if not (value.isascii() and value.isdigit() and len(value) <= 15):
                raise AppError(400, f"{name} must be a number", field=name)
            query[name] = int(value)
    if not 1 <= query["party_size"] <= 20:
        raise AppError(400, "A party has 1 to 20 people", field="party_size")
    try:
        answer = await request.app.state.wisely.ask(query)
    except BudgetUnavailable as error:
        raise AppError(503, "No call to the reservation service can be made now; try again shortly") from error
    except LookFailed as failure:
        raise AppError(502, f"The reservation service gave no answer ({failure.trouble})") from failure
    return Response(answer.body, status_code=answer.status, media_type=answer.media_type)


@post("/api/book", status_code=200, guards=[user_guard, limits.BOOK])
async def book(request: Request[Any, Any, Any], data: JSONBody[BookIn]) -> Response[bytes]:
    """Book once. The service's answer goes back; an unclear one is 502 and is not tried again."""
    state, user = request.app.state, current_user(request)
    phone = data.phone or user.phone
    wish = Wish(
        merchant_id=data.merchant_id,
        party_size=data.party_size,
        reserved_ts=data.reserved_ts,
        reservation_type_id=data.reservation_type_id,
        first_name=data.first_name or user.first_name or "",
        last_name=data.last_name or user.last_name or "",
        email=data.email or user.email,
        phone=to_e164(phone, field="phone") if phone else "",
    )
    booked = await book_by_hand(
        state.sessions,
        state.wisely,
        user,
        wish,
        auto_book=state.settings.auto_book,
        operators=state.settings.operators,
        now=datetime.now(UTC),
    )
    await dispatch(state.sessions, state.jobs, booked.work)
    reply = booked.reply
    body: dict[str, Any] = dict(reply.answer or {})
    status = 200
    if reply.outcome == "refused":
        status, body = 409, {**body, "error": reply.reason}
    elif reply.outcome == "unknown":
        sentence = "No clear answer came back: the table may be yours. Look for the restaurant's mail, or call them."
        status, body = 502, {**body, "error": sentence}
    return Response(json.dumps(body).encode(), status_code=status, media_type="application/json")
