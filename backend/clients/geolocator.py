"""Asks the operator's own service where an address is. Answers are kept for an hour; useless addresses are not sent."""

import contextlib
import json
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any
from urllib.parse import quote

import httpx
from redis.asyncio import Redis
from redis.exceptions import RedisError

from backend.domain.geography import Place

_TIMEOUT_SECONDS = 2
_KEPT_SECONDS = 3600
_LONGEST_WORD = 100


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """Where somebody may be."""

    place: Place
    city: str
    region: str


class Geolocator:
    """One service. `url` has {ip} where the address goes."""

    def __init__(self, url: str, redis: Redis) -> None:
        self._url = url
        self._redis = redis

    async def find(self, address: str) -> Whereabouts | None:
        """Where the address is; None when nobody knows, or the service does not answer."""
        try:
            if not ip_address(address).is_global:
                return None
        except ValueError:
            return None
        kept = await self._kept(address)
        answer = kept if kept is not None else await self._ask(address)
        return whereabouts(
            answer.get("latitude", answer.get("lat")),
            answer.get("longitude", answer.get("lon")),
            city=answer.get("city"),
            region=answer.get("region", answer.get("regionName")),
        )

    async def _ask(self, address: str) -> dict[str, Any]:
        try:
            async with httpx.AsyncClient(timeout=_TIMEOUT_SECONDS) as http:
                response = await http.get(self._url.replace("{ip}", quote(address, safe="")))
            response.raise_for_status()
            answer = dict(response.json())
        except (httpx.HTTPError, ValueError, TypeError):
            return {}
        # Without Redis it is asked again.
        with contextlib.suppress(RedisError):
            await self._redis.set(f"geo:{address}", json.dumps(answer), ex=_KEPT_SECONDS)
        return answer

    async def _kept(self, address: str) -> dict[str, Any] | None:
        try:
            kept = await self._redis.get(f"geo:{address}")
        except RedisError:
            return None
        return dict(json.loads(kept)) if kept else None


def whereabouts(lat: Any, lon: Any, *, city: Any, region: Any) -> Whereabouts | None:
    """What somebody else says, as far as it makes sense."""
    try:
        place = Place(float(lat), float(lon))
    except (TypeError, ValueError):
        return None
    if not (-90 <= place.lat <= 90 and -180 <= place.lon <= 180):
        return None
    return Whereabouts(place, _word(city), _word(region))


def _word(value: Any) -> str:
    return value[:_LONGEST_WORD] if isinstance(value, str) else ""
