"""What a test does to the running product from outside, and what it sees: restaurants, mailbox and ledgers."""

import asyncio
import os
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock_time
from typing import Any
from zoneinfo import ZoneInfo

import asyncpg
from redis.asyncio import Redis

from backend.db.base import open_engine
from backend.db.insist import insist
from backend.db.queries.groups import LEASE as LOOK_LEASE
from backend.local.server import ServerProcess
from tests.conftest import Simulator, empty_database
from tests.processes.system import System

QUEUES = ("scan", "notify", "book", "upkeep")
DINNER = (clock_time(17), clock_time(22))
_QUIET_SECONDS = 6.0
# Nobody who lives works so long on one thing, not even on a busy machine.
_TOO_LONG = {"message": timedelta(seconds=7), "booking": timedelta(seconds=10), "look": timedelta(seconds=5)}


@dataclass(frozen=True, slots=True)
class Place:
    """A restaurant where booking for guests is allowed."""

    key: str
    merchant_id: int
    slug: str
    timezone: str

    @property
    def soon(self) -> date:
        """A day here that is not over for half a day at least, and has begun or begins within half a day."""
        return (datetime.now(ZoneInfo(self.timezone)) + timedelta(hours=12)).date()


@dataclass(frozen=True, slots=True)
class Guest:
    id: int
    email: str
    phone: str


@dataclass(frozen=True, slots=True)
class Opening:
    """A table that was opened."""

    place: Place
    day: date
    clock: str
    reserved_ts: int

    def is_told_by(self, mail: dict[str, Any]) -> bool:
        """True when the mail has the link at which this very table can be booked."""
        return any(
            f"/{self.place.slug}?" in line and f"search_ts={self.reserved_ts}&" in line
            for line in mail["text"].splitlines()
        )


@dataclass(slots=True)
class Scene:
    """The running product with its surroundings. SQL goes over a new connection each: Postgres may be restarted."""

    system: System
    simulator: Simulator
    postgres: ServerProcess
    valkey: ServerProcess
    database_url: str
    redis: Redis
    places: list[Place]

    # Ledgers

    async def rows(self, statement: str, *values: Any) -> list[Any]:
        connection = await asyncpg.connect(self.database_url)
        try:
            return list(await connection.fetch(statement, *values))
        finally:
            await connection.close()

    async def value(self, statement: str, *values: Any) -> Any:
        ((value,),) = await self.rows(statement, *values)
        return value

    async def execute(self, statement: str, *values: Any) -> None:
        await self.rows(statement, *values)

    # Guests and tables

    def day(self, ahead: int) -> date:
        """A day that is in the future in every zone; `ahead` from 3 on."""
        return (datetime.now(UTC) + timedelta(days=ahead)).date()

    async def add_guests(self, count: int) -> list[Guest]:
        rows = await self.rows(
            "INSERT INTO users (email, name) SELECT 'guest-' || n || '@guests.test', 'Guest ' || n "
            "FROM generate_series((SELECT count(*) FROM users) + 1, (SELECT count(*) FROM users) + $1) n "
            "RETURNING id, email",
            count,
        )
        await self.execute(
            "INSERT INTO channels (user_id, kind, address, verified_at) "
            "SELECT id, 'email', email, now() FROM users WHERE id = ANY($1::bigint[])",
            [row["id"] for row in rows],
        )
        return [Guest(row["id"], row["email"], f"404555{row['id']:04d}") for row in rows]

    async def add_watches(
        self,
        wishes: Sequence[tuple[Guest, Place, date]],
        *,
        auto_book: bool = False,
        party_size: int = 2,
        window: tuple[clock_time, clock_time] = DINNER,
    ) -> None:
        """Watches, each group of them due at once."""
        guests = [guest for guest, _, _ in wishes]
        keys, days = [place.key for _, place, _ in wishes], [day for _, _, day in wishes]
        await self.execute(
            "INSERT INTO scan_groups (location_key, target_date, party_size, next_scan_at) "
            "SELECT DISTINCT key, day, $3::int, now() FROM unnest($1::text[], $2::date[]) AS w(key, day) "
            "ON CONFLICT DO NOTHING",
            keys,
            days,
            party_size,
        )
        await self.execute(
            "INSERT INTO watches (user_id, location_key, party_size, target_date, time_start, time_end, auto_book, "
            "book_first_name, book_last_name, book_email, book_phone) "
            "SELECT user_id, key, $6::int, day, $7, $8, $9, 'Some', 'Guest', email, phone "
            "FROM unnest($1::bigint[], $2::text[], $3::date[], $4::text[], $5::text[]) "
            "AS w(user_id, key, day, email, phone)",
            [guest.id for guest in guests],
            keys,
            days,
            [guest.email for guest in guests],
            [guest.phone for guest in guests],
            party_size,
            *window,
            auto_book,
        )

    async def add_groups(self, count: int) -> None:
        """So many groups that are due, at restaurants and days of their own: from the tenth day ahead on."""
        (guest,) = await self.add_guests(1)
        wishes = [(guest, place, self.day(ahead)) for ahead in range(10, 29) for place in self.places]
        assert count <= len(wishes)
        await self.add_watches(wishes[:count])

    async def add_urgent_groups(self, count: int) -> None:
        """So many groups that are due and go before all others, at every restaurant's next day."""
        (guest,) = await self.add_guests(1)
        window = (clock_time(0), clock_time(23, 59))
        wishes = [(guest, place, place.soon) for place in self.places]
        for party_size in range(1, 1 + count // len(wishes)):
            await self.add_watches(wishes, party_size=party_size, window=window)
        await self.execute("UPDATE scan_groups SET tier = 'urgent'")

    def open(self, place: Place, day: date, clock: str, *, tables: int = 1) -> Opening:
        body = {"merchant_id": place.merchant_id, "date": day.isoformat(), "times": [clock], "party_sizes": [2]}
        answer = self.simulator.send("POST", "/control/slots/open", {**body, "tables": tables})
        return Opening(place, day, clock, answer["opened"][0]["reserved_ts"])

    def close(self, opening: Opening) -> None:
        self.simulator.close(opening.place.merchant_id, opening.day.isoformat(), opening.clock)

    def answer_after(self, seconds: float, *, jitter: float = 0.0) -> None:
        """How long the reservation service takes for each answer."""
        self.simulator.send("POST", "/control/latency", {"seconds": seconds, "jitter_seconds": jitter})

    def take_mail_slowly(self, seconds: float) -> None:
        """So that mails are found under way, and others behind them."""
        self.simulator.send("POST", "/control/mailbox/trouble", {"kind": "slow", "stage": "data", "seconds": seconds})

    # What is seen

    @property
    def statistics(self) -> dict[str, Any]:
        found: dict[str, Any] = self.simulator.get("/control/statistics?timestamps=true")
        return found

    def assert_within_the_cap(self) -> None:
        """Ten at once and ten in a second, and one for a call that was late on its way."""
        seen = self.statistics
        at = [round(call["seconds"], 2) for call in seen["timestamps"]]
        assert seen["most_at_once"] <= 10, f"calls at {at}"
        assert seen["most_in_sliding_second"] <= 11, f"calls at {at}"

    def mails_per_message(self) -> Counter[str]:
        return Counter(mail["message_id"] for mail in self.simulator.mails)

    def times_told(self, guests: Sequence[Guest], openings: Sequence[Opening]) -> dict[tuple[str, str, str], int]:
        """How many mails about each opening each guest has, by address, restaurant and time."""
        told = Counter(
            (address, opening)
            for mail in self.simulator.mails
            for opening in openings
            if opening.is_told_by(mail)
            for address in mail["to"]
        )
        return {
            (guest.email, opening.place.key, opening.clock): told[guest.email, opening]
            for guest in guests
            for opening in openings
        }

    def untold(self, guests: Sequence[Guest], openings: Sequence[Opening]) -> list[tuple[str, str, str]]:
        """Guests who have no mail about an opening."""
        return [missing for missing, times in self.times_told(guests, openings).items() if not times]

    async def unfinished(self) -> list[tuple[str, int, str]]:
        """Messages and attempts to book that still have something before them, as (what, id, state).

        Not what is wanted: a chance of somebody who has a table may lie there until it lapses after two minutes.
        """
        return [
            tuple(row)
            for row in await self.rows(
                "SELECT 'message', id, status FROM notification_log WHERE status IN ('queued', 'sending') "
                "UNION ALL SELECT 'booking', id, state FROM bookings WHERE state = 'attempting'"
            )
        ]

    async def under_way(self) -> list[tuple[str, int, str]]:
        """Messages and attempts to book that a worker has in hand."""
        return [found for found in await self.unfinished() if found[2] != "queued"]

    async def until_none(
        self, missing: Callable[[], Awaitable[object]], *, seconds: float = 30, growing_old: bool = False
    ) -> None:
        """Wait until nothing is missing any more, or fail and show what is. `growing_old`: time passes faster."""
        deadline = time.monotonic() + seconds
        next_growth = 0.0
        while found := await missing():
            assert time.monotonic() < deadline, f"after {seconds:g} s still missing: {found}"
            if growing_old and time.monotonic() >= next_growth:
                await self.grow_old()
                next_growth = time.monotonic() + 1
            await asyncio.sleep(0.05)

    async def stands_still(self, seconds: float) -> None:
        """Nobody calls the reservation service for so long."""
        before, until = self.statistics["requests"], time.monotonic() + seconds
        while time.monotonic() < until:
            assert self.statistics["requests"] == before, "somebody called"
            await asyncio.sleep(0.05)

    # What befalls it

    async def grow_old(self) -> None:
        """Let time pass faster for what lies about, as if a minute or two had gone by.

        A message, an attempt or a look whose worker was killed is taken up again when its lease is over, after 60 to
        120 seconds, and one whose message to the workers was lost when it was dispatched a minute ago. Here that comes
        after some seconds, which are still far more than a worker that lives takes.
        """
        await self.execute(
            "UPDATE notification_log n SET lease_until = now() - interval '1 second' WHERE status = 'sending' "
            "AND EXISTS (SELECT 1 FROM notification_attempts a WHERE a.notification_id = n.id "
            "AND a.number = n.attempts AND a.started_at < now() - $1::interval)",
            _TOO_LONG["message"],
        )
        await self.execute(
            "UPDATE bookings SET lease_until = now() - interval '1 second' "
            "WHERE state = 'attempting' AND attempted_at < now() - $1::interval",
            _TOO_LONG["booking"],
        )
        await self.execute(
            "UPDATE scan_groups SET lease_until = now() - interval '1 second', "
            "next_scan_at = now() - interval '1 second' "
            "WHERE lease_until BETWEEN now() AND now() + $1::interval - $2::interval",
            LOOK_LEASE,
            _TOO_LONG["look"],
        )
        for table, waiting in (("notification_log", "status = 'queued'"), ("bookings", "state = 'wanted'")):
            await self.execute(
                f"UPDATE {table} SET dispatched_at = dispatched_at - interval '60 seconds' "
                f"WHERE {waiting} AND dispatched_at < now() - $1::interval",
                _TOO_LONG["message"],
            )

    @contextmanager
    def simulator_frozen(self) -> Iterator[None]:
        """Calls and mails that come meanwhile arrive at the end of the block."""
        os.kill(self.simulator.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self.simulator.pid, signal.SIGCONT)

    async def fill_budget(self, calls: int) -> None:
        """As if the budget had been up for long and had saved up so many calls."""
        clock, _ = await self.redis.time()
        full = {"tokens": calls, "browse": 0, "at": clock * 1000, "born": 0, "failures": 0, "opened": 0}
        await self.redis.delete("budget:state")
        await self.redis.hset("budget:state", mapping=full)

    @asynccontextmanager
    async def without(self, server: ServerProcess, how: str) -> AsyncIterator[None]:
        """Stop a server in an orderly way, or kill it; start it again at the end of the block."""
        if how == "killed":
            assert server.pid is not None
            os.kill(server.pid, signal.SIGKILL)
        await asyncio.to_thread(server.stop)
        try:
            yield
        finally:
            # In this thread, the main one: with the end of another the kernel would end the server too.
            server.start()

    async def begin_anew(self) -> None:
        """An empty database and an empty Valkey, under processes that live and have nothing to do."""
        await self.execute("UPDATE switches SET is_on = false")
        deadline = time.monotonic() + _QUIET_SECONDS
        while self.system.has_workers and not await self._is_quiet():
            if time.monotonic() > deadline:
                for name in self.system.names:
                    self.system.kill(name)
                break
            await asyncio.sleep(0.05)
        engine = open_engine(self.database_url, pool_size=1, name="tests")
        # A tick's work may stand in the way for a moment.
        await insist(lambda: empty_database(engine))
        await engine.dispose()
        await self.redis.flushall()
        self.system.revive()
        await self.system.ready()
        await self.fill_budget(1000)
        self.system.mark()

    async def _is_quiet(self) -> bool:
        """No message waits or is worked on: dramatiq keeps one until it is done."""
        waiting = [await self.redis.hlen(f"dramatiq:{queue}.msgs") for queue in QUEUES]
        return not any(waiting)
