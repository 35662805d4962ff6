"""What the control routes take: typed orders, read from JSON or from a form, and checked."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Any, TypeVar

import msgspec

from simulator.http import Request
from simulator.local_time import instant_of, is_instant, local
from simulator.restaurants import RESTAURANTS, Restaurant
from simulator.world import Slot

MOST_GUESTS = 20
_LIST_FIELDS = frozenset({"times", "reserved_ts", "party_sizes", "merchant_ids"})
_SEPARATORS = re.compile(r"[,;\s]+")

Order = TypeVar("Order", bound=msgspec.Struct)


class BadOrder(Exception):
    """An order that cannot be followed; the text is a sentence for whoever gave it."""


class OpenSlots(msgspec.Struct, forbid_unknown_fields=True):
    """Times to open: `date` (ISO) with local `times` (HH:MM), or `reserved_ts` (epoch ms)."""

    merchant_id: int
    date: str | None = None
    times: list[str] = []
    reserved_ts: int | list[int] = []
    party_sizes: list[int] | None = None
    min_party_size: int | None = None
    max_party_size: int | None = None
    reservation_type_id: int | None = None
    reservation_type_name: str | None = None
    tables: int = 1


class CloseSlots(msgspec.Struct, forbid_unknown_fields=True):
    """Times to close; each field that is given narrows the choice."""

    merchant_id: int
    date: str | None = None
    times: list[str] = []
    reserved_ts: int | list[int] = []
    reservation_type_id: int | None = None
    party_size: int | None = None

    def chooses(self, slot: Slot) -> bool:
        day, time = slot.local.split("T")
        instants = as_list(self.reserved_ts)
        return (
            (self.date is None or self.date == day)
            and (not self.times or time in {written_time(one) for one in self.times})
            and (not instants or slot.reserved_ts in instants)
            and self.reservation_type_id in (None, slot.type_id)
            and (self.party_size is None or self.party_size in slot.party_sizes)
        )


class TurnoverOrder(msgspec.Struct, forbid_unknown_fields=True):
    """Turn the coming and going of tables on or off. `merchant_ids` null means everywhere."""

    on: bool
    seed: int | None = None
    speed: float = 1.0
    merchant_ids: list[int] | None = None
    days_ahead: int = 7


class StatisticsQuery(msgspec.Struct, forbid_unknown_fields=True):
    timestamps: bool = False


class SlotsQuery(msgspec.Struct, forbid_unknown_fields=True):
    merchant_id: int | None = None
    date: str | None = None


def read(request: Request, kind: type[Order]) -> Order:
    """The order in a request's body, be it JSON or a form."""
    if request.is_form:
        return convert(request.fields(), kind)
    try:
        return msgspec.json.decode(request.body or b"{}", type=kind)
    except msgspec.DecodeError as error:
        raise BadOrder(_sentence(str(error))) from error


def convert(fields: Mapping[str, str], kind: type[Order]) -> Order:
    """An order from the fields of a form or of a query; lists are separated by commas or blanks."""
    values: dict[str, Any] = {
        name: [one for one in _SEPARATORS.split(text) if one] if name in _LIST_FIELDS else text
        for name, text in fields.items()
    }
    try:
        return msgspec.convert(values, kind, strict=False)
    except msgspec.ValidationError as error:
        raise BadOrder(_sentence(str(error))) from error


def restaurant_of(merchant_id: int) -> Restaurant:
    try:
        return RESTAURANTS[merchant_id]
    except KeyError:
        raise BadOrder(f"There is no restaurant with the merchant id {merchant_id}.") from None


def instants_of(order: OpenSlots, restaurant: Restaurant) -> list[int]:
    """The epoch ms that an order means."""
    instants = as_list(order.reserved_ts)
    if bool(instants) == bool(order.times) or bool(order.date) != bool(order.times):
        raise BadOrder("Give either a date with times, or reserved_ts.")
    if order.date:
        day = read_date(order.date)
        try:
            instants = [instant_of(day, _minute(time), restaurant.zone) for time in order.times]
        except ValueError as error:
            raise BadOrder(_sentence(str(error))) from error
    if not all(map(is_instant, instants)):
        raise BadOrder("reserved_ts must be epoch milliseconds, before the year 2100.")
    return instants


def party_sizes_of(order: OpenSlots) -> tuple[int, ...]:
    """The party sizes that an order means; parties of 1 to 4 if it names none."""
    if order.party_sizes is not None:
        if order.min_party_size is not None or order.max_party_size is not None:
            raise BadOrder("Give either party_sizes, or min_party_size and max_party_size.")
        sizes = sorted(set(order.party_sizes))
    else:
        least = order.min_party_size or 1
        most = order.max_party_size or max(4, least)
        sizes = list(range(least, most + 1)) if most <= MOST_GUESTS else []
    if not sizes or sizes[0] < 1 or sizes[-1] > MOST_GUESTS:
        raise BadOrder(f"Party sizes must lie between 1 and {MOST_GUESTS}, the smallest first.")
    return tuple(sizes)


def type_of(order: OpenSlots, restaurant: Restaurant, reserved_ts: int) -> tuple[int, str]:
    """The id and the name of the reservation type: the one named, or that of the nearest service."""
    type_id, name = order.reservation_type_id, order.reservation_type_name
    if type_id is not None:
        return type_id, name or restaurant.types.get(type_id, f"Type {type_id}")
    if name is not None:
        for known_id, known_name in restaurant.types.items():
            if known_name.casefold() == name.casefold():
                return known_id, known_name
        raise BadOrder(f"{restaurant.name} has no reservation type {name}; give a reservation_type_id too.")
    moment = local(reserved_ts, restaurant.zone)
    return restaurant.type_at(moment.hour * 60 + moment.minute)


def read_date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise BadOrder(f"{text} is not a date like 2026-08-14.") from None


def written_time(text: str) -> str:
    """A local time as slots carry it: HH:MM."""
    hours, minutes = divmod(_minute(text), 60)
    return f"{hours:02d}:{minutes:02d}"


def as_list(value: int | list[int]) -> list[int]:
    return value if isinstance(value, list) else [value]


def _minute(text: str) -> int:
    found = re.fullmatch(r"(\d{1,2}):(\d{2})", text)
    if found is None or int(found[1]) > 23 or int(found[2]) > 59:
        raise BadOrder(f"{text} is not a time like 18:30.")
    return int(found[1]) * 60 + int(found[2])


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:].rstrip(".") + "."
