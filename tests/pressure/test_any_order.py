"""Whatever happens, in whatever order: nobody is told or booked twice, and nobody is forgotten."""

import asyncio
import sys
from collections.abc import Callable, Coroutine, Sequence
from datetime import time
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from backend.settings import Settings
from tests.conftest import Simulator, empty_database
from tests.pressure.laboratory import Laboratory, build_laboratory
from tests.services.conftest import PASADENA, PEACHTREE
from workers.resources import open_resources

# Ann and Cat share a telephone number.
GUESTS = ("ann", "bob", "cat")
PHONES = ("4045550101", "4045550102", "4045550101")
PLACES = (("peachtree", PEACHTREE), ("houston_s_pasadena", PASADENA))
TIMES = ("13:00", "18:30", "19:00", "19:30")
WINDOWS = {
    "evening": (time(18), time(20)),
    "seven": (time(19), time(19)),
    "all day": (time(12), time(22)),
}
CHANGES = {
    "pause": "status = 'paused'",
    "resume": "status = 'active'",
    "cancel": "status = 'cancelled'",
    "narrow": "time_start = '19:00', time_end = '19:00'",
    "widen": "time_start = '12:00', time_end = '22:00'",
    "book": "auto_book = true",
    "only tell": "auto_book = false",
}
BACK_AND_FORTH = (("pause", "resume"), ("narrow", "widen"), ("only tell", "book"))
TROUBLES = {
    "booking": ("refuse", "500", "accept-and-drop", "accept-and-500", "reset"),
    "inventory": ("500", "cut-json", "reset"),
    "mail": ("refuse", "drop-after-accepting"),
}

# Indices are drawn from a fixed range and wrapped: what is drawn must not depend on what happened.
nth = st.integers(0, 5)
places = st.sampled_from(PLACES)
clocks = st.sampled_from(TIMES)
moments = st.sampled_from(("before", "after"))
wishes = st.tuples(nth, places, st.sampled_from(sorted(WINDOWS)), st.booleans())
tables = st.tuples(places, clocks, st.integers(1, 2))


class AnyOrder(RuleBasedStateMachine):
    """The rules are what guests, restaurants, networks and machines do."""

    def __init__(self, run: Callable[[Coroutine[Any, Any, Any]], Any], lab: Laboratory, guests: Sequence[Any]) -> None:
        super().__init__()
        self.run = run
        self.lab = lab
        self.guests = guests
        run(lab.start_anew())

    @initialize()
    def begin_with_watches_and_tables(self) -> None:
        here, there = PLACES
        for wish in ((0, here, "all day", True), (1, here, "all day", False), (2, there, "evening", True)):
            self.make_watch(wish)
        for table in ((here, "19:00", 1), (here, "18:30", 2), (there, "19:00", 1)):
            self.open_table(table, False)
        self.look()

    @rule(wish=wishes)
    def make_watch(self, wish: Any) -> None:
        guest, place, window, auto_book = wish
        number = guest % len(GUESTS)
        start, end = WINDOWS[window]
        details = {"time_start": start, "time_end": end, "auto_book": auto_book, "phone": PHONES[number]}
        self.run(self.lab.loop.watch(self.guests[number], place[0], **details))

    @rule(watch=nth, change=st.sampled_from(sorted(CHANGES)))
    def change_watch(self, watch: int, change: str) -> None:
        self.run(self._change(watch, change))

    @rule(watch=nth, changes=st.sampled_from(BACK_AND_FORTH), queue=st.sampled_from(("notify", "book")))
    def change_watch_for_a_while(self, watch: int, changes: tuple[str, str], queue: str) -> None:
        self.run(self._change(watch, changes[0]))
        self.run(self.lab.worker.drain([queue]))
        self.run(self._change(watch, changes[1]))

    @rule(table=tables, look=st.booleans())
    def open_table(self, table: Any, look: bool) -> None:
        place, clock, number = table
        self.lab.loop.open(clock, merchant=place[1], tables=number)
        if look:
            self.look()

    @rule(place=places, clock=clocks, look=st.booleans())
    def close_table(self, place: Any, clock: str, look: bool) -> None:
        self.lab.loop.close(clock, merchant=place[1])
        if look:
            self.look()

    @rule()
    def look(self) -> None:
        self.run(self.lab.look())

    @rule(moment=moments)
    def begin_a_look(self, moment: Any) -> None:
        self.run(self.lab.ask_for_looks())
        self.run(self.lab.begin("scan", 0, moment))

    @rule(message=nth, moment=moments)
    def begin(self, message: int, moment: Any) -> None:
        """Start to send or to book."""
        self.run(self._begin(message, moment))

    @rule(one=nth)
    def go_on(self, one: int) -> None:
        if self.lab.held:
            self.run(self.lab.go_on(one % len(self.lab.held)))

    @rule(one=nth)
    def die(self, one: int) -> None:
        if self.lab.held:
            self.lab.die(one % len(self.lab.held))

    @rule(message=nth, again=st.booleans())
    def work(self, message: int, again: bool) -> None:
        """Send or book."""
        self.run(self._work(message, again))

    @rule()
    def work_on_everything(self) -> None:
        self.run(self.lab.worker.drain())

    @rule(everything=st.booleans())
    def lose_messages(self, everything: bool) -> None:
        self.run(self.lab.lose_messages(everything=everything))

    @rule(seconds=st.sampled_from((15, 61, 125)), relay=st.booleans())
    def pass_time(self, seconds: int, relay: bool) -> None:
        self.run(self.lab.clock.skip(seconds))
        if relay:
            self.relay()

    @rule(one=nth, by_guest=st.booleans())
    def settle_unknown(self, one: int, by_guest: bool) -> None:
        self.run(self.lab.settle_unknown(one, by_guest=by_guest))

    @rule(one=nth)
    def give_a_table_back(self, one: int) -> None:
        self.run(self.lab.cancel_booking(one))

    @rule()
    def relay(self) -> None:
        self.run(self.lab.relay())

    @rule(trouble=st.sampled_from([(where, kind) for where in TROUBLES for kind in TROUBLES[where]]))
    def trouble(self, trouble: tuple[str, str]) -> None:
        where, kind = trouble
        if where == "mail":
            self.lab.loop.simulator.send("POST", "/control/mailbox/trouble", {"kind": kind, "count": 1})
            self.lab.dropped_mails += kind == "drop-after-accepting"
        else:
            self.lab.loop.simulator.send("POST", "/control/trouble", {"kind": kind, "operation": where, "count": 1})

    @invariant()
    def nothing_contradicts(self) -> None:
        self.run(self.lab.remember())
        assert self.run(self.lab.contradictions()) == []

    def teardown(self) -> None:
        # Not after a failure: it would hide it.
        if sys.exc_info()[0] is None:
            self.run(self.lab.calm())
            self.run(self.lab.settle())
            assert self.run(self.lab.loose_ends()) == []
            assert self.run(self.lab.contradictions()) == []

    async def _change(self, watch: int, change: str) -> None:
        rows = await self.lab.loop.rows("SELECT id FROM watches WHERE status IN ('active', 'paused') ORDER BY id")
        if rows:
            await self.lab.change(rows[watch % len(rows)].id, CHANGES[change])

    async def _begin(self, nth: int, moment: Any) -> None:
        queue, place = await self._waiting(nth)
        if queue:
            await self.lab.begin(queue, place, moment)

    async def _work(self, nth: int, again: bool) -> None:
        queue, place = await self._waiting(nth)
        if queue:
            message = await self.lab.worker.take(queue, place)
            await self.lab.worker.run(message)
            if again:
                await self.lab.worker.run(message)

    async def _waiting(self, nth: int) -> tuple[str, int]:
        """The queue and the place in it of one of all messages that wait to be sent or booked."""
        found = [(queue, i) for queue in ("book", "notify") for i, _ in enumerate(await self.lab.worker.waiting(queue))]
        return found[nth % len(found)] if found else ("", 0)


@pytest.mark.timeout(900)
def test_whatever_happens_nobody_is_told_or_booked_twice_and_nobody_is_forgotten(
    settings: Settings, simulator: Simulator
) -> None:
    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        lab, guests = runner.run(_open(settings, simulator))
        try:
            run_state_machine_as_test(
                lambda: AnyOrder(runner.run, lab, guests),
                settings=hypothesis_settings(
                    max_examples=40,
                    stateful_step_count=25,
                    deadline=None,
                    print_blob=True,
                    phases=(Phase.reuse, Phase.generate, Phase.shrink),
                    suppress_health_check=list(HealthCheck),
                ),
            )
        finally:
            runner.run(_close(lab))


async def _open(settings: Settings, simulator: Simulator) -> tuple[Laboratory, list[Any]]:
    """Everything on the event loop that the rules run on."""
    resources = open_resources(settings)
    await empty_database(resources.engine)
    lab = build_laboratory(resources, simulator)
    return lab, [await lab.loop.guest(name) for name in GUESTS]


async def _close(lab: Laboratory) -> None:
    await lab.end_all()
    await lab.loop.r.close()
