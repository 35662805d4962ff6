"""What the page needs to start, and where the person may be."""

from typing import Any, Literal

import msgspec
from litestar import Request, get

from backend.api.access import OPEN
from backend.api.caching import PUBLIC
from backend.api.client_address import is_behind_proxy
from backend.db.queries import locations
from backend.domain.geography import Place, miles_between, nearest
from backend.domain.passwords import SHORTEST
from backend.services.watches import MAX_DAYS_AHEAD
from backend.settings import Settings


class Config(msgspec.Struct):
    google_client_id: str | None
    auto_book: str
    mail: bool
    shortest_password: int
    max_days_ahead: int
    max_active_watches: int


class Geolocation(msgspec.Struct):
    """The nearest restaurant, guessed from the proxy's headers; by default the first one, 0 miles away."""

    location: str
    method: Literal["ip", "header", "default"]
    distance_miles: float
    user_city: str
    user_region: str


@get("/api/config", opt=PUBLIC, tags=["Restaurants"])
async def read_config(request: Request[Any, Any, Any]) -> Config:
    """What the page needs to start."""
    settings: Settings = request.app.state.settings
    return Config(
        google_client_id=settings.google_client_id,
        auto_book=settings.auto_book,
        mail=settings.smtp_host is not None,
        shortest_password=SHORTEST,
        max_days_ahead=MAX_DAYS_AHEAD,
        max_active_watches=settings.max_active_watches,
    )


@get("/api/geolocate", opt=OPEN, tags=["Restaurants"])
async def geolocate(request: Request[Any, Any, Any]) -> Geolocation:
    """The restaurant that is nearest to the caller, as far as our own proxy says where that is.

    Nobody's address is sent to anybody. Behind Cloudflare, "Add visitor location headers" turns this on.
    """
    async with request.app.state.sessions() as session:
        rows = await locations.every(session)
    here = _place(request) if is_behind_proxy(request) else None
    if here is None:
        return Geolocation(rows[0].key, "default", 0, "", "")
    key = nearest(here, {row.key: Place(row.lat, row.lon) for row in rows})
    there = next(row for row in rows if row.key == key)
    miles = round(miles_between(here, Place(there.lat, there.lon)), 1)
    return Geolocation(key, "header", miles, _word(request, "cf-ipcity"), _word(request, "cf-region"))


def _place(request: Request[Any, Any, Any]) -> Place | None:
    try:
        lat, lon = (float(request.headers.get(name, "")) for name in ("cf-iplatitude", "cf-iplongitude"))
    except ValueError:
        return None
    return Place(lat, lon) if -90 <= lat <= 90 and -180 <= lon <= 180 else None


def _word(request: Request[Any, Any, Any], name: str) -> str:
    # Header bytes are UTF-8 here, and were read as Latin-1.
    return request.headers.get(name, "").encode("latin-1", "replace").decode("utf-8", "replace")[:100]
