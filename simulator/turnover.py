"""Tables that come and go by themselves, the same for the same seed, as fast as the clock that it is given.

Nothing runs in the background: whoever wants to know what is open calls `catch_up` first.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta

import msgspec

from simulator.lives import HABITS, appearances, class_of, lead
from simulator.local_time import days_from, local
from simulator.release import Table, release, tables_of
from simulator.restaurants import RESTAURANTS, Restaurant
from simulator.world import Origin, World


class Plan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to play: at `speed` F a table's days pass F times over, each F times as fast.

    The evening's release stays on the clock at any speed; only the lives of released tables shorten.
    """

    seed: int = 1
    speed: float = 1.0
    merchant_ids: tuple[int, ...] | None = None
    days_ahead: int = 7


class Turnover:
    """Plays a plan into a world. `now` gives epoch seconds."""

    def __init__(self, world: World, *, now: Callable[[], float]) -> None:
        self._world = world
        self._now = now
        self.plan: Plan | None = None
        self._stages: dict[int, _Stage] = {}

    def start(self, plan: Plan) -> None:
        """Play a plan from now on, in place of the one before."""
        self.stop()
        self.plan = plan

    def stop(self) -> None:
        """Stop, and close what turnover opened."""
        for slot in self._world.slots():
            if slot.origin is Origin.TURNOVER:
                self._world.close(slot)
        self.plan = None
        self._stages.clear()

    def catch_up(self, restaurant: Restaurant) -> None:
        """Let everything happen at a restaurant that was to happen until now."""
        if self.plan is None or not self._plays_at(self.plan, restaurant):
            return
        now = self._now()
        stage = self._stages.get(restaurant.merchant_id)
        if stage is None:
            stage = _Stage(self._world, restaurant, self.plan, since=now)
            self._stages[restaurant.merchant_id] = stage
        stage.advance(now)

    def catch_up_everywhere(self) -> None:
        for restaurant in RESTAURANTS.values():
            self.catch_up(restaurant)

    @staticmethod
    def _plays_at(plan: Plan, restaurant: Restaurant) -> bool:
        return plan.merchant_ids is None or restaurant.merchant_id in plan.merchant_ids


@dataclass(frozen=True, slots=True)
class _Opening:
    table: Table
    until: float


@dataclass(frozen=True, slots=True)
class _Closing:
    table: Table


@dataclass(frozen=True, slots=True)
class _Act:
    """One of the `speed` times that a table's days pass; number 0 is the last before its own time.

    A released table has its appearance in that one already.
    """

    table: Table
    number: int
    released: bool


class _Stage:
    """One restaurant's coming events, in order."""

    def __init__(self, world: World, restaurant: Restaurant, plan: Plan, *, since: float) -> None:
        self._world = world
        self._restaurant = restaurant
        self._plan = plan
        self._events: list[tuple[float, int, _Opening | _Closing | _Act]] = []
        self._sequence = 0
        self._next_day = local(int(since * 1000), restaurant.zone).date()
        self._until: dict[Table, float] = {}
        self._since = since

    def advance(self, now: float) -> None:
        """Everything up to `now` (epoch seconds), and the days that have come into sight."""
        last = local(int(now * 1000), self._restaurant.zone).date() + timedelta(days=self._plan.days_ahead)
        for day in days_from(self._next_day, (last - self._next_day).days + 1):
            self._plan_day(day)
            self._next_day = day + timedelta(days=1)
        while self._events and self._events[0][0] <= now:
            at, _sequence, event = heapq.heappop(self._events)
            match event:
                case _Opening(table, until):
                    self._open(table, until)
                case _Closing(table):
                    self._close(table, at)
                case _Act():
                    self._play(event)

    def _plan_day(self, day: date) -> None:
        released = release(self._restaurant, day, seed=self._plan.seed)
        released_tables = {table for _at, table in released}
        for table in tables_of(self._restaurant, day):
            deadline = table.reserved_ts / 1000
            left = deadline - self._since
            if left > 0:
                number = int(left / self._act_seconds())
                self._push(self._since, _Act(table, number, table in released_tables))
        for at, table in released:
            deadline = table.reserved_ts / 1000
            self._appear(table, at, deadline, table.chance(self._plan.seed, "released"))

    def _play(self, act: _Act) -> None:
        table = act.table
        ends = table.reserved_ts / 1000 - act.number * self._act_seconds()
        chance = table.chance(self._plan.seed, f"act {act.number}")
        appears = chance.random() < HABITS[class_of(table.minute)].appears
        if appears and not (act.released and act.number == 0):
            before = lead(chance, longest=self._act_seconds() * self._plan.speed) / self._plan.speed
            self._appear(table, ends - before, ends, chance)
        if act.number > 0:
            self._push(ends, replace(act, number=act.number - 1))

    def _appear(self, table: Table, first: float, deadline: float, chance: random.Random) -> None:
        habits = HABITS[class_of(table.minute)]
        speed = self._plan.speed
        for opens, closes in appearances(habits, chance, first=first, deadline=deadline, speed=speed):
            if closes > self._since:
                self._push(opens, _Opening(table, closes))

    def _open(self, table: Table, until: float) -> None:
        already = self._until.get(table, 0.0)
        self._until[table] = max(already, until)
        self._push(until, _Closing(table))
        type_id, type_name = self._restaurant.type_at(table.minute)
        key = table.reserved_ts, type_id, table.party_sizes
        if self._world.find(self._restaurant.merchant_id, table.day, key) is None:
            self._world.open(
                self._restaurant,
                table.reserved_ts,
                type_id=type_id,
                type_name=type_name,
                party_sizes=table.party_sizes,
                tables=1,
                origin=Origin.TURNOVER,
            )

    def _close(self, table: Table, at: float) -> None:
        if at < self._until.get(table, 0.0):
            return
        self._until.pop(table, None)
        type_id, _name = self._restaurant.type_at(table.minute)
        key = table.reserved_ts, type_id, table.party_sizes
        slot = self._world.find(self._restaurant.merchant_id, table.day, key)
        if slot is not None and slot.origin is Origin.TURNOVER:
            self._world.close(slot)

    def _act_seconds(self) -> float:
        return (self._plan.days_ahead + 1) * 86_400 / self._plan.speed

    def _push(self, at: float, event: _Opening | _Closing | _Act) -> None:
        self._sequence += 1
        heapq.heappush(self._events, (at, self._sequence, event))
