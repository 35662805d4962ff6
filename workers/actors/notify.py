"""Telling people: one message of the ledger each, whatever its channel."""

import dramatiq
import structlog

from backend.services.delivery import deliver
from workers.broker import resources
from workers.resources import utc_now

log = structlog.get_logger()


@dramatiq.actor(queue_name="notify")
async def send_email_notification(notification_id: int) -> None:
    """Send one mail."""
    await _deliver(notification_id)


@dramatiq.actor(queue_name="notify")
async def send_sms_notification(notification_id: int) -> None:
    """Send one text message; without a sender for texts it is written down as suppressed."""
    await _deliver(notification_id)


async def _deliver(notification_id: int) -> None:
    r = resources.current
    result = await deliver(
        r.sessions,
        r.senders,
        notification_id,
        public_url=r.settings.public_url,
        deployment=r.settings.deployment,
        now=utc_now(),
    )
    if result.status != "not_mine":
        log.info(
            f"notify.{result.status}",
            notification=notification_id,
            channel=result.channel,
            kind=result.kind,
            reason=result.reason,
        )
