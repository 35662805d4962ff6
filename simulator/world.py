"""What is open where: pure state, no clock and no HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from simulator.local_time import display_time, local
from simulator.restaurants import Restaurant


class Origin(StrEnum):
    """Who opened a slot. Turnover closes only what turnover opened."""

    CONTROL = "control"
    TURNOVER = "turnover"


SlotKey = tuple[int, int, tuple[int, ...]]
"""reserved_ts (epoch ms), reservation type id, party sizes."""


@dataclass(slots=True, eq=False)
class Slot:
    """An open time: `tables` tables for parties of any of `party_sizes` (ascending)."""

    merchant_id: int
    reserved_ts: int
    type_id: int
    type_name: str
    party_sizes: tuple[int, ...]
    tables: int
    origin: Origin
    day: date
    local: str
    display_time: str

    @property
    def key(self) -> SlotKey:
        return self.reserved_ts, self.type_id, self.party_sizes


class World:
    """The open slots of every restaurant, by restaurant and local day."""

    def __init__(self) -> None:
        self._days: dict[tuple[int, date], dict[SlotKey, Slot]] = {}

    def open(
        self,
        restaurant: Restaurant,
        reserved_ts: int,
        *,
        type_id: int,
        type_name: str,
        party_sizes: tuple[int, ...],
        tables: int,
        origin: Origin = Origin.CONTROL,
    ) -> Slot:
        """Open a slot. One that is open already (same time, type and sizes) gets the new number of tables."""
        moment = local(reserved_ts, restaurant.zone)
        slot = Slot(
            merchant_id=restaurant.merchant_id,
            reserved_ts=reserved_ts,
            type_id=type_id,
            type_name=type_name,
            party_sizes=party_sizes,
            tables=tables,
            origin=origin,
            day=moment.date(),
            local=moment.strftime("%Y-%m-%dT%H:%M"),
            display_time=display_time(moment),
        )
        self._days.setdefault((slot.merchant_id, slot.day), {})[slot.key] = slot
        return slot

    def close(self, slot: Slot) -> None:
        """Close a slot; one that is closed already stays closed."""
        day = self._days.get((slot.merchant_id, slot.day), {})
        if day.get(slot.key) is slot:
            del day[slot.key]
            if not day:
                del self._days[slot.merchant_id, slot.day]

    def take_table(self, slot: Slot) -> None:
        """One table fewer; the last one closes the slot."""
        slot.tables -= 1
        if slot.tables <= 0:
            self.close(slot)

    def find(self, merchant_id: int, day: date, key: SlotKey) -> Slot | None:
        return self._days.get((merchant_id, day), {}).get(key)

    def on(self, merchant_id: int, day: date) -> Iterator[Slot]:
        """The slots that are open on a local day, in no order."""
        return iter(self._days.get((merchant_id, day), {}).values())

    def slots(self, merchant_id: int | None = None) -> list[Slot]:
        """Everything that is open, for one restaurant or all, by restaurant and time."""
        found = [
            slot
            for (merchant, _day), slots in self._days.items()
            if merchant_id is None or merchant == merchant_id
            for slot in slots.values()
        ]
        return sorted(found, key=lambda slot: (slot.merchant_id, *slot.key))

    def clear(self) -> None:
        self._days.clear()
