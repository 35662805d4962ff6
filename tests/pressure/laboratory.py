"""The watch loop in a test's hand: stopped between any two steps, and looked at from outside."""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from backend.services.settlement import Verdict, cancel_booking, settle_by_guest, settle_by_operator
from tests.conftest import Simulator, fill_budget
from tests.pressure import outside
from tests.pressure.gates import Clock, Held, Moment, hold, with_gates
from tests.pressure.passing_time import forget_work
from tests.pressure.worker import QUEUES, Worker
from tests.services.conftest import Loop
from workers.resources import Resources

# The relay's next tick; a look's lease and unclaimed messages; the lease of an attempt to book; that of a message. Then
# the waits between the tries of a message, the longest of which is eight minutes.
_PAUSES = (11, 61, 25, 61, 300, 300, 300)

# What an active watch was matched with: it was told of all that is open. A changed watch is matched by the next look.
_MATCHED = """
    SELECT w.id AS watch_id, d.id AS drop_id, w.auto_book
    FROM watches w JOIN locations l ON l.key = w.location_key
    JOIN scan_groups g USING (location_key, target_date, party_size) JOIN slot_drops d ON d.group_id = g.id
    WHERE w.status = 'active' AND NOT w.needs_match AND d.gone_at IS NULL
      AND (to_timestamp(d.reserved_ts / 1000.0) AT TIME ZONE l.timezone)::time BETWEEN w.time_start AND w.time_end
"""
# After a first try and three more.
_FAILED = """
    SELECT n.watch_id, i.drop_id FROM notification_items i JOIN notification_log n ON n.id = i.notification_id
    WHERE n.status = 'failed' AND n.attempts = 4
"""
_LOST_SENDERS = "SELECT id FROM notification_log WHERE status = 'sending' AND lease_until < now()"
_IS_QUIET = """
    SELECT NOT EXISTS (SELECT 1 FROM notification_log WHERE status IN ('queued', 'sending'))
       AND NOT EXISTS (SELECT 1 FROM bookings WHERE state IN ('wanted', 'attempting'))
       AND NOT EXISTS (SELECT 1 FROM scan_groups WHERE next_scan_at <= now() OR lease_until IS NOT NULL) AS is_quiet
"""


@dataclass
class Laboratory:
    """The loop, its worker, who is held, and what was promised so far."""

    loop: Loop
    worker: Worker
    clock: Clock
    held: list[Held] = field(default_factory=list)
    dead: list[Held] = field(default_factory=list)
    owed: set[tuple[int, int]] = field(default_factory=set)
    chances: set[tuple[int, int]] = field(default_factory=set)
    lost_senders: list[int] = field(default_factory=list)
    dropped_mails: int = 0

    async def start_anew(self) -> None:
        """No watches, no work, nothing open; the same guests."""
        await self.end_all()
        for seen in (self.owed, self.chances, self.lost_senders):
            seen.clear()
        self.dropped_mails = 0
        await forget_work(self.loop.r.engine)
        await self.loop.r.redis.flushdb()
        await fill_budget(self.loop.r.redis)
        self.loop.simulator.send("POST", "/control/reset")

    async def end_all(self) -> None:
        everybody = [*self.held, *self.dead]
        for one in everybody:
            one.task.cancel()
        await asyncio.gather(*(one.task for one in everybody), return_exceptions=True)
        self.held.clear()
        self.dead.clear()

    async def ask_for_looks(self) -> None:
        """Make every group due that nobody looks at, and send the looks out."""
        await self.loop.execute(
            "UPDATE scan_groups SET next_scan_at = now() WHERE lease_until IS NULL OR lease_until < now()"
        )
        await fill_budget(self.loop.r.redis)
        await self.worker.tick("scan_due_groups")

    async def look(self) -> None:
        await self.ask_for_looks()
        await self.worker.drain(["scan"])

    async def begin(self, queue: str, place: int, moment: Moment) -> None:
        """Start on a waiting message, up to its call to the outside, if there is one and it gets there."""
        waiting = await self.worker.waiting(queue)
        if waiting:
            held = await hold(self.worker, await self.worker.take(queue, place % len(waiting)), moment)
            if held is not None:
                self.held.append(held)

    async def go_on(self, place: int = 0) -> None:
        """Let one of those who are held end its work."""
        await self.held.pop(place).go_on()

    def die(self, place: int = 0) -> None:
        """Let one of those who are held never do anything again."""
        self.dead.append(self.held.pop(place))

    async def change(self, watch_id: int, changes: str) -> None:
        """Change a watch as its guest would: it is matched anew, and its group is due."""
        for promised in (self.owed, self.chances):
            promised -= {pair for pair in promised if pair[0] == watch_id}
        await self.loop.execute(
            f"UPDATE watches SET {changes}, needs_match = true, updated_at = now() WHERE id = :id", id=watch_id
        )
        await self.loop.execute(
            "UPDATE scan_groups SET next_scan_at = least(coalesce(next_scan_at, now()), now()) FROM watches w "
            "WHERE w.id = :id AND (w.location_key, w.target_date, w.party_size) "
            "= (scan_groups.location_key, scan_groups.target_date, scan_groups.party_size)",
            id=watch_id,
        )

    async def settle_unknown(self, nth: int, *, by_guest: bool) -> None:
        """Somebody calls the restaurant about an unclear booking, and says what they hear.

        Not while a call may still be on its way there.
        """
        rows = await self.loop.rows("SELECT id, user_id FROM bookings WHERE state = 'unknown' ORDER BY id")
        if not rows or self.held:
            return
        row = rows[nth % len(rows)]
        verdict: Verdict = "booked" if await outside.has_table(self.loop, row.id) else "not_booked"
        how: Any = {"note": None, "operators": self.loop.r.settings.operators, "now": datetime.now(UTC)}
        if by_guest:
            await settle_by_guest(self.loop.r.sessions, row.id, verdict, user_id=row.user_id, **how)
        else:
            await settle_by_operator(self.loop.r.sessions, row.id, verdict, **how)

    async def cancel_booking(self, nth: int) -> None:
        """A guest gives a table back."""
        rows = await self.loop.rows("SELECT id, user_id FROM bookings WHERE state = 'booked' ORDER BY id")
        if rows:
            row = rows[nth % len(rows)]
            await cancel_booking(self.loop.r.sessions, row.id, user_id=row.user_id, now=datetime.now(UTC))

    async def relay(self) -> None:
        self.lost_senders += [row.id for row in await self.loop.rows(_LOST_SENDERS)]
        await self.worker.tick("relay_outbox")

    async def lose_messages(self, *, everything: bool) -> None:
        redis = self.loop.r.redis
        if everything:
            await redis.flushdb()
            await fill_budget(redis)
        else:
            await redis.delete(*(f"dramatiq:{queue}" for queue in QUEUES), *(f"dramatiq:{q}.msgs" for q in QUEUES))

    async def remember(self) -> None:
        """Note what active watches have to hear of by now."""
        for row in await self.loop.rows(_MATCHED):
            self.owed.add((row.watch_id, row.drop_id))
            if row.auto_book:
                self.chances.add((row.watch_id, row.drop_id))

    async def contradictions(self) -> list[str]:
        """What must not be at any moment, with the number of times that each message may have come."""
        found = await outside.contradictions(self.loop)
        for message_id, times in (await outside.mails_by_message(self.loop)).items():
            if times > 1 + self.lost_senders.count(message_id) + self.dropped_mails:
                found.append(f"message {message_id} came {times} times")
        return found

    async def calm(self) -> None:
        """All trouble ends, and whoever is held goes on."""
        for path in ("/control/trouble", "/control/mailbox/trouble"):
            self.loop.simulator.send("DELETE", path)
        while self.held:
            await self.go_on()

    async def settle(self) -> None:
        """Time passes, and the product works on with nothing but its ticks and queues, until nothing is left to do."""
        for seconds in _PAUSES:
            await self.clock.skip(seconds)
            await self.relay()
            await self.worker.tick("scan_due_groups")
            await self.worker.drain()
            await self.remember()
            if (await self.loop.one(_IS_QUIET)).is_quiet:
                return

    async def loose_ends(self) -> list[str]:
        """What must not be after everything was settled."""
        found = await outside.loose_ends(self.loop, owed=self.owed, operators=self.loop.r.settings.operators)
        rows = await self.loop.rows("SELECT watch_id, drop_id FROM bookings")
        for watch_id, drop_id in sorted(self.chances - {(row.watch_id, row.drop_id) for row in rows}):
            found.append(f"watch {watch_id} never had a chance to book drop {drop_id}")
        named = await outside.named_openings(self.loop)
        failed = {(row.watch_id, row.drop_id) for row in await self.loop.rows(_FAILED)}
        matched = {(row.watch_id, row.drop_id) for row in await self.loop.rows(_MATCHED)}
        for watch_id, drop_id in sorted(matched - named - failed - await outside.needless(self.loop)):
            found.append(f"watch {watch_id} wants drop {drop_id}, which is open, and no mail has said so")
        return found


def build_laboratory(resources: Resources, simulator: Simulator) -> Laboratory:
    gated, clock = with_gates(resources)
    return Laboratory(Loop(gated, simulator), Worker(gated), clock)
