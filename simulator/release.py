"""The tables that a restaurant may have on a day, and those it releases at 17:00 the day before."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import date, timedelta

from simulator.lives import HABITS, class_of
from simulator.local_time import instant_of
from simulator.restaurants import DINNER, LUNCH, Restaurant

RELEASE_MINUTE = 17 * 60
"""Tables for the next day are released at 17:00 restaurant time."""

RELEASE_SECONDS = 75 * 60
FEWEST_RELEASED, MOST_RELEASED, USUALLY_RELEASED = 2, 21, 17
_PROMPT_SHARE = 0.5
_LARGE_PARTIES_EVERY = 3


@dataclass(frozen=True, slots=True)
class Table:
    """A time that may come up: a quarter-hour of a local day, for a range of party sizes."""

    restaurant: Restaurant
    day: date
    minute: int
    party_sizes: tuple[int, ...]

    @property
    def reserved_ts(self) -> int:
        return instant_of(self.day, self.minute, self.restaurant.zone)

    def chance(self, seed: int, part: str) -> random.Random:
        """A source of chance of its own, so that no table depends on another's."""
        sizes = ",".join(map(str, self.party_sizes))
        merchant_id = self.restaurant.merchant_id
        return random.Random(f"{seed}/{merchant_id}/{self.day}/{self.minute}/{sizes}/{part}")


def party_bands(restaurant: Restaurant) -> list[tuple[int, ...]]:
    """Parties of 1-2 and 3-4 everywhere, 5-6 at every third restaurant."""
    bands: list[tuple[int, ...]] = [(1, 2), (3, 4)]
    return [*bands, (5, 6)] if restaurant.merchant_id % _LARGE_PARTIES_EVERY == 0 else bands


def tables_of(restaurant: Restaurant, day: date) -> list[Table]:
    """Every table that may come up on a local day."""
    return [
        Table(restaurant, day, minute, sizes)
        for service in (LUNCH, DINNER)
        for minute in service.grid()
        for sizes in party_bands(restaurant)
    ]


def release(restaurant: Restaurant, day: date, *, seed: int) -> list[tuple[float, Table]]:
    """What the restaurant releases for `day` at 17:00 of the day before: (epoch seconds, table), in order.

    Two to 21 tables within 75 minutes: one within the first minute, half of them within five.
    """
    chance = random.Random(f"{seed}/{restaurant.merchant_id}/{day}/release")
    begins = instant_of(day - timedelta(days=1), RELEASE_MINUTE, restaurant.zone) / 1000
    count = round(chance.triangular(FEWEST_RELEASED, MOST_RELEASED, USUALLY_RELEASED))
    tables = tables_of(restaurant, day)
    sizes: dict[str, int] = {}
    for table in tables:
        sizes[class_of(table.minute)] = sizes.get(class_of(table.minute), 0) + 1

    def rank(table: Table) -> float:
        time_class = class_of(table.minute)
        weight = HABITS[time_class].released / sizes[time_class]
        return float(chance.expovariate(weight))

    chosen = sorted(tables, key=rank)[:count]
    delays = [chance.uniform(0, 50)]
    for _ in chosen[1:]:
        prompt = chance.random() < _PROMPT_SHARE
        delays.append(chance.uniform(1, 300 if prompt else RELEASE_SECONDS))
    return sorted(
        ((begins + delay, table) for delay, table in zip(delays, chosen, strict=True)),
        key=lambda one: one[0],
    )
