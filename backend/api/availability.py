"""What is open."""

from datetime import UTC, datetime
from typing import Any

from litestar import Request, Response, get
from litestar.params import FromQuery

from backend.api.access import OPEN
from backend.services.availability import FRESH_SECONDS, MAX_DAYS, Availability
from backend.services.errors import AppError


@get(["/api/availability", "/api/scan"], opt=OPEN)
async def show_availability(
    request: Request[Any, Any, Any], party_size: FromQuery[int] = 2, days: FromQuery[int] = MAX_DAYS
) -> Response[bytes]:
    """Open tables of all restaurants for the next days.

    Each day says when it was last looked at well; one that was never seen is missing from `days`, not empty.
    """
    if not 1 <= party_size <= 20:
        raise AppError(400, "A party has 1 to 20 people", field="party_size")
    if not 1 <= days <= MAX_DAYS:
        raise AppError(400, f"Between 1 and {MAX_DAYS} days", field="days")
    cache: Availability = request.app.state.availability
    grid = await cache.grid(party_size=party_size, days=days, now=datetime.now(UTC))
    headers = {
        "ETag": grid.etag,
        "Vary": "Accept-Encoding",
        "Cache-Control": f"public, max-age={int(FRESH_SECONDS)}",
    }
    if grid.etag in request.headers.get("if-none-match", ""):
        return Response(b"", status_code=304, headers=headers)
    if "gzip" in request.headers.get("accept-encoding", ""):
        headers["Content-Encoding"] = "gzip"
        return Response(grid.packed, headers=headers, media_type="application/json")
    return Response(grid.body, headers=headers, media_type="application/json")
