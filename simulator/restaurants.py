"""The restaurants that the simulated Wisely knows, with their zones, types and hours of service.

Merchant ids, names, zones and Dinner ids are those of the public booking pages. Of the Lunch ids only Park
Avenue's is real; the others are invented (the Dinner id plus 90,000).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cached_property
from zoneinfo import ZoneInfo

from simulator.local_time import instant_of

GRID_MINUTES = 15
INVENTED_LUNCH_OFFSET = 90_000


@dataclass(frozen=True)
class Service:
    """A meal with its first and last time, in minutes after local midnight, both on the grid."""

    name: str
    first_minute: int
    last_minute: int

    def distance(self, minute: int) -> int:
        """How many minutes `minute` lies outside the service; 0 inside it."""
        return max(self.first_minute - minute, minute - self.last_minute, 0)

    def grid(self) -> range:
        """Every quarter-hour of the service, in minutes after local midnight."""
        return range(self.first_minute, self.last_minute + 1, GRID_MINUTES)


LUNCH = Service("Lunch", 11 * 60 + 30, 16 * 60 + 15)
DINNER = Service("Dinner", 16 * 60 + 30, 21 * 60 + 45)


def service_at(minute: int) -> Service:
    """The service of a minute of the local day. Off hours belong to the nearest one, a tie to Lunch."""
    return DINNER if DINNER.distance(minute) < LUNCH.distance(minute) else LUNCH


@dataclass(frozen=True)
class Restaurant:
    merchant_id: int
    name: str
    timezone: str
    dinner_type_id: int
    lunch_type_id: int

    @cached_property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)

    @property
    def types(self) -> dict[int, str]:
        """Reservation type ids with their names, in the order in which they are listed."""
        return {self.dinner_type_id: DINNER.name, self.lunch_type_id: LUNCH.name}

    def type_at(self, minute: int) -> tuple[int, str]:
        """The id and the name of the reservation type of a minute of the local day."""
        service = service_at(minute)
        return (self.dinner_type_id if service is DINNER else self.lunch_type_id), service.name

    def quarter_hours(self, day: date) -> list[tuple[int, int]]:
        """The day's grid: (epoch ms, reservation type id), ascending."""
        return [
            (instant_of(day, minute, self.zone), self.type_at(minute)[0])
            for service in (LUNCH, DINNER)
            for minute in service.grid()
        ]


_NEW_YORK = "America/New_York"
_CHICAGO = "America/Chicago"
_DENVER = "America/Denver"
_PHOENIX = "America/Phoenix"
_LOS_ANGELES = "America/Los_Angeles"

_PARK_AVENUE = 278278
_LUNCH_TYPE_IDS = {_PARK_AVENUE: 1862}

_DINNERS = (
    (278258, "Houston's - Peachtree", _NEW_YORK, 1681),
    (278259, "Houston's - West Paces", _NEW_YORK, 1682),
    (278171, "Houston's - Bergen County", _NEW_YORK, 1703),
    (278275, "Houston's - Boca Raton", _NEW_YORK, 1704),
    (278261, "Houston's - Saint Charles", _CHICAGO, 1701),
    (278271, "Houston's - North Miami Beach", _NEW_YORK, 1692),
    (278270, "Houston's - Pasadena", _LOS_ANGELES, 1696),
    (278276, "Houston's - Pompano Beach", _NEW_YORK, 1697),
    (278256, "Houston's - Scottsdale", _PHOENIX, 1685),
    (278170, "Hillstone - Phoenix", _PHOENIX, 1662),
    (278242, "Hillstone - Bal Harbour", _NEW_YORK, 1702),
    (278173, "Hillstone - Coral Gables", _NEW_YORK, 1664),
    (278257, "Hillstone - Winter Park", _NEW_YORK, 1684),
    (278243, "Hillstone - Denver", _DENVER, 1691),
    (278264, "Hillstone - Park Cities", _CHICAGO, 1694),
    (278244, "Hillstone - Houston", _CHICAGO, 1683),
    (_PARK_AVENUE, "Hillstone - Park Avenue", _NEW_YORK, 1695),
    (278172, "Hillstone - San Francisco", _LOS_ANGELES, 1663),
    (278267, "Hillstone - Santa Monica", _LOS_ANGELES, 1689),
    (278273, "R+D Kitchen - Newport Beach", _LOS_ANGELES, 1707),
    (278268, "R+D Kitchen - Santa Monica", _LOS_ANGELES, 4514),
    (278254, "R+D Kitchen - Yountville", _LOS_ANGELES, 1675),
    (278262, "Honor Bar - Dallas", _CHICAGO, 4240),
    (278274, "Palm Beach Grill", _NEW_YORK, 1693),
    (278245, "Bandera - Corona del Mar", _LOS_ANGELES, 1705),
    (278269, "South Beverly Grill", _LOS_ANGELES, 1700),
    (278239, "Cherry Creek Grill", _DENVER, 1690),
    (278253, "Rutherford Grill", _LOS_ANGELES, 1676),
    (278255, "Los Altos Grill", _LOS_ANGELES, 1677),
    (278240, "East Hampton Grill", _NEW_YORK, 1706),
)

RESTAURANTS: dict[int, Restaurant] = {
    merchant_id: Restaurant(
        merchant_id,
        name,
        timezone,
        dinner_type_id,
        _LUNCH_TYPE_IDS.get(merchant_id, dinner_type_id + INVENTED_LUNCH_OFFSET),
    )
    for merchant_id, name, timezone, dinner_type_id in _DINNERS
}
