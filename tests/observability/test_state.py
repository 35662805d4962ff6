"""How things stand, as /metrics tells it."""

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from backend.db.queries import heartbeats
from backend.services.heart import beating
from tests.conftest import serving
from tests.services.conftest import Loop


def sample(page: str, name: str, **labels: str) -> float | None:
    for family in text_string_to_metric_families(page):
        for found in family.samples:
            if found.name == name and all(found.labels.get(key) == value for key, value in labels.items()):
                return found.value
    return None


def read(loop: Loop) -> str:
    with serving(loop.r.settings) as url:
        return httpx.get(f"{url}/metrics").text


async def test_what_is_due_and_how_old_it_is_can_be_read(loop: Loop) -> None:
    await loop.watch(await loop.guest())
    loop.open("19:15")
    await loop.look()
    await loop.execute("UPDATE notification_log SET next_attempt_at = now() - interval '90 seconds'")
    await loop.execute("UPDATE scan_groups SET next_scan_at = now() - interval '30 seconds'")

    page = read(loop)

    assert sample(page, "houstons_outbox_due", channel="email") == 1
    assert 89 < (sample(page, "houstons_outbox_oldest_seconds", channel="email") or 0) < 120
    assert sample(page, "houstons_groups_due", tier="normal") == 1
    assert (sample(page, "houstons_groups_overdue_seconds", tier="normal") or 0) > 29
    assert sample(page, "houstons_watches", status="active") == 1


@pytest.mark.parametrize(
    ("change", "invariant"),
    [
        (
            "UPDATE notification_log SET next_attempt_at = now() - interval '2 hours'",
            "a message due for over an hour",
        ),
        (
            "UPDATE scan_groups SET complete_look_at = now() + interval '1 second'",
            "an open table that the last look did not see",
        ),
    ],
)
async def test_what_must_never_be_is_counted(loop: Loop, change: str, invariant: str) -> None:
    await loop.watch(await loop.guest())
    loop.open("19:15")
    await loop.look()
    before = sample(read(loop), "houstons_invariant_violations", invariant=invariant)
    await loop.execute(change)

    after = sample(read(loop), "houstons_invariant_violations", invariant=invariant)

    assert (before, after) == (0, 1)


async def test_a_process_is_alive_while_it_beats_and_not_missed_when_it_ends_in_order(loop: Loop) -> None:
    async with beating(loop.r.sessions, part="worker", queues=("book", "upkeep")):
        while not (beats := await all_beats(loop)):
            pass
        page = read(loop)

    assert [beat.queues for beat in beats] == ["book,upkeep"]
    assert (sample(page, "houstons_heartbeat_age_seconds", part="worker", queue="book") or 0) < 10
    assert await all_beats(loop) == []


async def test_who_was_killed_is_forgotten_after_a_day(loop: Loop) -> None:
    await loop.execute(
        "INSERT INTO heartbeats (process, part, queues, version) VALUES ('gone:1', 'worker', 'scan', '1')"
    )
    await loop.execute(
        "INSERT INTO heartbeats (process, part, queues, version) VALUES ('here:1', 'worker', 'scan', '1')"
    )
    await loop.execute("UPDATE heartbeats SET beat_at = now() - interval '25 hours' WHERE process = 'gone:1'")

    async with loop.r.sessions.begin() as session:
        await heartbeats.beat(session, process="new:1", part="worker", queues="scan", version="1")

    assert [row.process for row in await loop.rows("SELECT process FROM heartbeats ORDER BY 1")] == ["here:1", "new:1"]


async def all_beats(loop: Loop) -> list[object]:
    async with loop.r.sessions() as session:
        return list(await heartbeats.everyone(session))
