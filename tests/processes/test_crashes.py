"""Four workers and two schedulers at work, while workers are killed: nothing wanted is lost, nothing is done twice."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.processes.conftest import running
from tests.processes.scene import Guest, Opening, Place, Scene
from tests.processes.system import System

WORKERS = {
    "messages-1": "book,notify",
    "messages-2": "book,notify",
    "looks-1": "scan,upkeep",
    "looks-2": "scan,upkeep",
}
ANY = "any"
KILLS = [ANY, ANY, ANY, "sending", "sending", "attempting", "attempting"]
CLOCKS = [f"{hour}:{minute:02d}" for hour in range(17, 22) for minute in (0, 15, 30, 45)]


@pytest.fixture(scope="module")
async def system(environment: dict[str, str], folder: Path) -> AsyncIterator[System]:
    async with running(environment, folder, workers=WORKERS, schedulers=2) as system:
        yield system


class Evening:
    """Tables come and go at some restaurants, and workers die, at random moments."""

    def __init__(self, scene: Scene, told_at: list[Place], booked_at: list[Place]) -> None:
        self.scene = scene
        self.told_at = told_at
        self.booked_at = booked_at
        self.days = [scene.day(3), scene.day(4)]
        # Open to the end.
        self.lasting: list[Opening] = []
        # How often each message was found under way right after a kill: so often it may come once more.
        self.under_way_at_a_kill: Counter[str] = Counter()
        self._endings: list[asyncio.Task[int]] = []
        self._is_over = False

    async def pass_by(self) -> None:
        others = [asyncio.create_task(self._tables()), asyncio.create_task(self._time())]
        try:
            for moment in random.sample(KILLS, len(KILLS)):
                await self._kill(moment)
        finally:
            self._is_over = True
            await asyncio.gather(*others, *self._endings)
        self.scene.system.revive()
        await self.scene.system.ready()

    async def _kill(self, moment: str) -> None:
        """At any moment, or when a mail or an attempt to book is under way, which at random would be rare."""
        await asyncio.sleep(random.uniform(0.5, 2))
        system = self.scene.system
        victims = [random.choice(list(WORKERS))]
        if moment != ANY:
            # Either of the two may have it in hand.
            victims = [name for name in WORKERS if name.startswith("messages")]
            for _ in range(60):
                if moment in {state for _, _, state in await self.scene.under_way()}:
                    break
                await asyncio.sleep(0.02)
        for name in victims:
            if name in system.pids:
                random.choice([system.kill, system.kill_inner])(name)
                self._endings.append(asyncio.create_task(system.ended(name)))
        rows = await self.scene.rows("SELECT message_id::text FROM notification_log WHERE status = 'sending'")
        self.under_way_at_a_kill.update(row["message_id"] for row in rows)

    async def _tables(self) -> None:
        clocks = {place.key: random.sample(CLOCKS, len(CLOCKS)) for place in self.told_at}
        closing: list[asyncio.Task[None]] = []
        while not self._is_over:
            place = random.choice(self.told_at)
            if clocks[place.key]:
                opening = self.scene.open(place, random.choice(self.days), clocks[place.key].pop())
                if random.random() < 0.5:
                    self.lasting.append(opening)
                else:
                    closing.append(asyncio.create_task(self._close_later(opening)))
            if random.random() < 0.5:
                self.scene.open(random.choice(self.booked_at), random.choice(self.days), random.choice(CLOCKS))
            await asyncio.sleep(random.uniform(0.2, 1))
        await asyncio.gather(*closing)

    async def _close_later(self, opening: Opening) -> None:
        await asyncio.sleep(random.uniform(1, 4))
        self.scene.close(opening)

    async def _time(self) -> None:
        """Time passes faster, and the supervisor starts again who died."""
        while not self._is_over:
            self.scene.system.revive()
            await self.scene.grow_old()
            await asyncio.sleep(0.5)


async def test_whoever_is_killed_everything_is_told_and_nobody_gets_two_tables(scene: Scene) -> None:
    readers, bookers = await scene.add_guests(6), await scene.add_guests(8)
    evening = Evening(scene, told_at=scene.places[:3], booked_at=scene.places[3:6])
    await scene.add_watches([(g, place, day) for g in readers for place in evening.told_at for day in evening.days])
    await scene.add_watches(
        [(g, place, day) for g in bookers for place in evening.booked_at for day in evening.days], auto_book=True
    )
    scene.answer_after(0.1, jitter=0.3)
    scene.take_mail_slowly(0.2)

    await evening.pass_by()
    for day in evening.days:
        scene.open(evening.booked_at[0], day, "19:20", tables=len(bookers))

    async def tables() -> int:
        live = "SELECT count(*) FROM bookings WHERE state IN ('booked', 'unknown')"
        return len(bookers) * len(evening.days) - int(await scene.value(live))

    async def mails() -> list[object]:
        return [*scene.untold(readers, evening.lasting), *await scene.unfinished()]

    await scene.until_none(tables, seconds=60, growing_old=True)
    await scene.until_none(mails, seconds=60, growing_old=True)
    await nothing_seen_was_passed_over(scene, readers)
    repeats = {message: count - 1 for message, count in scene.mails_per_message().items() if count > 1}
    allowed = {f"<{message}@tracker.test>": count for message, count in evening.under_way_at_a_kill.items()}
    assert all(count <= allowed.get(message, 0) for message, count in repeats.items()), (repeats, allowed)
    await bookings_are_one_a_meal_and_in_the_ledger(scene)


async def nothing_seen_was_passed_over(scene: Scene, readers: list[Guest]) -> None:
    """What a look wrote down, be it open for a second only, has a message that left, or came too late."""
    passed_over = await scene.rows(
        "SELECT w.id, d.id FROM watches w JOIN scan_groups g USING (location_key, target_date, party_size) "
        "JOIN slot_drops d ON d.group_id = g.id WHERE w.user_id = ANY($1::bigint[]) AND NOT EXISTS ("
        "SELECT 1 FROM notification_log n JOIN notification_items i ON i.notification_id = n.id "
        "WHERE n.watch_id = w.id AND i.drop_id = d.id AND n.status IN ('sent', 'expired'))",
        [guest.id for guest in readers],
    )
    assert passed_over == []


async def bookings_are_one_a_meal_and_in_the_ledger(scene: Scene) -> None:
    booked = scene.simulator.bookings
    assert max(Counter((b["body"]["phone"], b["local"][:10]) for b in booked).values()) == 1
    rows = await scene.rows("SELECT phone, reserved_ts, state FROM bookings WHERE state IN ('booked', 'unknown')")
    ledger = {(row["phone"], row["reserved_ts"]): row["state"] for row in rows}
    real = {(b["body"]["phone"], b["reserved_ts"]) for b in booked}
    assert real <= set(ledger), "a table that nobody knows of"
    assert {guest for guest, state in ledger.items() if state == "booked"} <= real, "a table that does not exist"
    silent = await scene.rows(
        "SELECT b.id, b.state FROM bookings b WHERE b.state IN ('booked', 'unknown') AND (SELECT count(*) "
        "FROM notification_log n WHERE n.booking_id = b.id AND n.status = 'sent' AND n.kind <> 'table_open') "
        "< CASE b.state WHEN 'unknown' THEN 2 ELSE 1 END"
    )
    assert silent == [], "the guest, or of an unknown outcome the operator, was not told"


async def test_workers_that_are_asked_to_stop_finish_what_they_have_in_hand(scene: Scene) -> None:
    scene.answer_after(0.8)
    scene.take_mail_slowly(0.8)
    opening = scene.open(scene.places[0], scene.day(3), "19:00")
    scene.open(scene.places[1], scene.day(3), "19:00")
    readers, (booker,) = await scene.add_guests(20), await scene.add_guests(1)
    await scene.add_watches([(reader, scene.places[0], scene.day(3)) for reader in readers])
    await scene.add_watches([(booker, scene.places[1], scene.day(3))], auto_book=True)

    async def messages_and_a_booking_under_way() -> set[str]:
        return {"sending", "attempting"} - {state for _, _, state in await scene.under_way()}

    await scene.until_none(messages_and_a_booking_under_way)
    for name in WORKERS:
        scene.system.ask_to_stop(name)
    codes = [await scene.system.ended(name) for name in WORKERS]
    left = await scene.under_way()
    scene.system.revive()

    async def mails() -> list[object]:
        return [*scene.untold(readers, [opening]), *await scene.unfinished()]

    await scene.until_none(mails, growing_old=True)
    assert codes == [0] * len(WORKERS)
    assert left == []
    assert set(scene.mails_per_message().values()) == {1}
    assert len(scene.simulator.bookings) == 1
