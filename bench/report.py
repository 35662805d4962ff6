"""What was measured, as a table for people and as one line of JSON."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import median_low

CPU_MS_PER_GROUP = 3.0
TIMES_BARE = 1.5
LARGEST_PROCESS_MB = 160.0
REQUESTS_PER_GROUP = 1.0


@dataclass(frozen=True, slots=True)
class Result:
    """One measurement; the names are those of the JSON."""

    watches: int
    groups: int
    matches: int
    requests: int
    wall_seconds: float
    cpu_seconds: float
    cpu_ms_per_group: float
    peak_rss_mb: float
    max_concurrency: int
    max_per_second: int
    bare_cpu_ms_per_group: float


@dataclass(frozen=True, slots=True)
class Circumstances:
    """How it was measured."""

    latency_ms: float
    rate: int
    workers: int
    idle_cpu_ms_per_second: float
    bare_matches: int


def median_of(results: Sequence[Result]) -> Result:
    """The measurement in the middle, by CPU time a group."""
    middle = median_low([result.cpu_ms_per_group for result in results])
    return next(result for result in results if result.cpu_ms_per_group == middle)


def table(result: Result, how: Circumstances) -> str:
    """The numbers, those with a goal beside it."""
    ratio = result.cpu_ms_per_group / result.bare_cpu_ms_per_group
    rows = [
        ("watches", f"{result.watches:,}", ""),
        ("groups", f"{result.groups:,}", ""),
        ("matches", f"{result.matches:,}", f"the plain loop: {how.bare_matches:,}"),
        ("upstream", f"{how.latency_ms:g} ms", f"cap {how.rate} a second" if how.rate else "no cap a second"),
        ("scan workers", f"{how.workers}", ""),
        ("requests", f"{result.requests:,}", ""),
        ("  a group", f"{result.requests / result.groups:.2f}", _goal(REQUESTS_PER_GROUP, "exactly")),
        ("most at once", f"{result.max_concurrency}", _goal(10)),
        ("most in a second", f"{result.max_per_second}", _goal(10) if how.rate else ""),
        ("wall time", f"{result.wall_seconds:.1f} s", ""),
        ("CPU time", f"{result.cpu_seconds:.2f} s", f"idle workers use {how.idle_cpu_ms_per_second:.0f} ms a second"),
        ("  a group", f"{result.cpu_ms_per_group:.2f} ms", _goal(CPU_MS_PER_GROUP, unit=" ms")),
        ("  plain loop", f"{result.bare_cpu_ms_per_group:.2f} ms", ""),
        ("  times plain", f"{ratio:.2f}", _goal(TIMES_BARE)),
        ("largest process", f"{result.peak_rss_mb:.0f} MB", _goal(LARGEST_PROCESS_MB, unit=" MB")),
    ]
    return "\n".join(f"{name:<18}{value:>12}   {note}".rstrip() for name, value, note in rows)


def as_json(result: Result) -> str:
    return json.dumps({name: round(value, 3) for name, value in asdict(result).items()})


def _goal(value: float, how: str = "at most", *, unit: str = "") -> str:
    return f"goal: {how} {value:g}{unit}"
