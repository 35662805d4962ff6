"""What is open: built from the looks of the workers, once for everybody, and never by a call upstream."""

import asyncio
import gzip
import hashlib
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from backend.db.base import Sessions
from backend.db.queries import availability, groups

MAX_DAYS = 21
FRESH_SECONDS = 5.0
# Older than fresh it is handed out while a new one is built; older than this, people wait for the new one.
STALE_SECONDS = 15.0
_KEPT = 8


@dataclass(frozen=True, slots=True)
class Grid:
    """A finished answer, as it is and gzipped. `built_at` is seconds of the process's clock."""

    body: bytes
    packed: bytes
    etag: str
    built_at: float


class Availability:
    """Keeps the last few answers of a process, by party size and days."""

    def __init__(self, sessions: Sessions, *, usual_sizes: Sequence[int]) -> None:
        self._sessions = sessions
        self._usual_sizes = usual_sizes
        self._kept: OrderedDict[tuple[int, int], Grid] = OrderedDict()
        self._building: dict[tuple[int, int], asyncio.Task[Grid]] = {}

    async def grid(self, *, party_size: int, days: int, now: datetime) -> Grid:
        """The answer for a party size and the next `days`; a few seconds old at most."""
        key = (party_size, days)
        kept = self._kept.get(key)
        age = time.monotonic() - kept.built_at if kept else STALE_SECONDS
        if kept is not None and age < FRESH_SECONDS:
            return kept
        building = self._building.get(key)
        if building is None:
            building = self._building[key] = asyncio.create_task(self._build(party_size, days, now))
            building.add_done_callback(lambda done: self._finish(key, done))
        if kept is not None and age < STALE_SECONDS:
            return kept
        return await asyncio.shield(building)

    def _finish(self, key: tuple[int, int], done: asyncio.Task[Grid]) -> None:
        del self._building[key]
        if not done.cancelled():
            # Whoever waits for it raises it; when nobody does, the next caller builds again.
            done.exception()

    async def _build(self, party_size: int, days: int, now: datetime) -> Grid:
        async with self._sessions.begin() as session:
            # It is on somebody's screen: looked at first when it is old, and made when nobody had asked for it yet.
            if party_size not in self._usual_sizes:
                await groups.fill_browse(session, days=days, party_sizes=[party_size], now=now)
            await groups.ask(session, days=days, party_size=party_size, now=now)
        async with self._sessions() as session:
            locations, scanned_at, first_day = await availability.grid(
                session, party_size=party_size, days=days, now=now
            )
        head = {
            "dates": [first_day + timedelta(days=ahead) for ahead in range(days)],
            "scanned_at": scanned_at,
            "party_size": party_size,
            "source": "cache",
        }
        body = msgspec.json.encode(head)[:-1] + b',"locations":' + locations.encode() + b"}"
        packed = await asyncio.to_thread(gzip.compress, body, 5)
        grid = Grid(body, packed, f'"{hashlib.sha256(body).hexdigest()[:32]}"', time.monotonic())
        self._kept[(party_size, days)] = grid
        self._kept.move_to_end((party_size, days))
        while len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        return grid
