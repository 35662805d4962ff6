"""Whatever happens, in whatever order: nobody is told or booked twice, and nobody is forgotten."""

import asyncio
import sys
from collections.abc import Callable, Coroutine, Sequence
from datetime import time
from typing import Any

import pytest
from hypothesis import HealthCheck
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
_CHANGES = {
    "pause": "status = 'paused'",
    "resume": "status = 'active'",
    "cancel": "status = 'cancelled'",
    "narrow": "time_start = '19:00', time_end = '19:00'",
    "widen": "time_start = '12:00', time_end = '22:00'",
}

# Indices are drawn from a fixed range and wrapped: what is drawn must not depend on what happened.
places = st.sampled_from(PLACES)
nth = st.integers(0, 5)
moments = st.sampled_from(("before", "after"))


class AnyOrder(RuleBasedStateMachine):
    """The rules are what guests, restaurants, networks and machines do."""

    def __init__(self, run: Callable[[Coroutine[Any, Any, Any]], Any], lab: Laboratory, guests: Sequence[Any]) -> None:
        super().__init__()
        self.run = run
        self.lab = lab
        self.guests = guests
        run(lab.start_anew())

    @initialize(guest=nth, place=places, window=st.sampled_from(sorted(WINDOWS)), clock=st.sampled_from(TIMES))
    def begin_with_a_watch_and_a_table(self, guest: int, place: Any, window: str, clock: str) -> None:
        self.make_watch(guest, place, window, True)
        self.open_table(place, clock, 2)
        self.run(self.lab.look())

    @rule(guest=nth, place=places, window=st.sampled_from(sorted(WINDOWS)), auto_book=st.booleans())
    def make_watch(self, guest: int, place: Any, window: str, auto_book: bool) -> None:
        number = guest % len(GUESTS)
        start, end = WINDOWS[window]
        wish = {"time_start": start, "time_end": end, "auto_book": auto_book, "phone": PHONES[number]}
        self.run(self.lab.loop.watch(self.guests[number], place[0], **wish))

    @rule(watch=nth, change=st.sampled_from(sorted(_CHANGES)))
    def change_watch(self, watch: int, change: str) -> None:
        self.run(self._change(watch, _CHANGES[change]))

    @rule(place=places, clock=st.sampled_from(TIMES), tables=st.integers(1, 2))
    def open_table(self, place: Any, clock: str, tables: int) -> None:
        self.lab.loop.open(clock, merchant=place[1], tables=tables)

    @rule(place=places, clock=st.sampled_from(TIMES))
    def close_table(self, place: Any, clock: str) -> None:
        self.lab.loop.close(clock, merchant=place[1])

    @rule()
    def look(self) -> None:
        self.run(self.lab.look())

    @rule(moment=moments)
    def begin_a_look(self, moment: Any) -> None:
        self.run(self.lab.ask_for_looks())
        self.run(self.lab.begin("scan", 0, moment))

    @rule(queue=st.sampled_from(("scan", "notify", "book")), message=nth, moment=moments)
    def begin_and_hold(self, queue: str, message: int, moment: Any) -> None:
        self.run(self.lab.begin(queue, message, moment))

    @rule(one=nth)
    def go_on(self, one: int) -> None:
        if self.lab.held:
            self.run(self.lab.go_on(one % len(self.lab.held)))

    @rule(one=nth)
    def die(self, one: int) -> None:
        if self.lab.held:
            self.lab.die(one % len(self.lab.held))

    @rule(queue=st.sampled_from(("scan", "notify", "book")), message=nth, again=st.booleans())
    def work(self, queue: str, message: int, again: bool) -> None:
        self.run(self._work(queue, message, again))

    @rule()
    def work_on_everything(self) -> None:
        self.run(self.lab.worker.drain())

    @rule(everything=st.booleans())
    def lose_messages(self, everything: bool) -> None:
        self.run(self.lab.lose_messages(everything=everything))

    @rule(seconds=st.sampled_from((15, 61, 125)))
    def pass_time(self, seconds: int) -> None:
        self.run(self.lab.clock.skip(seconds))

    @rule()
    def relay(self) -> None:
        self.run(self.lab.relay())

    @rule(kind=st.sampled_from(("refuse", "500", "accept-and-drop", "accept-and-500", "reset")))
    def booking_trouble(self, kind: str) -> None:
        self.lab.loop.simulator.send("POST", "/control/trouble", {"kind": kind, "operation": "booking", "count": 1})

    @rule(kind=st.sampled_from(("500", "cut-json", "reset")))
    def look_trouble(self, kind: str) -> None:
        self.lab.loop.simulator.send("POST", "/control/trouble", {"kind": kind, "operation": "inventory", "count": 1})

    @rule(kind=st.sampled_from(("refuse", "drop-after-accepting")))
    def mail_trouble(self, kind: str) -> None:
        self.lab.loop.simulator.send("POST", "/control/mailbox/trouble", {"kind": kind, "count": 1})
        self.lab.dropped_mails += kind == "drop-after-accepting"

    @rule()
    def settle(self) -> None:
        self._settle()

    @invariant()
    def nothing_contradicts(self) -> None:
        self.run(self.lab.remember())
        assert self.run(self.lab.contradictions()) == []

    def teardown(self) -> None:
        # Not after a failure: it would hide it.
        if sys.exc_info()[0] is None:
            self._settle()

    def _settle(self) -> None:
        self.run(self.lab.calm())
        self.run(self.lab.settle())
        assert self.run(self.lab.loose_ends()) == []
        assert self.run(self.lab.contradictions()) == []

    async def _change(self, watch: int, change: str) -> None:
        rows = await self.lab.loop.rows("SELECT id FROM watches WHERE status IN ('active', 'paused') ORDER BY id")
        if rows:
            await self.lab.change(rows[watch % len(rows)].id, change)

    async def _work(self, queue: str, place: int, again: bool) -> None:
        waiting = await self.lab.worker.waiting(queue)
        if waiting:
            message = await self.lab.worker.take(queue, place % len(waiting))
            await self.lab.worker.run(message)
            if again:
                await self.lab.worker.run(message)


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
