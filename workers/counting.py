"""Turns outcomes of the services into numbers."""

from collections.abc import Iterable, Sequence

from backend.domain.types import Kind, Tier
from backend.services.delivery import Delivery
from backend.services.scan import Scan
from backend.services.verdict import Outcome
from observability.metrics import BOOKING_ATTEMPTS, DELIVERIES, DROPS, LOOK_LAG, LOOKS, OPEN_TO_SENT


def begin_counting(channels: Iterable[str]) -> None:
    """Show zeros from the start: a rate does not see the first of what was absent before."""
    for tier in Tier:
        LOOKS.labels(tier, "ok")
        LOOK_LAG.labels(tier)
    for event in ("appeared", "gone"):
        DROPS.labels(event)
    for outcome in ("booked", "refused", "unknown"):
        BOOKING_ATTEMPTS.labels(outcome)
    for channel in channels:
        OPEN_TO_SENT.labels(channel)
        for outcome in ("sent", "failed"):
            DELIVERIES.labels(channel, Kind.TABLE_OPEN, outcome)


def count_scan(scan: Scan) -> None:
    """A batch of looks."""
    for tried in scan.tried:
        LOOKS.labels(tried.tier, tried.outcome).inc()
        if tried.lag_seconds is not None:
            LOOK_LAG.labels(tried.tier).observe(max(tried.lag_seconds, 0))
    DROPS.labels("appeared").inc(scan.appeared)
    DROPS.labels("gone").inc(scan.gone)


def count_booking(outcome: Outcome) -> None:
    """A try to book."""
    BOOKING_ATTEMPTS.labels(outcome.state).inc()


def count_lost_bookings(count: int) -> None:
    """Tries whose worker did not come back: nobody knows what became of them."""
    BOOKING_ATTEMPTS.labels("unknown").inc(count)


def count_deliveries(told: Sequence[Delivery]) -> None:
    """What became of messages; what turned out to be somebody else's is counted by them."""
    for one in told:
        if one.status == "not_mine":
            continue
        DELIVERIES.labels(one.channel, one.kind, one.status).inc()
        if one.status == "sent" and one.seconds_open is not None:
            OPEN_TO_SENT.labels(one.channel).observe(max(one.seconds_open, 0))
