"""Where a person is told: their channels."""

from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
from litestar import Controller, Request, delete, get, patch, post
from litestar.params import FromPath, JSONBody, QueryParameter
from sqlalchemy import Row

from backend.api import limits
from backend.api.access import current_user, user_guard
from backend.api.mailing import dispatch_mail
from backend.api.masking import shown_address
from backend.api.schemas import Done, Text
from backend.api.waking import wake_scanner
from backend.services import channel_tests, channels
from backend.services.errors import AppError

Address = Annotated[str, msgspec.Meta(max_length=2000, pattern=r"^[^\x00]*$")]
Label = Annotated[str, msgspec.Meta(max_length=100, pattern=r"^[^\x00]*$")]
Details = dict[Text, Address | dict[Text, Address]]
Wait = Annotated[float, QueryParameter(ge=0, le=12, description="Seconds to wait for the verdict.")]


class ChannelOut(msgspec.Struct):
    """A way to be told. Where the address is a key as well, only its beginning and its end are shown.

    `stopped`: STOP was texted from that number. `is_sign_in`: it can be muted, and not removed.
    """

    id: int
    kind: str
    label: str | None
    address: str
    verified: bool
    muted: bool
    stopped: bool
    disabled: bool
    disabled_reason: str | None
    is_sign_in: bool
    created_at: datetime


class Channels(msgspec.Struct):
    channels: list[ChannelOut]


class ChannelIn(msgspec.Struct):
    """`details` are what a kind needs beside its address: for a browser, the `keys` of its subscription."""

    kind: Text = ""
    address: Address = ""
    details: Details = {}
    label: Label | None = None


class ChannelChange(msgspec.Struct):
    label: Label | None = None


class Code(msgspec.Struct):
    """The six digits that were sent to the address."""

    code: Text = ""


class ChannelAdded(msgspec.Struct):
    """`next` says what happens now. `signing_secret` signs what is sent to a webhook, and is shown this once."""

    channel: ChannelOut
    next: str
    signing_secret: str | None = None
    success: bool = True


class Tested(msgspec.Struct):
    """`status` is that of the message in /api/notifications, `outcome` the same in words."""

    notification_id: int
    status: str
    outcome: str


class ChannelController(Controller):
    """Nobody sees, or learns of, anybody else's."""

    path = "/api/channels"
    tags = ("Channels",)
    guards = (user_guard,)

    @get()
    async def list_channels(self, request: Request[Any, Any, Any]) -> Channels:
        """One's own channels, the oldest first."""
        rows = await channels.list_channels(request.app.state.sessions, current_user(request).id)
        return Channels([channel_out(row) for row in rows])

    @post(status_code=200, guards=[limits.CHANNELS])
    async def add_channel(self, request: Request[Any, Any, Any], data: JSONBody[ChannelIn]) -> ChannelAdded:
        """Add a channel; the same address twice is the same channel. Nothing is told there before it is verified."""
        address, details = channels.parse(
            data.kind, data.address, data.details, allow=request.app.state.settings.outbound_networks
        )
        _require_service(request, data.kind)
        await limits.limit_account(request, limits.CODES_TO, f"{data.kind}:{address}")
        added = await channels.add(
            request.app.state.sessions,
            current_user(request).id,
            kind=data.kind,
            address=address,
            details=details,
            typed=data.details,
            label=(data.label or "").strip() or None,
        )
        await dispatch_mail(request, added.queued)
        if data.kind == "web_push":
            await wake_scanner(request)
        return _added(added)

    @patch("/{channel_id:int}", status_code=200)
    async def rename_channel(
        self, request: Request[Any, Any, Any], channel_id: FromPath[int], data: JSONBody[ChannelChange]
    ) -> Done:
        """Give a channel another label, or none."""
        await channels.rename(request.app.state.sessions, current_user(request).id, channel_id, data.label)
        return Done()

    @post("/{channel_id:int}/verify", status_code=200, guards=[limits.CODES_TRIED])
    async def verify_channel(
        self, request: Request[Any, Any, Any], channel_id: FromPath[int], data: JSONBody[Code]
    ) -> Done:
        """Prove an address with the code that was sent there. What is open now is told there."""
        await channels.verify(
            request.app.state.sessions, current_user(request).id, channel_id, data.code, now=datetime.now(UTC)
        )
        await wake_scanner(request)
        return Done()

    @post("/{channel_id:int}/code", status_code=200, guards=[limits.CODES])
    async def send_code(self, request: Request[Any, Any, Any], channel_id: FromPath[int]) -> ChannelAdded:
        """Send a new code; the one before it is worthless then."""
        await limits.limit_account(request, limits.CODES_TO, await channels.destination(*_own(request, channel_id)))
        return await _with_code(request, await channels.send_code(*_own(request, channel_id)))

    @post("/{channel_id:int}/enable", status_code=200, guards=[limits.CODES])
    async def enable_channel(self, request: Request[Any, Any, Any], channel_id: FromPath[int]) -> ChannelAdded:
        """Use a channel again that was turned off; it has to be verified anew."""
        await limits.limit_account(request, limits.CODES_TO, await channels.destination(*_own(request, channel_id)))
        return await _with_code(request, await channels.enable(*_own(request, channel_id)))

    @post("/{channel_id:int}/test", status_code=200, guards=[limits.CHANNEL_TEST])
    async def test_channel(self, request: Request[Any, Any, Any], channel_id: FromPath[int], wait: Wait = 12) -> Tested:
        """Send a test there, and say what really became of it."""
        state, user = request.app.state, current_user(request)
        queued = await channel_tests.queue_test(state.sessions, user.id, channel_id)
        await dispatch_mail(request, queued)
        [(notification_id, _)] = queued
        row = await channel_tests.await_verdict(state.direct, notification_id, seconds=wait)
        timezone = await channel_tests.zone_of(state.direct, user.id)
        status = row.status if row is not None else "expired"
        return Tested(notification_id, status, channel_tests.tell(row, timezone=timezone))

    @post("/{channel_id:int}/mute", status_code=200)
    async def mute_channel(self, request: Request[Any, Any, Any], channel_id: FromPath[int]) -> Done:
        """Tell nothing there until it is unmuted."""
        await channels.mute(*_own(request, channel_id))
        return Done()

    @post("/{channel_id:int}/unmute", status_code=200)
    async def unmute_channel(self, request: Request[Any, Any, Any], channel_id: FromPath[int]) -> Done:
        """Tell there again; what is open now is told."""
        await channels.unmute(*_own(request, channel_id))
        await wake_scanner(request)
        return Done()

    @delete("/{channel_id:int}", status_code=200)
    async def remove_channel(self, request: Request[Any, Any, Any], channel_id: FromPath[int]) -> Done:
        """Forget a channel. The address that one signs in with can be muted, and not removed."""
        await channels.remove(*_own(request, channel_id))
        return Done()


def channel_out(row: Row[Any]) -> ChannelOut:
    """A row as its owner sees it."""
    return ChannelOut(
        id=row.id,
        kind=row.kind,
        label=row.label,
        address=shown_address(row.kind, row.address),
        verified=row.verified_at is not None,
        muted=row.muted_at is not None,
        stopped=row.is_stopped,
        disabled=row.disabled_at is not None,
        disabled_reason=row.disabled_reason,
        is_sign_in=row.is_sign_in,
        created_at=row.created_at,
    )


def _own(request: Request[Any, Any, Any], channel_id: int) -> tuple[Any, int, int]:
    return request.app.state.sessions, current_user(request).id, channel_id


async def _with_code(request: Request[Any, Any, Any], added: channels.Added) -> ChannelAdded:
    await dispatch_mail(request, added.queued)
    return _added(added)


def _added(added: channels.Added) -> ChannelAdded:
    return ChannelAdded(channel_out(added.channel), added.next, added.secret)


def _require_service(request: Request[Any, Any, Any], kind: str) -> None:
    settings = request.app.state.settings
    if kind == "sms" and settings.twilio_account_sid is None:
        raise AppError(400, "Text messages are not set up here", field="kind")
    if kind == "email" and settings.smtp_host is None:
        raise AppError(400, "Mail is not set up here", field="kind")
