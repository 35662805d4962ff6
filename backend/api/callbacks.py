"""What providers report: of texts, of replies to them, and of mails that came back. Only with their signature."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from litestar import Request, Response, post
from litestar.params import JSONBody
from twilio.twiml.messaging_response import MessagingResponse

from backend.api.guards import mail_callback_guard, read_form, twilio_guard
from backend.api.mailing import dispatch_mail
from backend.api.schemas import Done
from backend.api.waking import wake_scanner
from backend.services import callbacks
from backend.services.errors import AppError

_HELP = (
    "Houston's Reservation Tracker: we text you when a table opens that you watch for. "
    "Text STOP to end it, START to begin again. {address}"
)
_KEPT = Annotated[str, msgspec.Meta(max_length=1000, pattern=r"^[^\x00]*$")]


class Bounced(msgspec.Struct):
    """`message_id` is the mail's Message-ID; without it, the newest mail to `recipient` is meant."""

    type: Literal["hard", "soft", "complaint"]
    message_id: _KEPT | None = None
    recipient: _KEPT | None = None
    reason: _KEPT = "no reason was given"


@post("/api/twilio/status", status_code=200, guards=[twilio_guard], tags=["Callbacks"])
async def take_text_status(request: Request[Any, Any, Any]) -> Done:
    """What became of a text message. Twilio's form: MessageSid, MessageStatus, ErrorCode; `m` is our message's id."""
    form = await _clean_form(request)
    try:
        message_id = UUID(request.query_params.get("m", ""))
    except ValueError:
        message_id = None
    queued = await callbacks.take_text_status(
        request.app.state.sessions,
        provider_id=form.get("MessageSid", ""),
        message_id=message_id,
        status=form.get("MessageStatus", "")[:50],
        error_code=form.get("ErrorCode"),
        now=datetime.now(UTC),
    )
    await dispatch_mail(request, queued)
    return Done()


@post("/api/twilio/incoming", status_code=200, guards=[twilio_guard], tags=["Callbacks"], media_type="application/xml")
async def take_text(request: Request[Any, Any, Any]) -> Response[str]:
    """A reply to a text message: STOP, START and HELP are honoured. Twilio's form: From, Body; the answer is TwiML.

    STOP and START are confirmed by Twilio itself, which lets no message of ours through after STOP.
    """
    form = await _clean_form(request)
    state = request.app.state
    wish = await callbacks.take_text(state.sessions, number=form.get("From", ""), words=form.get("Body", ""))
    twiml = MessagingResponse()
    if wish == "start":
        await wake_scanner(request)
    if wish == "help":
        twiml.message(_HELP.format(address=state.settings.public_url))
    return Response(str(twiml), media_type="application/xml")


@post("/api/mail/bounce", status_code=200, guards=[mail_callback_guard], tags=["Callbacks"])
async def take_bounce(request: Request[Any, Any, Any], data: JSONBody[Bounced]) -> Done:
    """A mail came back, or somebody complained of it."""
    if not data.message_id and not data.recipient:
        raise AppError(400, "Please name the mail by its message_id, or its recipient", field="message_id")
    queued = await callbacks.take_bounce(
        request.app.state.sessions,
        message_id=data.message_id,
        recipient=data.recipient,
        kind=data.type,
        reason=data.reason,
        now=datetime.now(UTC),
    )
    await dispatch_mail(request, queued)
    return Done()


async def _clean_form(request: Request[Any, Any, Any]) -> dict[str, str]:
    """Postgres keeps no NUL."""
    return {name: value.replace("\x00", "") for name, value in (await read_form(request)).items()}
