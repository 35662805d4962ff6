"""Opinions: anyone may leave one."""

from typing import Any

from litestar import Request, post
from litestar.params import JSONBody

from backend.api import limits
from backend.api.access import OPEN
from backend.api.client_address import client_address
from backend.api.record_schemas import FeedbackIn
from backend.services.records import leave_feedback


@post("/api/feedback", status_code=200, opt=OPEN, guards=[limits.FEEDBACK])
async def add_feedback(request: Request[Any, Any, Any], data: JSONBody[FeedbackIn]) -> dict[str, Any]:
    ip = client_address(request)
    await leave_feedback(request.app.state.sessions, message=data.message, contact=data.contact, ip=ip)
    return {"success": True}
