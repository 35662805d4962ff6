"""The pages behind the links in mails. They work without signing in and without JavaScript, for whoever has the mail.

Programs that look into mails follow links: GET changes nothing. POST may come from any site, because webmail sends it,
and from mail services, without any page before it (RFC 8058).
"""

from datetime import UTC, datetime
from typing import Any

from litestar import HttpMethod, Request, Response, post, route
from litestar.params import FromPath

from backend.api import limits
from backend.api.access import SIGNED
from backend.api.guards import read_form
from backend.api.waking import wake_scanner
from backend.services import mail_actions
from backend.services.errors import AppError
from backend.services.mail_actions import Page
from backend.services.outbox import dispatch

_TITLES = {404: "There is nothing here", 410: "This is over", 429: "Too often"}


def refused(request: Request[Any, Any, Any], error: AppError) -> Response[str]:
    """A refusal as a page."""
    page = Page(_TITLES.get(error.status, "That did not work"), (f"{error.sentence.rstrip('.')}.",))
    return _answer(request, page, status=error.status)


@route(
    "/m/{purpose:str}/{token:str}",
    http_method=(HttpMethod.GET, HttpMethod.HEAD),
    opt=SIGNED,
    guards=[limits.MAIL_ACTIONS],
    exception_handlers={AppError: refused},
    include_in_schema=False,
)
async def show_action(request: Request[Any, Any, Any], purpose: FromPath[str], token: FromPath[str]) -> Response[str]:
    """Say what the link's button will do."""
    return _answer(request, await mail_actions.show(request.app.state.sessions, purpose, token))


@post(
    "/m/{purpose:str}/{token:str}",
    status_code=200,
    opt=SIGNED,
    guards=[limits.MAIL_ACTIONS],
    exception_handlers={AppError: refused},
    include_in_schema=False,
)
async def do_action(request: Request[Any, Any, Any], purpose: FromPath[str], token: FromPath[str]) -> Response[str]:
    """Press the button."""
    form = await read_form(request)
    if purpose == "settle":
        return await _settle(request, token, form.get("outcome"))
    undo = form.get("undo") == "1"
    page = await mail_actions.act(request.app.state.sessions, purpose, token, undo=undo, now=datetime.now(UTC))
    if undo:
        await wake_scanner(request)
    return _answer(request, page)


async def _settle(request: Request[Any, Any, Any], token: str, outcome: str | None) -> Response[str]:
    state = request.app.state
    page, work = await mail_actions.settle(
        state.sessions, token, outcome, operators=state.settings.operators, now=datetime.now(UTC)
    )
    await dispatch(state.sessions, state.jobs, work)
    return _answer(request, page)


def _answer(request: Request[Any, Any, Any], page: Page, *, status: int = 200) -> Response[str]:
    style = f"/assets/{request.app.state.pages.version}/style.css"
    return Response(mail_actions.set_page(page, style=style), status_code=status, media_type="text/html")
