"""Asks the scanner to look now at what was made due."""

from typing import Any

from litestar import Request
from redis.exceptions import RedisError


async def wake_scanner(request: Request[Any, Any, Any]) -> None:
    """Without Redis the next tick finds the groups."""
    try:
        await request.app.state.jobs.send([("scan_due_groups", ())])
    except RedisError:
        return
