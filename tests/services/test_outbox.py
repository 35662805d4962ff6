"""What was committed is found again, whatever happened to the queue."""

from datetime import UTC, datetime
from typing import Any

from redis.asyncio import Redis

from backend.clients.jobs import QUEUES, Jobs
from backend.domain.types import CHANNEL_KINDS
from backend.services import notices
from backend.services.dispatch import dispatch_due
from backend.services.work import Work
from backend.settings import Settings
from tests.pressure.worker import waiting
from tests.services.conftest import Loop
from workers.schedule import Tick, schedule
from workers.scheduler import fire


async def test_dispatched_rows_are_enqueued_and_stamped(loop: Loop) -> None:
    await loop.watch(await loop.guest(), auto_book=True)
    loop.open("19:00")
    result = await loop.look()

    assert await loop.dispatch(result.work)

    assert (await loop.queued("notify"), await loop.queued("book")) == (1, 1)
    assert (await loop.one("SELECT dispatched_at FROM notification_log")).dispatched_at is not None
    assert (await loop.one("SELECT dispatched_at FROM bookings")).dispatched_at is not None


async def test_rows_that_a_crash_left_behind_are_relayed(loop: Loop) -> None:
    await loop.watch(await loop.guest(), auto_book=True)
    loop.open("19:00")
    await loop.look()

    found = await loop.relay()

    assert (found.messages, found.bookings) == (1, 1)
    assert (await loop.queued("notify"), await loop.queued("book")) == (1, 1)


async def test_dispatched_rows_are_left_alone_for_a_minute(loop: Loop) -> None:
    await loop.watch(await loop.guest(), auto_book=True)
    loop.open("19:00")
    await loop.dispatch((await loop.look()).work)
    await loop.relay()
    await loop.r.redis.delete("dramatiq:notify", "dramatiq:book")

    early = await loop.relay()
    await loop.execute("UPDATE notification_log SET dispatched_at = now() - interval '61 seconds'")
    late = await loop.relay()

    assert (early.messages, early.bookings) == (0, 0)
    assert late.messages == 1


async def test_a_long_queue_of_one_channel_hides_no_other_channels(loop: Loop) -> None:
    user = await loop.guest()
    await loop.execute(
        "INSERT INTO notification_log (user_id, channel, kind, recipient, priority, next_attempt_at) "
        "SELECT :user, 'webhook', 'table_open', 'https://hooks.example.com', 0, now() - interval '1 hour' "
        "FROM generate_series(1, 1001)",
        user=user.id,
    )
    await loop.watch(user)
    loop.open("19:00")
    await loop.look()

    found = await loop.relay()

    assert found.messages == 1001
    mail = await loop.one("SELECT dispatched_at FROM notification_log WHERE channel = 'email'")
    assert mail.dispatched_at is not None


async def test_a_flushed_redis_brings_everything_back_at_once(loop: Loop) -> None:
    await loop.watch(await loop.guest(), auto_book=True)
    loop.open("19:00")
    await loop.dispatch((await loop.look()).work)
    await loop.r.redis.flushall()

    found = await loop.relay()

    assert (found.messages, found.bookings) == (1, 1)


async def test_without_redis_nothing_is_lost_and_nothing_is_stamped(loop: Loop) -> None:
    await loop.watch(await loop.guest())
    loop.open("19:00")
    result = await loop.look()
    nowhere = Redis.from_url("redis://127.0.0.1:1/0")

    from backend.services.outbox import dispatch

    assert not await dispatch(loop.r.sessions, Jobs(nowhere), result.work)
    assert (await loop.one("SELECT dispatched_at FROM notification_log")).dispatched_at is None
    await nowhere.aclose()


async def test_a_chance_that_nobody_took_lapses_after_two_minutes(loop: Loop) -> None:
    await loop.watch(await loop.guest(), auto_book=True)
    loop.open("19:00")
    await loop.look()
    await loop.execute("UPDATE bookings SET wanted_at = now() - interval '121 seconds'")
    await loop.relay()
    seen_open = (await loop.one("SELECT state FROM bookings")).state
    await loop.execute("UPDATE slot_drops SET last_seen_at = now() - interval '121 seconds'")

    await loop.relay()

    assert (seen_open, (await loop.one("SELECT state FROM bookings")).state) == ("wanted", "lapsed")


async def test_due_groups_are_claimed_once_and_sent_as_one_run_a_tier(loop: Loop) -> None:
    alice = await loop.guest()
    for location in ("peachtree", "west_paces", "houston_s_pasadena"):
        await loop.watch(alice, location)

    first = await dispatch_due(loop.r.sessions, loop.r.jobs, loop.r.budget, tick_seconds=5)
    second = await dispatch_due(loop.r.sessions, loop.r.jobs, loop.r.budget, tick_seconds=5)

    assert (first, second) == (3, 0)
    assert (await loop.one("SELECT groups FROM scan_runs")).groups == 3
    assert await loop.queued("scan") == 1


async def test_switched_off_scanning_dispatches_nothing(loop: Loop) -> None:
    await loop.watch(await loop.guest())
    await loop.execute("UPDATE switches SET is_on = false WHERE name = 'scanning'")

    assert await dispatch_due(loop.r.sessions, loop.r.jobs, loop.r.budget, tick_seconds=5) == 0


async def test_one_tick_is_one_message_however_many_schedulers_there_are(loop: Loop) -> None:
    tick = Tick("scan_urgent_watches", 86_400.0)

    for _ in range(3):
        await fire(loop.r.redis, loop.r.jobs, tick)

    assert await loop.queued("scan") == 1


def test_every_scheduled_actor_has_a_queue(settings: Settings) -> None:
    assert {tick.actor for tick in schedule(settings)} <= set(QUEUES)


async def test_watches_expire_when_their_day_is_over_at_the_restaurant(loop: Loop) -> None:
    alice = await loop.guest()
    ended, running = await loop.watch(alice), await loop.watch(alice, "houston_s_pasadena")
    for watch_id, day in ((ended, "- 1"), (running, "+ 0")):
        await loop.execute(
            "WITH d AS (SELECT w.id, w.location_key, (now() AT TIME ZONE l.timezone)::date " + day + " AS day "
            "FROM watches w JOIN locations l ON l.key = w.location_key WHERE w.id = :id), "
            "g AS (INSERT INTO scan_groups (location_key, target_date, party_size) SELECT location_key, day, 2 FROM d) "
            "UPDATE watches SET target_date = d.day FROM d WHERE watches.id = d.id",
            id=watch_id,
        )

    count = await notices.expire_watches(loop.r.sessions, now=datetime.now(UTC))

    statuses = {row.id: row.status for row in await loop.rows("SELECT id, status FROM watches")}
    assert count == 1
    assert statuses == {ended: "expired", running: "active"}


async def test_a_few_new_mails_leave_at_once_and_the_rest_in_turn(loop: Loop) -> None:
    few, many = tuple((n, "email") for n in range(1, 4)), tuple((n, "email") for n in range(1, 31))

    jobs = [await jobs_of(loop, Work(messages)) for messages in (few[:1], few, many)]

    assert jobs == [
        [("send_email_notification", (1,))],
        [("send_notifications", ([1, 2, 3],))],
        [("send_notifications", (list(range(1, 21)),)), ("drain_notifications", ("email",))],
    ]


async def test_every_kind_of_channel_is_sent_by_somebody(loop: Loop) -> None:
    jobs = await jobs_of(loop, Work(tuple((n, kind) for n, kind in enumerate((*CHANNEL_KINDS, *CHANNEL_KINDS)))))

    others = sorted(set(CHANNEL_KINDS) - {"email"})
    assert jobs == [("send_notifications", ([0, 9],)), *(("drain_notifications", (kind,)) for kind in others)]


async def jobs_of(loop: Loop, work: Work) -> list[tuple[str, tuple[Any, ...]]]:
    await loop.r.redis.delete("dramatiq:notify")
    await loop.dispatch(work)
    return [(message.actor_name, tuple(message.args)) for message in await waiting(loop.r.redis, "notify")]
