"""The restaurants."""

from typing import Any

from litestar import Request, get

from backend.api.caching import PUBLIC, PublicAnswers
from backend.api.schemas import LocationOut, Locations
from backend.db.base import Sessions
from backend.db.queries import locations
from backend.services.shared import Shared

FRESH_SECONDS = 5


@get("/api/locations", opt=PUBLIC, middleware=[PublicAnswers()], tags=["Restaurants"])
async def list_locations(request: Request[Any, Any, Any]) -> Locations:
    """All restaurants, by name; as they were some seconds ago at most."""
    answer: Locations = await request.app.state.locations.get()
    return answer


def shared_locations(sessions: Sessions) -> Shared[Locations]:
    """What `list_locations` answers with."""

    async def read() -> Locations:
        async with sessions() as session:
            return Locations([LocationOut(**row._mapping) for row in await locations.every(session)])

    return Shared(read, seconds=FRESH_SECONDS)
