"""The ASGI application: sends each request to Wisely, the control routes, the mailbox or the control page."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

from uvicorn._types import ASGIReceiveCallable, ASGISendCallable, Scope

from simulator import control, mailbox_routes, rendering, wisely
from simulator.delivery import TRANSPORT, deliver
from simulator.http import NOT_FOUND, Reply, Request, json_reply, see_other
from simulator.local_time import display_day, local
from simulator.mail_trouble import MailTroubles
from simulator.mailbox import Mailbox
from simulator.orders import BadOrder
from simulator.restaurants import RESTAURANTS
from simulator.trouble import KINDS
from simulator.wisely import BOOKING_PATH, INVENTORY_PATH, Wisely

_CALLS = {("GET", INVENTORY_PATH): wisely.inventory, ("POST", BOOKING_PATH): wisely.booking}
_MOST_LISTED = 300


class App:
    def __init__(self, service: Wisely, mailbox: Mailbox, mail_troubles: MailTroubles) -> None:
        self._wisely = service
        self._mailbox = mailbox
        self._mail_troubles = mail_troubles

    async def __call__(self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        assert scope["type"] == "http"
        wire: dict[str, Any] = {"transport": scope["state"][TRANSPORT], "receive": receive, "send": send}
        request = await _read(scope, receive)
        make_call = _CALLS.get((request.method, request.path))
        if make_call is None:
            await deliver(self._reply(request), **wire)
            return
        call = make_call(self._wisely, request)
        with self._wisely.statistics.during(call.operation, call.merchant_id):
            reply = await wisely.serve(self._wisely, call)
            self._wisely.statistics.answered(wisely.outcome(reply))
            await deliver(reply, **wire)

    def _reply(self, request: Request) -> Reply:
        try:
            return self._route(request)
        except BadOrder as error:
            if request.is_form:
                return self._control_page(problem=str(error))
            return json_reply({"error": str(error)}, status=400)

    def _route(self, request: Request) -> Reply:
        handler = control.ROUTES.get((request.method, request.path))
        if handler is not None:
            return control.control(self._wisely, handler, request)
        match request.method, request.path:
            case "GET", "/":
                return self._control_page(problem="")
            case "GET", "/style.css":
                return rendering.style()
            case "POST", "/control/reset":
                return self._reset(request)
        reply = mailbox_routes.respond(self._mailbox, self._mail_troubles, request)
        return reply or json_reply({"error": "There is nothing here."}, status=NOT_FOUND)

    def _reset(self, request: Request) -> Reply:
        self._wisely.reset()
        self._mailbox.clear()
        self._mail_troubles.standing.clear()
        return see_other("/") if request.is_form else json_reply({"reset": True})

    def _control_page(self, *, problem: str) -> Reply:
        self._wisely.turnover.catch_up_everywhere()
        slots = self._wisely.world.slots()
        return rendering.page(
            "control.html",
            status=400 if problem else 200,
            problem=problem,
            restaurants=sorted(RESTAURANTS.values(), key=lambda one: one.name),
            names={one.merchant_id: one.name for one in RESTAURANTS.values()},
            slots=[
                (slot, display_day(local(slot.reserved_ts, RESTAURANTS[slot.merchant_id].zone)))
                for slot in slots[:_MOST_LISTED]
            ],
            slot_count=len(slots),
            bookings=list(reversed(self._wisely.desk.bookings)),
            refusals=list(reversed(self._wisely.desk.refusals)),
            trouble_kinds=KINDS,
            troubles=self._wisely.troubles.standing,
            mail_troubles=self._mail_troubles.standing,
            plan=self._wisely.turnover.plan,
            statistics=control.statistics_of(self._wisely),
            mail_count=len(self._mailbox),
        )


async def _read(scope: Any, receive: ASGIReceiveCallable) -> Request:
    method: str = scope["method"]
    content_type, body = "", b""
    if method != "GET":
        content_type = next(
            (value.decode("latin-1") for name, value in scope["headers"] if name == b"content-type"), ""
        )
        body = await _body(receive)
    query = dict(parse_qsl(scope["query_string"].decode("latin-1")))
    return Request(method, scope["path"], query, content_type, body)


async def _body(receive: ASGIReceiveCallable) -> bytes:
    parts: list[bytes] = []
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return b"".join(parts)
        parts.append(message["body"])
        if not message["more_body"]:
            return b"".join(parts)
