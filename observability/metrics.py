"""Every metric: name, help, labels and buckets.

Two sorts. What the ledgers hold is read from them when somebody asks (`ledger_registry`), and equals them exactly after
any crash. The rest is counted in each process (`PROCESS`), and a killed process takes along what it had not yet shown.
Labels come from closed sets: no ids, no addresses, no paths.
"""

from collections.abc import Iterator, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

TIERS = ("urgent", "normal", "browse", "push")
BREAKER_STATES = ("closed", "open", "probing")

PROCESS = CollectorRegistry()

HTTP_REQUESTS = Counter(
    "houstons_http_requests", "Answers of the web server.", ("method", "route", "status"), registry=PROCESS
)
HTTP_SECONDS = Histogram(
    "houstons_http_request_seconds",
    "From a request to the end of its answer.",
    ("route",),
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
    registry=PROCESS,
)
SIGN_INS = Counter("houstons_sign_ins", "Tries to sign in.", ("way", "outcome"), registry=PROCESS)
LIMITED = Counter("houstons_rate_limited", "Requests that were refused as too many.", ("limit",), registry=PROCESS)
LOOKS = Counter("houstons_looks", "Looks by what came of them.", ("tier", "outcome"), registry=PROCESS)
LOOK_LAG = Histogram(
    "houstons_look_lag_seconds",
    "From when a look was due to its answer.",
    ("tier",),
    buckets=(1, 2.5, 5, 10, 20, 30, 60, 120, 300, 600, 1800),
    registry=PROCESS,
)
DROPS = Counter("houstons_drops", "Openings that appeared and went.", ("event",), registry=PROCESS)
UPSTREAM_CALLS = Counter(
    "houstons_upstream_calls", "Calls to the reservation service.", ("operation", "outcome"), registry=PROCESS
)
UPSTREAM_SECONDS = Histogram(
    "houstons_upstream_call_seconds",
    "How long a call to the reservation service took.",
    ("operation",),
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20),
    registry=PROCESS,
)
OPEN_TO_SENT = Histogram(
    "houstons_open_to_sent_seconds",
    "From the first sight of a table to the provider's word that its message is accepted.",
    ("channel",),
    buckets=(0.25, 0.5, 1, 2, 3, 5, 7.5, 10, 15, 30, 60, 300, 3600),
    registry=PROCESS,
)
DELIVERIES = Counter(
    "houstons_deliveries", "Attempts to send by what came of them.", ("channel", "kind", "outcome"), registry=PROCESS
)
BOOKING_ATTEMPTS = Counter(
    "houstons_booking_attempts", "Tries to book by what came of them.", ("outcome",), registry=PROCESS
)
MESSAGES = Counter("houstons_actor_messages", "Jobs done.", ("actor", "outcome"), registry=PROCESS)
MESSAGE_SECONDS = Histogram(
    "houstons_actor_seconds",
    "How long a job took.",
    ("actor",),
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 110),
    registry=PROCESS,
)
MESSAGE_AGE = Histogram(
    "houstons_actor_message_age_seconds",
    "How long a job waited for a worker.",
    ("actor",),
    buckets=(0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300),
    registry=PROCESS,
)
TICKS = Counter("houstons_ticks", "Ticks of the scheduler.", ("actor", "outcome"), registry=PROCESS)
POOL = Gauge("houstons_database_connections", "Connections of this process.", ("state",), registry=PROCESS)
BUILD = Gauge(
    "houstons_build_info", "1, with the version and the part that runs.", ("version", "part"), registry=PROCESS
)

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
    "outbox": ("houstons_outbox_due", "Messages that are due and not in hand.", ("channel",)),
    "outbox_oldest": ("houstons_outbox_oldest_seconds", "How long the oldest of them has been due.", ("channel",)),
    "watches": ("houstons_watches", "Watches.", ("status",)),
    "groups": ("houstons_groups", "Restaurant, day and party that are looked at.", ("tier",)),
    "groups_due": ("houstons_groups_due", "Groups whose look is due.", ("tier",)),
    "groups_overdue": ("houstons_groups_overdue_seconds", "How long the longest of them has been due.", ("tier",)),
    "groups_stalest": (
        "houstons_groups_stalest_seconds",
        "Age of the oldest knowledge: the last good look, or the group's beginning.",
        ("tier",),
    ),
    "groups_failing": ("houstons_groups_failing", "Groups whose last look had trouble.", ("tier",)),
    "heartbeats": ("houstons_heartbeat_age_seconds", "Youngest sign of life of a part, by queue.", ("part", "queue")),
    "violations": ("houstons_invariant_violations", "Rows that must never be.", ("invariant",)),
    "queues": ("houstons_queue_messages", "Jobs that wait for a worker.", ("queue",)),
    "dead": ("houstons_dead_letters", "Jobs that failed and were put aside.", ("queue",)),
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
