"""Every metric: name, help and labels."""

from collections.abc import Iterator, Mapping

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

TIERS = ("urgent", "normal", "browse", "push")
BREAKER_STATES = ("closed", "open", "probing")

# name → (metric, help, labels)
COUNTERS = {
    "scanned": ("houstons_watches_scanned", "Watches looked at.", ("tier",)),
    "skipped": ("houstons_watches_skipped", "Watches not looked at: window passed, asleep or trouble.", ("tier",)),
    "matches": ("houstons_matches", "New pairs of watch and open table.", ("tier",)),
    "booked": ("houstons_booked", "Tables booked.", ("tier",)),
}
GAUGES = {
    "notifications": ("houstons_notifications", "Messages in the ledger.", ("channel", "status")),
    "bookings": ("houstons_bookings", "Bookings in the ledger.", ("state",)),
    "tokens": ("houstons_upstream_budget_tokens", "Calls saved up under the mean.", ()),
    "in_flight": ("houstons_upstream_calls_in_flight", "Calls under way, by their leases.", ()),
    "blocked": ("houstons_upstream_blocked_seconds", "For how long everybody is held back.", ()),
    "breaker": ("houstons_upstream_breaker", "1 for the state of the circuit breaker.", ("state",)),
}


class _Ledger(Collector):
    def __init__(self, totals: Mapping[str, Mapping[tuple[str, ...], float]]) -> None:
        self._totals = totals

    def collect(self) -> Iterator[Metric]:
        for key, (name, help_text, labels) in COUNTERS.items():
            counter = CounterMetricFamily(name, help_text, labels=labels)
            # A tier that never ran is zero, not absent: rates need a first value.
            known: dict[tuple[str, ...], float] = {(tier,): 0.0 for tier in TIERS}
            for values, total in (known | dict(self._totals[key])).items():
                counter.add_metric(values, total)
            yield counter
        for key, (name, help_text, names) in GAUGES.items():
            gauge = GaugeMetricFamily(name, help_text, labels=names)
            for label_values, count in self._totals.get(key, {}).items():
                gauge.add_metric(label_values, count)
            yield gauge


def ledger_registry(totals: Mapping[str, Mapping[tuple[str, ...], float]]) -> CollectorRegistry:
    """A registry that shows totals read from the ledgers: name → label values → value."""
    registry = CollectorRegistry()
    registry.register(_Ledger(totals))
    return registry
