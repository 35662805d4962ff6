"""Telling people: messages of the ledger, the newest at once and the rest in turn."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from functools import partial

import dramatiq
import structlog
from redis.exceptions import RedisError

from backend.services.delivery import AT_ONCE, Delivery, deliver, drain
from backend.services.outbox import dispatch
from workers.broker import resources
from workers.counting import count_deliveries
from workers.drains import Drains

log = structlog.get_logger()

# Threads of a worker that send mails at a time. Whoever comes then leaves theirs to the drain: the threads that are
# left are for bookings and other channels, even while the mail server hangs.
_MOST_SENDING = 4
# A drain gives the queue a turn after so long, and a worker that is to end waits for it no longer.
_DRAIN_SECONDS = 10.0
# A database that is away at the claim and at the verdict, and the longest send in between.
_SEND_LIMIT_MS = 180_000
# Several drains, one after the other, and what they had in the air at the end: above all of them.
_DRAIN_LIMIT_MS = 3_600_000

_sending = asyncio.Semaphore(_MOST_SENDING)


@dramatiq.actor(queue_name="notify", time_limit=_SEND_LIMIT_MS)
async def send_email_notification(notification_id: int) -> None:
    """Send one mail."""
    await _send([notification_id])


@dramatiq.actor(queue_name="notify", time_limit=_DRAIN_LIMIT_MS)
async def send_sms_notification(notification_id: int) -> None:
    """Send one text message, with all others that are due."""
    await _drains.run("sms")


@dramatiq.actor(queue_name="notify", time_limit=_SEND_LIMIT_MS)
async def send_notifications(notification_ids: list[int]) -> None:
    """Send some mails at once."""
    await _send(notification_ids)


@dramatiq.actor(queue_name="notify", time_limit=_DRAIN_LIMIT_MS)
async def drain_notifications(channel: str) -> None:
    """Send what is due on a channel, the most urgent first, until nothing is left."""
    await _drains.run(channel)


async def _send(ids: Sequence[int]) -> None:
    if _sending.locked():
        await _drains.run("email")
        return
    r = resources.current
    async with _sending:
        told = await deliver(r.preparation, ids, send_on=partial(dispatch, r.sessions, r.jobs))
    count_deliveries(told)
    for one in told:
        _log(one)


async def _drain(channel: str, more: asyncio.Event) -> None:
    r = resources.current
    is_done = await drain(
        r.preparation,
        channel,
        send_on=partial(dispatch, r.sessions, r.jobs),
        tell=_log_many,
        more=more,
        # The last connection is for what is sent at once.
        at_once=max(1, r.settings.smtp_connections - 1) if channel == "email" else AT_ONCE,
        seconds=_DRAIN_SECONDS,
    )
    if not is_done:
        more.clear()
        try:
            await r.jobs.send([("drain_notifications", (channel,))])
        except RedisError as error:
            # The relay sends on what is left.
            log.warning("notify.drain_stopped", channel=channel, reason=str(error))


_drains = Drains(_drain)


def _log_many(told: Sequence[Delivery]) -> None:
    """What went well as a number, everything else by itself."""
    count_deliveries(told)
    for channel, count in Counter(one.channel for one in told if one.status == "sent").items():
        log.info("notify.sent", channel=channel, count=count)
    for one in told:
        if one.status != "sent":
            _log(one)


def _log(one: Delivery) -> None:
    if one.error is not None:
        log.error("notify.unexpected", notification=one.id, channel=one.channel, exc_info=one.error)
    if one.status != "not_mine":
        log.info(f"notify.{one.status}", notification=one.id, channel=one.channel, kind=one.kind, reason=one.reason)
