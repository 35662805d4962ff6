"""Booking: one chance of the ledger each."""

import dramatiq
import structlog

from backend.services.booking import attempt
from backend.services.outbox import dispatch
from workers.broker import resources
from workers.counting import count_booking
from workers.resources import utc_now

log = structlog.get_logger()


@dramatiq.actor(queue_name="book")
async def auto_book_reservation(booking_id: int) -> None:
    """Try one booking, once."""
    r = resources.current
    outcome = await attempt(
        r.sessions,
        r.wisely,
        booking_id,
        auto_book=r.settings.auto_book,
        operators=r.settings.operators,
        now=utc_now(),
    )
    count_booking(outcome)
    await dispatch(r.sessions, r.jobs, outcome.work)
    log.info(f"book.{outcome.state}", booking=booking_id, reason=outcome.reason)
