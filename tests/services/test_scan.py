"""One look, from the answer to the ledgers."""

from datetime import UTC, datetime, time, timedelta
from typing import Any
from uuid import uuid4

import pytest

from backend.clients.wisely import Look
from backend.db.queries import groups, notifications
from backend.domain.coverage import Coverage
from backend.services.look_application import Looked, apply_looks
from tests.services.conftest import PASADENA, PEACHTREE, Loop


async def test_an_opening_becomes_a_drop_a_message_and_history(loop: Loop) -> None:
    alice = await loop.guest()
    watch_id = await loop.watch(alice)
    await loop.look()
    loop.open("19:15")

    result = await loop.look()

    drop = await loop.one("SELECT * FROM slot_drops")
    message = await loop.one("SELECT * FROM notification_log")
    assert (result.scanned, result.skipped, result.matches, result.failed) == (1, 0, 1, 0)
    assert (drop.slot_time, drop.reservation_type_name, drop.gone_at) == ("7:15 PM", "Dinner", None)
    assert drop.unseen_at < drop.appeared_at == drop.last_seen_at
    assert (message.watch_id, message.status, message.kind) == (watch_id, "queued", "table_open")
    assert message.recipient == "alice@guests.test"
    assert (await loop.one("SELECT available FROM scan_history")).available
    exposure = await loop.one("SELECT sum(looks) AS looks, sum(seconds_covered) AS seconds FROM look_exposure")
    assert exposure.looks == 2
    assert 0 < exposure.seconds < 60


async def test_the_first_look_of_a_group_leaves_unseen_at_empty(loop: Loop) -> None:
    await loop.watch(await loop.guest())
    loop.open("19:15")

    await loop.look()

    assert (await loop.one("SELECT unseen_at FROM slot_drops")).unseen_at is None


async def test_a_second_look_at_the_same_opening_tells_nothing_again(loop: Loop) -> None:
    await loop.watch(await loop.guest())
    loop.open("19:15")
    await loop.look()

    result = await loop.look()

    assert result.matches == 0
    assert result.work.messages == ()
    assert len(await loop.rows("SELECT 1 FROM notification_log")) == 1


async def test_an_opening_that_closed_and_opened_again_is_news(loop: Loop) -> None:
    await loop.watch(await loop.guest())
    for _ in range(2):
        loop.open("19:15")
        await loop.look()
        loop.close("19:15")
        await loop.look()

    drops = await loop.rows("SELECT gone_at FROM slot_drops")
    assert len(drops) == 2
    assert all(drop.gone_at for drop in drops)
    assert len(await loop.rows("SELECT 1 FROM notification_log")) == 2


async def test_slots_found_together_are_one_message(loop: Loop) -> None:
    await loop.watch(await loop.guest())
    loop.open("18:00", "19:00", "20:00", "20:15")

    result = await loop.look()

    assert result.matches == 3
    assert len(await loop.rows("SELECT 1 FROM notification_log")) == 1
    assert len(await loop.rows("SELECT 1 FROM notification_items")) == 3


async def test_a_new_watch_hears_of_what_is_open_already(loop: Loop) -> None:
    await loop.watch(await loop.guest("alice"))
    loop.open("19:15")
    await loop.look()
    bob = await loop.guest("bob")
    await loop.watch(bob)

    result = await loop.look()

    assert result.matches == 1
    assert (await loop.one("SELECT user_id FROM notification_log WHERE user_id = :id", id=bob.id)).user_id == bob.id


@pytest.mark.parametrize(
    ("kind", "trouble"),
    [
        ("400", "refused"),
        ("403", "refused"),
        ("404", "refused"),
        ("429", "rate_limited"),
        ("500", "server_error"),
        ("503", "server_error"),
        ("html-page", "not_json"),
        ("empty", "not_json"),
        ("cut-json", "not_json"),
        ("truncated", "connection"),
        ("reset", "connection"),
        ("wrong-shape", "wrong_shape"),
        ("hang", "timeout"),
    ],
)
async def test_trouble_is_classified_and_never_looks_like_no_tables(loop: Loop, kind: str, trouble: str) -> None:
    alice = await loop.guest()
    await loop.watch(alice)
    await loop.watch(alice, "houston_s_pasadena")
    loop.open("19:15")
    await loop.look()
    before = await loop.one("SELECT last_ok_at FROM scan_groups WHERE location_key = 'peachtree'")
    loop.simulator.send("POST", "/control/trouble", {"kind": kind, "operation": "inventory", "merchant_id": PEACHTREE})
    loop.open("18:30", merchant=PASADENA)

    result = await loop.look()

    group = await loop.one("SELECT * FROM scan_groups WHERE location_key = 'peachtree'")
    assert [str(found[1]) for found in result.troubles] == [trouble]
    assert group.last_error.startswith(trouble)
    assert (group.failures, group.last_ok_at, group.lease_until) == (1, before.last_ok_at, None)
    assert (await loop.one("SELECT gone_at FROM slot_drops WHERE location = 'peachtree'")).gone_at is None
    assert (result.scanned, result.skipped, result.matches) == (1, 1, 1)


async def test_an_answer_that_cannot_be_stored_stops_no_other_group(loop: Loop) -> None:
    alice = await loop.guest()
    await loop.watch(alice)
    await loop.watch(alice, "houston_s_pasadena")
    order = {"merchant_id": PEACHTREE, "date": loop.day.isoformat(), "times": ["19:00"], "party_sizes": [2]}
    loop.simulator.send(
        "POST", "/control/slots/open", {**order, "reservation_type_id": 7, "reservation_type_name": "bad\x00name"}
    )
    loop.open("18:30", merchant=PASADENA)

    result = await loop.look()

    group = await loop.one("SELECT * FROM scan_groups WHERE location_key = 'peachtree'")
    assert result.matches == 1
    assert group.last_error.startswith("wrong_shape")
    assert (group.last_ok_at, group.lease_until) == (None, None)


async def test_what_is_told_elsewhere_while_a_look_is_written_is_no_trouble(
    loop: Loop, monkeypatch: pytest.MonkeyPatch
) -> None:
    await loop.watch(await loop.guest())
    loop.open("19:00")
    await loop.look()
    (item,) = await loop.rows("SELECT * FROM notification_items")
    await loop.execute("DELETE FROM notification_items")
    await loop.execute("UPDATE watches SET needs_match = true")
    read = notifications.known_keys

    async def read_just_before(session: Any, keys: Any) -> Any:
        found = await read(session, keys)
        await loop.execute(
            "INSERT INTO notification_items (notification_id, drop_id, dedup_key) VALUES (:id, :drop, :key) "
            "ON CONFLICT DO NOTHING",
            id=item.notification_id,
            drop=item.drop_id,
            key=item.dedup_key,
        )
        return found

    monkeypatch.setattr(notifications, "known_keys", read_just_before)
    result = await loop.look()

    group = await loop.one("SELECT last_error, lease_until FROM scan_groups")
    assert result.failed == 0
    assert (group.last_error, group.lease_until) == (None, None)
    assert len(await loop.rows("SELECT 1 FROM notification_log")) == 1


async def test_a_slow_drip_is_a_timeout(loop: Loop) -> None:
    await loop.watch(await loop.guest())
    loop.simulator.send("POST", "/control/trouble", {"kind": "drip", "operation": "inventory"})

    result = await loop.look()

    assert [str(found[1]) for found in result.troubles] == ["timeout"]


async def test_retry_after_holds_everybody_back(loop: Loop) -> None:
    await loop.watch(await loop.guest())
    order = {"kind": "429", "operation": "inventory", "count": 1, "retry_after_seconds": 120}
    loop.simulator.send("POST", "/control/trouble", order)
    await loop.look()
    requests = loop.simulator.inventory_requests

    result = await loop.look()

    assert loop.simulator.inventory_requests == requests
    assert (result.scanned, result.skipped, result.failed) == (0, 1, 0)
    assert (await loop.one("SELECT failures FROM scan_groups")).failures == 1


async def test_a_look_older_than_the_last_one_writes_nothing(loop: Loop) -> None:
    await loop.watch(await loop.guest())
    loop.open("19:15")
    await loop.look()
    newest = await loop.one("SELECT applied_look_at FROM scan_groups")
    older = Look(newest.applied_look_at - timedelta(seconds=1), (), Coverage(((0, 2**53),)), 1)
    ids, run_id = await loop.lease()
    token = uuid4()
    async with loop.r.sessions.begin() as session:
        (group,) = await groups.claim(session, ids, run_id=run_id, token=token)

    await apply_looks(
        loop.r.sessions,
        [Looked(group, older)],
        [],
        token=token,
        run_id=run_id,
        periods=loop.r.periods,
        now=newest.applied_look_at,
    )

    assert (await loop.one("SELECT gone_at FROM slot_drops")).gone_at is None
    assert (await loop.one("SELECT applied_look_at FROM scan_groups")) == newest


async def test_a_window_that_has_passed_today_is_skipped_without_a_call(loop: Loop) -> None:
    await loop.watch(await loop.guest())
    await loop.execute(
        "INSERT INTO scan_groups (location_key, target_date, party_size) "
        "SELECT location_key, (now() AT TIME ZONE 'America/New_York')::date, 2 FROM watches"
    )
    await loop.execute(
        "UPDATE watches SET target_date = (now() AT TIME ZONE 'America/New_York')::date, "
        "time_start = '00:00', time_end = '00:00'"
    )

    result = await loop.look()

    assert (result.scanned, result.skipped) == (0, 1)
    assert loop.simulator.inventory_requests == 0


async def test_a_day_beyond_the_horizon_sleeps_until_it_comes_near(loop: Loop) -> None:
    await loop.watch(await loop.guest())
    await loop.execute("UPDATE locations SET horizon_days = 1")

    result = await loop.look()

    group = await loop.one("SELECT next_scan_at > now() + interval '1 hour' AS sleeps FROM scan_groups")
    assert (result.scanned, result.skipped, group.sleeps) == (0, 1, True)
    assert loop.simulator.inventory_requests == 0


async def test_answers_that_are_cut_off_are_asked_again_and_nothing_vanishes(loop: Loop) -> None:
    await loop.watch(await loop.guest(), time_start=time(11), time_end=time(22))
    times = [f"{hour}:{minute:02d}" for hour in range(12, 21) for minute in (0, 15, 30, 45)]
    loop.open(*times)
    await loop.look()
    loop.simulator.send("POST", "/control/manners", {"maximum_limit": 5})
    loop.r.wisely._limit = 5

    await loop.look()

    gone = await loop.rows("SELECT slot_time FROM slot_drops WHERE gone_at IS NOT NULL")
    assert gone == []
    assert loop.simulator.inventory_requests == 1 + 4


async def test_the_tier_ticks_make_due_what_belongs_to_them(loop: Loop) -> None:
    from backend.domain.types import Tier

    alice = await loop.guest()
    await loop.watch(alice)
    await loop.look()
    await loop.execute(
        "UPDATE scan_groups SET applied_look_at = now() - interval '20 minutes', "
        "next_scan_at = now() + interval '1 hour'"
    )

    async with loop.r.sessions.begin() as session:
        urgent = await groups.make_due(session, Tier.URGENT, period=timedelta(minutes=10), now=datetime.now(UTC))
        normal = await groups.make_due(session, Tier.NORMAL, period=timedelta(minutes=30), now=datetime.now(UTC))
        again: Any = await groups.due(session, most=10)

    assert (urgent, normal) == (0, 1)
    assert [row.tier for row in again] == ["normal"]


async def test_an_answer_in_another_encoding_is_trouble_and_stops_no_other_look(loop: Loop) -> None:
    alice = await loop.guest()
    await loop.watch(alice)
    await loop.watch(alice, "houston_s_pasadena")
    loop.open("19:15", merchant=PASADENA)
    get = loop.r.wisely._get

    async def spoiled(query: Any) -> Any:
        response = await get(query)
        if query["merchant_id"] == PEACHTREE:
            response._content = (
                b'{"types": [{"reservation_type_id": 1, "reservation_type_name": "Caf\xe9", "times": []}]}'
            )
        return response

    loop.r.wisely._get = spoiled  # type: ignore[method-assign]

    result = await loop.look()

    assert (result.failed, result.matches) == (1, 1)
    assert [trouble for _, trouble, _ in result.troubles] == ["not_json"]


async def test_a_group_without_watches_rests_unless_a_watch_came_after_the_count(loop: Loop) -> None:
    alice = await loop.guest()
    watch_id = await loop.watch(alice)
    await loop.execute("UPDATE watches SET status = 'cancelled', updated_at = now() - interval '1 hour'")
    await loop.look()
    rests = await loop.one("SELECT next_scan_at FROM scan_groups")
    ids, run_id = await loop.lease()
    token = uuid4()
    async with loop.r.sessions.begin() as session:
        await groups.claim(session, ids, run_id=run_id, token=token)
    await loop.execute("UPDATE watches SET status = 'active', updated_at = now() WHERE id = :id", id=watch_id)

    async with loop.r.sessions.begin() as session:
        await groups.put_back(session, [(ids[0], None)], token=token)

    assert rests.next_scan_at is None
    assert (await loop.one("SELECT next_scan_at <= now() AS is_due FROM scan_groups")).is_due
