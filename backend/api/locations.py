"""The restaurants."""

from typing import Any

from litestar import Request, get

from backend.api.access import OPEN
from backend.db.queries import locations


@get("/api/locations", opt=OPEN)
async def list_locations(request: Request[Any, Any, Any]) -> dict[str, Any]:
    """All restaurants, by name."""
    async with request.app.state.sessions() as session:
        return {"locations": [dict(row._mapping) for row in await locations.every(session)]}
