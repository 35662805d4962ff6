"""What the page needs to start, and where the person may be."""

from typing import Any, Literal

import msgspec
from litestar import Request, get

from backend.api import limits
from backend.api.access import OPEN
from backend.api.caching import PUBLIC, PublicAnswers
from backend.api.client_address import client_address, is_behind_proxy
from backend.clients.geolocator import Whereabouts, whereabouts
from backend.db.base import Sessions
from backend.db.queries import locations, switches
from backend.domain.booking_promises import of_installation
from backend.domain.geography import Place, miles_between, nearest
from backend.domain.passwords import SHORTEST
from backend.services.keys import ensure_push_key, public_push_key
from backend.services.shared import Shared
from backend.services.watches import MAX_DAYS_AHEAD
from backend.settings import Settings

PUSH_KEY_SECONDS = 3600


class AutoBookMode(msgspec.Struct):
    """`mode` is for programs, `sentence` for people, before they ask for a booking. Switched off by an operator is off,
    however the installation was set up.
    """

    mode: Literal["on", "dry-run", "off"]
    sentence: str


class Config(msgspec.Struct):
    google_client_id: str | None
    auto_book: AutoBookMode
    mail: bool
    shortest_password: int
    max_days_ahead: int
    max_active_watches: int
    # Base64url, as PushManager.subscribe() takes it.
    push_public_key: str


class Geolocation(msgspec.Struct):
    """The nearest restaurant, guessed by header or ip; by default the first one, 0 miles away."""

    location: str
    method: str
    distance_miles: float
    user_city: str
    user_region: str


@get("/api/config", opt=PUBLIC, middleware=[PublicAnswers()], tags=["Restaurants"])
async def read_config(request: Request[Any, Any, Any]) -> Config:
    """What the page needs to start."""
    settings: Settings = request.app.state.settings
    async with request.app.state.sessions() as session:
        switched_on = await switches.is_on(session, "booking")
    return Config(
        google_client_id=settings.google_client_id,
        auto_book=AutoBookMode(
            settings.auto_book if switched_on else "off",
            of_installation(settings.auto_book, switched_on=switched_on).sentence,
        ),
        mail=settings.smtp_host is not None,
        shortest_password=SHORTEST,
        max_days_ahead=MAX_DAYS_AHEAD,
        max_active_watches=settings.max_active_watches,
        push_public_key=await request.app.state.push_public_key.get(),
    )


def shared_push_public_key(sessions: Sessions) -> Shared[str]:
    """The key that browsers subscribe with; made by the first who asks, on a new installation."""

    async def read() -> str:
        return public_push_key(await ensure_push_key(sessions))

    return Shared(read, seconds=PUSH_KEY_SECONDS)


@get("/api/geolocate", opt=OPEN, guards=[limits.GEOLOCATE], tags=["Restaurants"])
async def geolocate(request: Request[Any, Any, Any]) -> Geolocation:
    """The restaurant that is nearest to the caller, as far as our own proxy or our own service says where that is.

    Nobody's address is sent to anybody else. Behind Cloudflare, "Add visitor location headers" turns this on.
    """
    async with request.app.state.sessions() as session:
        rows = await locations.every(session)
    here, method = _from_headers(request), "header"
    if here is None and request.app.state.geolocator is not None:
        here, method = await request.app.state.geolocator.find(client_address(request)), "ip"
    if here is None:
        return Geolocation(rows[0].key, "default", 0, "", "")
    key = nearest(here.place, {row.key: Place(row.lat, row.lon) for row in rows})
    there = next(row for row in rows if row.key == key)
    miles = round(miles_between(here.place, Place(there.lat, there.lon)), 1)
    return Geolocation(key, method, miles, here.city, here.region)


def _from_headers(request: Request[Any, Any, Any]) -> Whereabouts | None:
    if not is_behind_proxy(request):
        return None
    coordinates = (request.headers.get(name) for name in ("cf-iplatitude", "cf-iplongitude"))
    return whereabouts(*coordinates, city=_word(request, "cf-ipcity"), region=_word(request, "cf-region"))


def _word(request: Request[Any, Any, Any], name: str) -> str:
    # Header bytes are UTF-8 here, and were read as Latin-1.
    return request.headers.get(name, "").encode("latin-1", "replace").decode("utf-8", "replace")
