"""Sends mails about accounts on, right after their commit."""

from typing import Any

from litestar import Request

from backend.services.account_mail import Queued
from backend.services.outbox import dispatch
from backend.services.work import Work


async def dispatch_mail(request: Request[Any, Any, Any], queued: Queued) -> None:
    """Without Redis the relay finds them a little later."""
    await dispatch(request.app.state.sessions, request.app.state.jobs, Work(messages=queued))
