"""A guest, a restaurant, and the steps of the loop, taken one by one."""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from backend.db.queries import groups, runs, users
from backend.services import accounts, credentials
from backend.services.booking import attempt
from backend.services.delivery import Delivery, deliver
from backend.services.outbox import dispatch, relay
from backend.services.scan import Scan, scan
from backend.services.sessions import Client
from backend.services.verdict import Outcome
from backend.services.watches import NewWatch, make_watch
from backend.services.work import Work
from tests.conftest import Simulator
from workers.resources import Resources

PEACHTREE = 278258
PASADENA = 278270


@dataclass(frozen=True, slots=True)
class Look(Scan):
    """What a batch came to, and the ledger rows that it would have sent on."""

    work: Work = field(default_factory=Work)


@dataclass(frozen=True, slots=True)
class Loop:
    """Drives one step at a time, so that a test can stop, repeat or lose any of them."""

    r: Resources
    simulator: Simulator

    @property
    def day(self) -> date:
        """Three days ahead: tomorrow or the day after in every zone."""
        return (datetime.now(UTC) + timedelta(days=3)).date()

    async def guest(self, name: str = "alice") -> Any:
        """Somebody whose address is proven."""
        signed_in, ((mail_id, _),) = await accounts.sign_up(
            self.r.sessions,
            name=name.title(),
            email=f"{name}@guests.test",
            password="correct horse",
            client=Client(timedelta(days=1)),
        )
        async with self.r.sessions.begin() as session:
            await credentials.prove(session, signed_in.user.id, address=signed_in.user.email, admin_email=None)
            await session.execute(text("DELETE FROM notification_log WHERE id = :id"), {"id": mail_id})
        return signed_in.user

    async def watch(self, user: Any, location: str = "peachtree", **changes: Any) -> int:
        wish = {
            "location_key": location,
            "target_date": self.day,
            "party_size": 2,
            "time_start": time(18),
            "time_end": time(20),
            "auto_book": False,
            "first_name": user.name,
            "last_name": "Guest",
            "email": user.email,
            "phone": f"404555{user.id:04d}",
        }
        new = NewWatch(**{**wish, **changes})
        made = await make_watch(self.r.sessions, user, new, max_active=25, auto_book="on", now=datetime.now(UTC))
        return made.watch_id

    def open(self, *times: str, merchant: int = PEACHTREE, **options: Any) -> None:
        self.simulator.open(merchant, self.day.isoformat(), *times, **options)

    def close(self, *times: str, merchant: int = PEACHTREE) -> None:
        self.simulator.close(merchant, self.day.isoformat(), *times)

    async def lease(self) -> tuple[list[int], int]:
        """Make everything due and send it out with a run, as the dispatch tick does; returns group ids and run."""
        async with self.r.sessions.begin() as session:
            await session.execute(text("UPDATE scan_groups SET next_scan_at = now(), lease_until = NULL"))
            ids = [row.id for row in await groups.due(session, most=100)]
            run_id = await runs.start(session, tier="normal", groups=len(ids))
            await groups.lease(session, ids, run_id=run_id)
        return ids, run_id

    async def look(self) -> Look:
        """Look at everything, as one run."""
        return await self.look_at(*await self.lease())

    async def look_at(self, ids: Sequence[int], run_id: int) -> Look:
        """What a scan message does, but that its work is kept instead of sent on."""
        parts: list[Work] = []

        async def keep(work: Work) -> None:
            parts.append(work)

        result = await scan(
            self.r.sessions,
            self.r.wisely,
            ids,
            run_id,
            periods=self.r.periods,
            clock=lambda: datetime.now(UTC),
            send_on=keep,
        )
        messages = tuple(message for part in parts for message in part.messages)
        work = Work(messages, tuple(booking for part in parts for booking in part.bookings))
        parts_of_it = {part.name: getattr(result, part.name) for part in fields(Scan)}
        return Look(**{**parts_of_it, "completed": None}, work=work)

    async def book(self, booking_id: int, auto_book: str = "on") -> Outcome:
        return await attempt(
            self.r.sessions,
            self.r.wisely,
            booking_id,
            auto_book=auto_book,
            operators=self.r.settings.operators,
            now=datetime.now(UTC),
        )

    async def book_all(self, wanted: Sequence[int], auto_book: str = "on") -> list[Outcome]:
        """Attempt, and go on with whoever is next, until nobody is."""
        outcomes, queue = [], list(wanted)
        while queue:
            outcome = await self.book(queue.pop(0), auto_book)
            outcomes.append(outcome)
            queue += [booking_id for booking_id in outcome.work.bookings if booking_id not in queue]
        return outcomes

    async def send(self, notification_id: int, senders: Any = None, auto_book: str = "on") -> Delivery:
        return (await self.send_batch([notification_id], senders, auto_book=auto_book))[0]

    async def send_batch(
        self, ids: Sequence[int], senders: Any = None, sessions: Any = None, auto_book: str = "on"
    ) -> list[Delivery]:
        preparation = replace(
            self.r.preparation,
            sessions=sessions or self.r.sessions,
            senders=self.r.senders if senders is None else senders,
            public_url="http://tracker.test",
            auto_book=auto_book,
        )
        return await deliver(preparation, ids, send_on=self.dispatch)

    async def send_all(self) -> list[Delivery]:
        queued = await self.rows("SELECT id FROM notification_log WHERE status = 'queued' ORDER BY id")
        return [await self.send(row.id) for row in queued]

    async def dispatch(self, work: Any) -> bool:
        return await dispatch(self.r.sessions, self.r.jobs, work)

    async def relay(self) -> Any:
        return await relay(
            self.r.sessions, self.r.redis, self.r.jobs, operators=self.r.settings.operators, now=datetime.now(UTC)
        )

    async def queued(self, queue: str) -> int:
        """Messages waiting in Valkey."""
        return int(await self.r.redis.llen(f"dramatiq:{queue}"))

    async def rows(self, statement: str, **values: Any) -> Sequence[Any]:
        async with self.r.sessions() as session:
            return (await session.execute(text(statement), values)).all()

    async def one(self, statement: str, **values: Any) -> Any:
        rows = await self.rows(statement, **values)
        assert len(rows) == 1, rows
        return rows[0]

    async def execute(self, statement: str, **values: Any) -> None:
        async with self.r.sessions.begin() as session:
            await session.execute(text(statement), values)

    async def add_channel(self, user: Any, *, kind: str, address: str) -> None:
        async with self.r.sessions.begin() as session:
            await users.add_channel(session, user.id, kind=kind, address=address)


@pytest.fixture
def loop(resources: Resources, simulator: Simulator) -> Loop:
    return Loop(resources, simulator)
