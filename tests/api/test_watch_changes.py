"""Changing, pausing and resuming watches, and asking for an early look."""

import asyncio
from typing import Any

import httpx
import pytest

from tests.api.conftest import execute, refusal, scalar
from tests.api.test_watches import BOOKING, PARK_AVENUE, PASADENA, in_days, listed, make
from workers.resources import Resources

EVERY = "active,paused,booked,cancelled,expired"


async def settled(resources: Resources) -> None:
    """As after a look: matched, and not due for an hour."""
    await execute(resources, "UPDATE watches SET needs_match = false")
    await execute(resources, "UPDATE scan_groups SET next_scan_at = now() + interval '1 hour', applied_look_at = now()")


async def is_due(resources: Resources, location: str) -> bool:
    statement = "SELECT next_scan_at <= now() FROM scan_groups WHERE location_key = :location ORDER BY id DESC LIMIT 1"
    return bool(await scalar(resources, statement, location=location))


@pytest.mark.parametrize(
    "changes",
    [
        {"time_start": "17:00"},
        {"time_end": "21:30"},
        {"party_size": 5},
        {"target_date": in_days(4)},
        {"location_key": PASADENA},
        BOOKING,
        {},
    ],
)
async def test_a_changed_watch_is_matched_again_and_its_group_is_due(
    alice: httpx.AsyncClient, resources: Resources, changes: dict[str, Any]
) -> None:
    watch_id = await make(alice)
    await settled(resources)

    answer = await alice.patch(f"/api/watches/{watch_id}", json=changes)

    assert answer.json()["success"] is True
    [watch] = await listed(alice)
    wanted = {**changes, **({"book_phone": "+14045550123"} if changes is BOOKING else {})}
    assert watch.items() >= wanted.items()
    assert await scalar(resources, "SELECT needs_match FROM watches")
    assert await is_due(resources, str(watch["location_key"]))


async def test_what_is_absent_stays(alice: httpx.AsyncClient) -> None:
    watch_id = await make(alice, party_size=4, time_start="17:30", time_end="21:15", **BOOKING)
    [before] = await listed(alice)

    await alice.patch(f"/api/watches/{watch_id}", json={"time_end": "21:00"})

    [after] = await listed(alice)
    assert {key for key in before if before[key] != after[key]} == {"time_end", "updated_at"}


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"party_size": 0}, "party_size"),
        ({"target_date": in_days(-1)}, "target_date"),
        ({"target_date": None}, "target_date"),
        ({"time_start": "21:00"}, "time_end"),
        ({"time_start": "late"}, "time_start"),
        ({"location_key": "nowhere"}, "location_key"),
        ({"auto_book": True}, "book_first_name"),
        ({**BOOKING, "location_key": PARK_AVENUE}, "auto_book"),
        ({"book_phone": "12"}, "book_phone"),
        ({"book_email": "nobody"}, "book_email"),
    ],
)
async def test_a_change_that_makes_no_sense_is_400_and_changes_nothing(
    alice: httpx.AsyncClient, resources: Resources, changes: dict[str, Any], field: str
) -> None:
    watch_id = await make(alice)
    await settled(resources)
    before = await listed(alice)

    answer = await alice.patch(f"/api/watches/{watch_id}", json=changes)

    assert refusal(answer) == (400, field)
    assert await listed(alice) == before
    assert await scalar(resources, "SELECT count(*) FROM scan_groups") == 1


async def test_a_change_into_another_watch_of_the_same_person_is_409(alice: httpx.AsyncClient) -> None:
    await make(alice, time_end="21:00")
    watch_id = await make(alice)

    assert refusal(await alice.patch(f"/api/watches/{watch_id}", json={"time_end": "21:00"})) == (409, None)


async def test_a_change_takes_back_chances_and_messages_of_the_old_wish(
    alice: httpx.AsyncClient, resources: Resources
) -> None:
    watch_id = await make(alice, **BOOKING)
    await execute(
        resources,
        """
        INSERT INTO bookings (watch_id, user_id, location_key, target_date, meal, party_size, reserved_ts,
                              reservation_type_id, first_name, last_name, email, phone, state)
        SELECT id, user_id, location_key, target_date, meal, party_size, 1, 1, 'A', 'A', 'a@guests.test', phone, state
        FROM watches, (VALUES ('lunch', 'wanted', '1'), ('dinner', 'refused', '2')) AS b(meal, state, phone)
        """,
    )
    await execute(
        resources,
        """
        INSERT INTO notification_log (watch_id, user_id, channel, kind, recipient)
        SELECT id, user_id, 'email', 'table_open', 'alice@guests.test' FROM watches
        """,
    )

    await alice.patch(f"/api/watches/{watch_id}", json={"target_date": in_days(5)})

    assert await scalar(resources, "SELECT string_agg(state, ',') FROM bookings") == "refused"
    assert await scalar(resources, "SELECT status FROM notification_log WHERE kind = 'table_open'") == "expired"


@pytest.mark.parametrize("status", ["booked", "cancelled", "expired"])
async def test_a_watch_that_is_over_is_neither_changed_nor_resumed(
    alice: httpx.AsyncClient, resources: Resources, status: str
) -> None:
    watch_id = await make(alice)
    await execute(resources, f"UPDATE watches SET status = '{status}'")

    answers = [
        await alice.patch(f"/api/watches/{watch_id}", json={"party_size": 3}),
        await alice.post(f"/api/watches/{watch_id}/pause"),
        await alice.post(f"/api/watches/{watch_id}/resume"),
    ]

    assert [refusal(answer) for answer in answers] == [(409, None)] * 3


async def test_a_watch_for_which_a_table_is_being_booked_is_neither_paused_nor_cancelled(
    alice: httpx.AsyncClient, resources: Resources
) -> None:
    watch_id = await make(alice, **BOOKING)
    await execute(
        resources,
        """
        INSERT INTO bookings (watch_id, user_id, location_key, target_date, meal, party_size, reserved_ts,
                              reservation_type_id, first_name, last_name, email, phone, state)
        SELECT id, user_id, location_key, target_date, 'dinner', party_size, 1, 1, 'A', 'A', 'a@guests.test', '1',
               'attempting' FROM watches
        """,
    )

    answers = [await alice.post(f"/api/watches/{watch_id}/pause"), await alice.delete(f"/api/watches/{watch_id}")]
    batch = await alice.post("/api/watches/batch", json={"ids": [watch_id], "action": "cancel"})

    assert [refusal(answer) for answer in answers] == [(409, None)] * 2
    assert "is being booked" in batch.json()["unchanged"][0]["reason"]
    assert [watch["status"] for watch in await listed(alice)] == ["active"]


async def test_nobody_changes_anybody_elses_watch(
    alice: httpx.AsyncClient, charlie: httpx.AsyncClient, resources: Resources
) -> None:
    watch_id = await make(alice)
    before = await listed(alice)

    answers = [
        await charlie.patch(f"/api/watches/{watch_id}", json={"party_size": 3}),
        await charlie.post(f"/api/watches/{watch_id}/pause"),
        await charlie.post(f"/api/watches/{watch_id}/resume"),
        await charlie.patch(f"/api/watches/{10**30}", json={}),
        await charlie.post(f"/api/watches/{10**30}/pause"),
    ]
    batch = await charlie.post("/api/watches/batch", json={"ids": [watch_id], "action": "cancel"})

    assert [refusal(answer) for answer in answers] == [(404, None)] * 5
    assert batch.json()["changed"] == []
    assert batch.json()["unchanged"] == [{"id": watch_id, "reason": "There is no such watch"}]
    assert await listed(alice) == before


async def test_a_paused_watch_rests_and_is_matched_again_when_resumed(
    alice: httpx.AsyncClient, resources: Resources
) -> None:
    watch_id = await make(alice)
    await settled(resources)

    paused = [await alice.post(f"/api/watches/{watch_id}/pause") for _ in range(2)]

    assert [answer.json() for answer in paused] == [{"success": True}] * 2
    assert [watch["status"] for watch in await listed(alice)] == ["paused"]
    assert not await scalar(resources, "SELECT needs_match FROM watches")
    await alice.post(f"/api/watches/{watch_id}/resume")
    assert [watch["status"] for watch in await listed(alice)] == ["active"]
    assert await scalar(resources, "SELECT needs_match FROM watches")
    assert await is_due(resources, "peachtree")


async def test_a_watch_whose_window_has_passed_is_not_resumed(alice: httpx.AsyncClient, resources: Resources) -> None:
    watch_id = await make(alice)
    await alice.post(f"/api/watches/{watch_id}/pause")
    past = "INSERT INTO scan_groups (location_key, target_date, party_size) VALUES ('peachtree', '2026-01-01', 2)"
    await execute(resources, past)
    await execute(resources, "UPDATE watches SET target_date = '2026-01-01'")

    assert refusal(await alice.post(f"/api/watches/{watch_id}/resume")) == (409, None)


async def test_several_watches_are_changed_at_once_and_the_others_are_named(
    alice: httpx.AsyncClient, resources: Resources
) -> None:
    one, two, three = [await make(alice, party_size=size) for size in (2, 3, 4)]
    await alice.delete(f"/api/watches/{three}")

    answer = await alice.post("/api/watches/batch", json={"ids": [one, three, two, one, 10**30], "action": "pause"})

    body = answer.json()
    assert body["changed"] == [one, two]
    assert [row["id"] for row in body["unchanged"]] == [three, 10**30]
    assert {watch["id"]: watch["status"] for watch in await listed(alice, EVERY)} == {
        one: "paused",
        two: "paused",
        three: "cancelled",
    }


@pytest.mark.parametrize("body", [{"ids": [], "action": "pause"}, {"ids": [1], "action": "eat"}, {"ids": "1"}, {}])
async def test_a_batch_that_makes_no_sense_is_400(alice: httpx.AsyncClient, body: dict[str, Any]) -> None:
    assert refusal(await alice.post("/api/watches/batch", json=body))[0] == 400


async def test_changes_that_cross_each_other_end_without_a_deadlock(
    alice: httpx.AsyncClient, charlie: httpx.AsyncClient
) -> None:
    days = [in_days(2), in_days(3)]
    mine, theirs = await make(alice, target_date=days[0]), await make(charlie, target_date=days[1])

    async def move(http: httpx.AsyncClient, watch_id: int, turn: int) -> list[int]:
        return [
            (await http.patch(f"/api/watches/{watch_id}", json={"target_date": days[(turn + n) % 2]})).status_code
            for n in range(8)
        ]

    codes = await asyncio.gather(move(alice, mine, 1), move(charlie, theirs, 0))

    assert codes == [[200] * 8, [200] * 8]


async def test_an_early_look_is_asked_for_and_not_too_often(alice: httpx.AsyncClient, resources: Resources) -> None:
    await make(alice)
    await make(alice, party_size=3)
    await settled(resources)

    fresh = await alice.post("/api/watches/scan")
    await execute(resources, "UPDATE scan_groups SET applied_look_at = now() - interval '2 minutes'")
    older = await alice.post("/api/watches/scan")
    codes = [(await alice.post("/api/watches/scan")).status_code for _ in range(5)]

    assert (fresh.json()["success"], fresh.json()["groups"], older.json()["groups"]) == (True, 0, 2)
    assert codes == [200] * 4 + [429]
    assert await is_due(resources, "peachtree")
