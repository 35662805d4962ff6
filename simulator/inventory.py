"""Answers "what is open near this time?" for one restaurant, party and local day."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from simulator.local_time import display_time, local
from simulator.manners import Manners
from simulator.restaurants import Restaurant
from simulator.world import Slot, World


@dataclass(frozen=True, slots=True)
class Search:
    """What a client asks for; `search_ts` is epoch ms."""

    restaurant: Restaurant
    party_size: int
    search_ts: int
    limit: int
    type_id: int | None = None

    @property
    def day(self) -> date:
        """The local day that is searched."""
        return local(self.search_ts, self.restaurant.zone).date()

    def wants(self, type_id: int) -> bool:
        return self.type_id in (None, type_id)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A time that may be listed; without a slot it is not available."""

    reserved_ts: int
    type_id: int
    slot: Slot | None


def nearest(candidates: Iterable[Candidate], search_ts: int, limit: int) -> list[Candidate]:
    """The `limit` candidates nearest to `search_ts` (epoch ms), a tie going to the earlier, ascending."""
    ascending = sorted(candidates, key=_by_time)
    ranked = sorted(ascending, key=lambda one: abs(one.reserved_ts - search_ts))
    return sorted(ranked[:limit], key=_by_time)


def open_slots(world: World, search: Search, *, earliest: int) -> list[Slot]:
    """One slot per open time and type, for the party, on the local day of the search, in no order.

    Where several would do, the one with the smallest tables is offered. `earliest` is epoch ms.
    """
    best: dict[tuple[int, int], Slot] = {}
    for slot in world.on(search.restaurant.merchant_id, search.day):
        if search.party_size not in slot.party_sizes or not search.wants(slot.type_id):
            continue
        if slot.reserved_ts < earliest:
            continue
        rival = best.get((slot.reserved_ts, slot.type_id))
        if rival is None or _tightness(slot) < _tightness(rival):
            best[slot.reserved_ts, slot.type_id] = slot
    return list(best.values())


def answer(world: World, search: Search, manners: Manners, *, now_ms: int) -> dict[str, Any]:
    """The body of an inventory answer. `now_ms` is epoch ms."""
    earliest = now_ms + manners.cut_off_minutes * 60_000
    slots = open_slots(world, search, earliest=earliest)
    candidates = [Candidate(slot.reserved_ts, slot.type_id, slot) for slot in slots]
    if manners.list_unavailable:
        candidates += _closed_times(search, slots, earliest)

    names = {type_id: name for type_id, name in search.restaurant.types.items() if search.wants(type_id)}
    names |= {slot.type_id: slot.type_name for slot in slots}

    limit = min(search.limit, manners.maximum_limit)
    if manners.limit_counts == "over-all":
        listed = nearest(candidates, search.search_ts, limit)
    else:
        listed = []
        for type_id in names:
            of_type = [one for one in candidates if one.type_id == type_id]
            listed += nearest(of_type, search.search_ts, limit)

    times: dict[int, list[dict[str, Any]]] = {type_id: [] for type_id in names}
    for candidate in listed:
        times[candidate.type_id].append(_written(candidate, search, manners))
    return {
        "types": [
            {"reservation_type_id": type_id, "reservation_type_name": names[type_id], "times": written}
            for type_id, written in times.items()
            if written or manners.list_empty_types
        ]
    }


def _closed_times(search: Search, slots: list[Slot], earliest: int) -> list[Candidate]:
    taken = {(slot.reserved_ts, slot.type_id) for slot in slots}
    return [
        Candidate(reserved_ts, type_id, None)
        for reserved_ts, type_id in search.restaurant.quarter_hours(search.day)
        if reserved_ts >= earliest and search.wants(type_id) and (reserved_ts, type_id) not in taken
    ]


def _written(candidate: Candidate, search: Search, manners: Manners) -> dict[str, Any]:
    available = candidate.slot is not None
    sizes = candidate.slot.party_sizes if candidate.slot else (search.party_size,)
    return {
        "reserved_ts": candidate.reserved_ts,
        "display_time": candidate.slot.display_time
        if candidate.slot
        else display_time(local(candidate.reserved_ts, search.restaurant.zone)),
        "is_available": available if manners.available_as == "bool" else int(available),
        "min_party_size": sizes[0],
        "max_party_size": sizes[-1],
    }


def _by_time(candidate: Candidate) -> tuple[int, int]:
    return candidate.reserved_ts, candidate.type_id


def _tightness(slot: Slot) -> tuple[int, ...]:
    return slot.party_sizes[-1], len(slot.party_sizes), *slot.party_sizes
