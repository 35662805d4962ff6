"""Turns outcomes of the services into numbers."""

from backend.services.booking import Outcome
from backend.services.scan import Scan
from observability.metrics import BOOKING_ATTEMPTS, DROPS, LOOK_LAG, LOOKS


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
