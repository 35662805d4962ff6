"""The restaurants."""

from typing import Any

from litestar import Request, get

from backend.api.caching import PUBLIC
from backend.api.schemas import LocationOut, Locations
from backend.db.queries import locations


@get("/api/locations", opt=PUBLIC, tags=["Restaurants"])
async def list_locations(request: Request[Any, Any, Any]) -> Locations:
    """All restaurants, by name."""
    async with request.app.state.sessions() as session:
        return Locations([LocationOut(**row._mapping) for row in await locations.every(session)])
