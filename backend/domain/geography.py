"""Distances on the globe, good enough to say which restaurant is nearest."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import asin, cos, radians, sin, sqrt

EARTH_RADIUS_MILES = 3958.8


@dataclass(frozen=True, slots=True)
class Place:
    """A point, in degrees."""

    lat: float
    lon: float


def miles_between(one: Place, other: Place) -> float:
    """As the crow flies."""
    lat1, lon1, lat2, lon2 = map(radians, (one.lat, one.lon, other.lat, other.lon))
    chord = sin((lat2 - lat1) / 2) ** 2 + cos(lat1) * cos(lat2) * sin((lon2 - lon1) / 2) ** 2
    return 2 * EARTH_RADIUS_MILES * asin(sqrt(min(1.0, chord)))


def nearest(here: Place, places: Mapping[str, Place]) -> str:
    """The key of the place that is nearest."""
    return min(places, key=lambda key: miles_between(here, places[key]))
