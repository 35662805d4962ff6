"""Counts the calls to the reservation service."""

from observability.metrics import UPSTREAM_CALLS, UPSTREAM_SECONDS


def count_call(operation: str, outcome: str, seconds: float) -> None:
    """One call: look, ask or book; ok, refused, or what kind of trouble it had."""
    UPSTREAM_CALLS.labels(operation, outcome).inc()
    UPSTREAM_SECONDS.labels(operation).observe(seconds)
