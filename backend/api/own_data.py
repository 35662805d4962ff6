"""One's own messages, bookings and data."""

from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
from litestar import Controller, Request, Response, get, post
from litestar.params import FromPath, JSONBody, QueryParameter

from backend.api import limits
from backend.api.access import current_user, user_guard
from backend.api.account_schemas import Confirmation
from backend.api.auth import without_cookie
from backend.api.masking import shown_address
from backend.api.schemas import Done
from backend.services import credentials, own_data

PageSize = Annotated[int, QueryParameter(ge=1, le=200, description="How many at most.")]
Before = Annotated[int | None, QueryParameter(ge=1, description="The last id of the page before.")]


class NotificationOut(msgspec.Struct):
    """One message to one address; `recipient` is shown as in /api/channels.

    `error_message` says why it was not sent, or not yet.
    """

    id: int
    watch_id: int | None
    booking_id: int | None
    channel: str
    kind: str
    recipient: str
    subject: str | None
    body: str | None
    status: str
    error_message: str | None
    attempts: int
    created_at: datetime
    sent_at: datetime | None


class Notifications(msgspec.Struct):
    notifications: list[NotificationOut]


class BookingOut(msgspec.Struct):
    """One attempt to book. `reserved_at` is the table's time.

    `settled_by` (guest or operator) and `note` say who said what became of it, where the service did not.
    """

    id: int
    watch_id: int | None
    location_key: str
    restaurant: str
    target_date: str
    meal: str
    party_size: int
    reserved_at: datetime
    first_name: str
    last_name: str
    email: str
    phone: str
    state: str
    reason: str | None
    wanted_at: datetime
    attempted_at: datetime | None
    settled_at: datetime | None
    settled_by: str | None
    note: str | None
    cancelled_at: datetime | None


class Bookings(msgspec.Struct):
    bookings: list[BookingOut]


class LogEntry(msgspec.Struct):
    """`kind` is for programs, `text` for people."""

    at: datetime
    kind: str
    text: str


class WatchLog(msgspec.Struct):
    entries: list[LogEntry]


class Export(msgspec.Struct):
    """Everything that is kept of a person, but for secrets: the rows of each table."""

    exported_at: datetime
    account: list[dict[str, Any]]
    channels: list[dict[str, Any]]
    preferences: list[dict[str, Any]]
    sessions: list[dict[str, Any]]
    watches: list[dict[str, Any]]
    notifications: list[dict[str, Any]]
    bookings: list[dict[str, Any]]
    alerts: list[dict[str, Any]]


class OwnDataController(Controller):
    """Everybody's own, and nobody else's."""

    path = "/api"
    tags = ("Own data",)
    guards = (user_guard,)

    @get("/notifications")
    async def list_notifications(
        self, request: Request[Any, Any, Any], limit: PageSize = 50, before: Before = None
    ) -> Notifications:
        """Own messages, the newest first."""
        rows = await own_data.notifications(
            request.app.state.sessions, current_user(request).id, before=before, limit=limit
        )
        return Notifications([_notification(dict(row._mapping)) for row in rows])

    @get("/bookings")
    async def list_bookings(
        self, request: Request[Any, Any, Any], limit: PageSize = 50, before: Before = None
    ) -> Bookings:
        """What was booked for one, or tried, the newest first."""
        rows = await own_data.bookings(request.app.state.sessions, current_user(request).id, before=before, limit=limit)
        return Bookings([_booking(dict(row._mapping)) for row in rows])

    @get("/watches/{watch_id:int}/log")
    async def read_watch_log(self, request: Request[Any, Any, Any], watch_id: FromPath[int]) -> WatchLog:
        """What happened to one's own watch, the newest first."""
        entries = await own_data.log_of_watch(request.app.state.sessions, watch_id, user_id=current_user(request).id)
        return WatchLog([LogEntry(entry.at, entry.kind, entry.text) for entry in entries])

    @get("/account/export", guards=[limits.EXPORT])
    async def export_data(self, request: Request[Any, Any, Any]) -> Response[Export]:
        """Take along everything that is kept of one, as a file."""
        found = await own_data.export(request.app.state.sessions, current_user(request).id, now=datetime.now(UTC))
        headers = {"Content-Disposition": 'attachment; filename="houstons-export.json"'}
        return Response(msgspec.convert(found, Export), headers=headers)

    @post("/account/delete", status_code=200, guards=[limits.PASSWORD])
    async def delete_account(self, request: Request[Any, Any, Any], data: JSONBody[Confirmation]) -> Response[Done]:
        """Delete one's account with all its data. Tables that are booked stay booked at the restaurant."""
        user = current_user(request)
        await credentials.confirm_person(request.app.state.sessions, user, password=data.password, email=data.email)
        await own_data.delete_account(request.app.state.sessions, user.id)
        return without_cookie(Done())


def _notification(row: dict[str, Any]) -> NotificationOut:
    return NotificationOut(**{**row, "recipient": shown_address(row["channel"], row["recipient"])})


def _booking(row: dict[str, Any]) -> BookingOut:
    at = datetime.fromtimestamp(row.pop("reserved_ts") / 1000, UTC)
    del row["timezone"]
    return BookingOut(**{**row, "reserved_at": at, "target_date": row["target_date"].isoformat()})
