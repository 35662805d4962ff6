"""How a person wants to be told: quiet hours, texts, a digest, and watches that are to be quiet for a while."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from tests.api.conftest import execute, refusal, scalar
from tests.api.test_watch_changes import is_due, settled
from tests.api.test_watches import PEACHTREE, make
from workers.resources import Resources

DEFAULTS = {
    "timezone": None,
    "quiet_from": None,
    "quiet_to": None,
    "quiet_breaks_tonight": False,
    "snoozed_until": None,
    "sms_within_hours": 2,
    "sms_for_auto_book": True,
    "digest_at": None,
}


async def hold_a_message(resources: Resources) -> None:
    """An alert of the newest watch waits for the end of quiet hours."""
    await execute(
        resources,
        "INSERT INTO notification_log (user_id, watch_id, channel, kind, recipient, hold_reason, next_attempt_at) "
        "SELECT user_id, id, 'email', 'table_open', 'alice@guests.test', 'quiet hours', now() + interval '5 hours' "
        "FROM watches ORDER BY id DESC LIMIT 1",
    )


async def is_judged_anew(resources: Resources) -> bool:
    statement = "SELECT next_attempt_at <= now() FROM notification_log WHERE hold_reason IS NOT NULL"
    return bool(await scalar(resources, statement))


async def test_who_named_no_wishes_has_the_defaults(alice: httpx.AsyncClient, resources: Resources) -> None:
    answer = await alice.get("/api/preferences")

    assert answer.json() == DEFAULTS
    assert await scalar(resources, "SELECT count(*) FROM preferences") == 0


async def test_what_is_given_is_kept_and_what_is_absent_stays(
    alice: httpx.AsyncClient, charlie: httpx.AsyncClient
) -> None:
    night = {"timezone": "America/New_York", "quiet_from": "22:30", "quiet_to": "07:00", "quiet_breaks_tonight": True}
    texts = {"sms_within_hours": 48, "sms_for_auto_book": False, "digest_at": "08:15"}

    first = await alice.patch("/api/preferences", json=night)
    second = await alice.patch("/api/preferences", json=texts)
    cleared = await alice.patch("/api/preferences", json={"quiet_from": None, "quiet_to": "", "digest_at": None})

    assert first.json() == {**DEFAULTS, **night}
    assert second.json() == {**DEFAULTS, **night, **texts}
    assert cleared.json().items() >= {"quiet_from": None, "quiet_to": None, "digest_at": None}.items()
    assert (await charlie.get("/api/preferences")).json() == DEFAULTS


NONSENSE: list[tuple[dict[str, Any], str]] = [
    ({"timezone": "Mars/Olympus"}, "timezone"),
    ({"timezone": "../etc/passwd"}, "timezone"),
    ({"quiet_from": "22:00"}, "quiet_to"),
    ({"quiet_to": "07:00"}, "quiet_from"),
    ({"quiet_from": "22:00", "quiet_to": "22:00"}, "quiet_to"),
    ({"quiet_from": "late", "quiet_to": "07:00"}, "quiet_from"),
    ({"quiet_from": "22:00", "quiet_to": "25:00"}, "quiet_to"),
    ({"digest_at": "8"}, "digest_at"),
    ({"snooze_hours": 0}, "snooze_hours"),
    ({"snooze_hours": 169}, "snooze_hours"),
    ({"sms_within_hours": -1}, "sms_within_hours"),
    ({"sms_within_hours": 2161}, "sms_within_hours"),
    ({"sms_within_hours": None}, "sms_within_hours"),
    ({"quiet_breaks_tonight": "perhaps"}, "quiet_breaks_tonight"),
]


async def test_what_makes_no_sense_is_400_and_changes_nothing(alice: httpx.AsyncClient) -> None:
    answers = [
        (field, await alice.patch("/api/preferences", json={"digest_at": "09:00", **changes}))
        for changes, field in NONSENSE
    ]

    assert {answer.status_code for _, answer in answers} == {400}
    assert all(field in answer.json()["error"] or answer.json()["field"] == field for field, answer in answers)
    assert (await alice.get("/api/preferences")).json() == DEFAULTS


async def test_a_snooze_ends_when_its_person_ends_it_and_what_is_open_is_matched(
    alice: httpx.AsyncClient, resources: Resources
) -> None:
    await make(alice)
    await settled(resources)
    await hold_a_message(resources)

    begun = (await alice.patch("/api/preferences", json={"snooze_hours": 6})).json()
    matched_meanwhile = await scalar(resources, "SELECT needs_match FROM watches")
    ended = (await alice.patch("/api/preferences", json={"snooze_hours": None})).json()

    ahead = datetime.fromisoformat(begun["snoozed_until"]) - datetime.now(UTC)
    assert timedelta(hours=5, minutes=50) < ahead <= timedelta(hours=6)
    assert matched_meanwhile is False
    assert ended["snoozed_until"] is None
    assert await scalar(resources, "SELECT needs_match FROM watches")
    assert await is_due(resources, PEACHTREE)
    assert await is_judged_anew(resources)


async def test_a_watch_is_quiet_for_some_hours_or_until_its_person_wants_it(
    alice: httpx.AsyncClient, resources: Resources
) -> None:
    watch_id = await make(alice)
    other = await make(alice, party_size=3)
    await settled(resources)

    begun = await alice.post(f"/api/watches/{watch_id}/snooze", json={"hours": 24})
    until = await scalar(resources, "SELECT snoozed_until FROM watches WHERE id = :id", id=watch_id)
    ended = await alice.delete(f"/api/watches/{watch_id}/snooze")

    assert datetime.fromisoformat(begun.json()["snoozed_until"]) == until
    assert ended.json() == {"success": True}
    assert await scalar(resources, "SELECT snoozed_until FROM watches WHERE id = :id", id=watch_id) is None
    matched = await scalar(resources, "SELECT array_agg(needs_match ORDER BY id) FROM watches")
    assert (matched, other) == ([True, False], watch_id + 1)


async def test_only_what_waits_for_that_watch_is_judged_anew(alice: httpx.AsyncClient, resources: Resources) -> None:
    first = await make(alice)
    second = await make(alice, party_size=3)
    await hold_a_message(resources)

    await alice.delete(f"/api/watches/{first}/snooze")
    before = await is_judged_anew(resources)
    await alice.delete(f"/api/watches/{second}/snooze")

    assert (before, await is_judged_anew(resources)) == (False, True)


async def test_a_watch_is_not_quiet_for_ever(alice: httpx.AsyncClient) -> None:
    watch_id = await make(alice)

    answers = [await alice.post(f"/api/watches/{watch_id}/snooze", json={"hours": hours}) for hours in (0, 169, -1)]

    assert [refusal(answer) for answer in answers] == [(400, "hours")] * 3


async def test_a_watch_that_is_over_cannot_be_made_quiet(alice: httpx.AsyncClient) -> None:
    watch_id = await make(alice)
    await alice.delete(f"/api/watches/{watch_id}")

    answer = await alice.post(f"/api/watches/{watch_id}/snooze", json={"hours": 3})

    assert refusal(answer) == (409, None)
