"""The restaurants."""

from typing import Any

from litestar import Request, get

from backend.api.access import OPEN
from backend.db.base import Sessions
from backend.db.queries import locations
from backend.services.shared import Shared

FRESH_SECONDS = 5


@get("/api/locations", opt=OPEN)
async def list_locations(request: Request[Any, Any, Any]) -> dict[str, Any]:
    """All restaurants, by name; as they were some seconds ago at most."""
    answer: dict[str, Any] = await request.app.state.locations.get()
    return answer


def shared_locations(sessions: Sessions) -> Shared[dict[str, Any]]:
    """What `list_locations` answers with."""

    async def read() -> dict[str, Any]:
        async with sessions() as session:
            return {"locations": [dict(row._mapping) for row in await locations.every(session)]}

    return Shared(read, seconds=FRESH_SECONDS)
