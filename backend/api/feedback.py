"""Opinions: anyone may leave one."""

from typing import Any

from litestar import Request, post
from litestar.params import JSONBody

from backend.api.access import OPEN
from backend.api.record_schemas import FeedbackIn
from backend.services.records import leave_feedback


@post("/api/feedback", status_code=200, opt=OPEN)
async def add_feedback(request: Request[Any, Any, Any], data: JSONBody[FeedbackIn]) -> dict[str, Any]:
    ip = request.client.host if request.client else None
    await leave_feedback(request.app.state.sessions, message=data.message, contact=data.contact, ip=ip)
    return {"success": True}
