"""One's bookings and watches, to subscribe to from any calendar."""

from typing import Any

import msgspec
from litestar import Controller, Request, Response, delete, get, post
from litestar.params import FromPath

from backend.api import limits
from backend.api.access import OPEN, current_user, user_guard
from backend.api.caching import etag_of, is_known
from backend.api.schemas import Done
from backend.services import calendar_feed


class Feed(msgspec.Struct):
    """The address of a feed. It is shown this once: who has it can read the calendar."""

    url: str


class CalendarController(Controller):
    """The address is the key: it can be replaced and revoked."""

    path = "/api/calendar"
    tags = ("Own data",)

    @post(status_code=200, guards=[user_guard])
    async def make_feed(self, request: Request[Any, Any, Any]) -> Feed:
        """Make an address for one's own calendar; the one before stops working."""
        state = request.app.state
        url = await calendar_feed.make_feed(
            state.sessions, current_user(request).id, public_url=state.settings.public_url
        )
        return Feed(url)

    @delete(status_code=200, guards=[user_guard])
    async def revoke_feed(self, request: Request[Any, Any, Any]) -> Done:
        """From now on the address leads nowhere."""
        await calendar_feed.revoke_feed(request.app.state.sessions, current_user(request).id)
        return Done()

    @get("/{name:str}", opt=OPEN, guards=[limits.CALENDAR])
    async def read_feed(self, request: Request[Any, Any, Any], name: FromPath[str]) -> Response[bytes]:
        """The calendar, as `TOKEN.ics`."""
        state = request.app.state
        body = await calendar_feed.read_feed(
            state.sessions, name.removesuffix(".ics"), public_url=state.settings.public_url
        )
        etag = etag_of(body)
        headers = {"ETag": etag, "Cache-Control": "private, no-cache"}
        if is_known(request.headers, etag):
            return Response(b"", status_code=304, headers=headers, media_type="text/calendar; charset=utf-8")
        return Response(body, headers=headers, media_type="text/calendar; charset=utf-8")
