"""What requests cost, as a table for people and as lines of JSON."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import quantiles

TIMES_BARE = 1.5
AVAILABILITY_CPU_US = 2_000.0


@dataclass(frozen=True, slots=True)
class Result:
    """One route. CPU time is that of the server's process, microseconds a request; bare is the plain handler's."""

    route: str
    cpu_us: float
    bare_cpu_us: float
    p50_ms: float
    p99_ms: float
    bare_p50_ms: float
    bare_p99_ms: float


def percentiles(latencies: Sequence[float]) -> tuple[float, float]:
    """The median and the 99th percentile, in milliseconds."""
    steps = quantiles(latencies, n=100, method="inclusive")
    return steps[49] * 1000, steps[98] * 1000


def table(results: Sequence[Result]) -> str:
    """A line a route, and a star where a goal is missed."""
    lines = [
        f"{'':<14}{'CPU µs':>8}{'bare':>8}{'× bare':>8}  {'p50 ms':>8}{'p99 ms':>8}{'bare p50':>10}{'bare p99':>10}"
    ]
    for r in results:
        star = "" if meets_goals(r) else "  *"
        # The clock of the kernel ticks in hundredths of a second: a short run may have cost nothing.
        times_bare = r.cpu_us / r.bare_cpu_us if r.bare_cpu_us else float("nan")
        lines.append(
            f"{r.route:<14}{r.cpu_us:>8,.0f}{r.bare_cpu_us:>8,.0f}{times_bare:>8.2f}"
            f"  {r.p50_ms:>8.1f}{r.p99_ms:>8.1f}{r.bare_p50_ms:>10.1f}{r.bare_p99_ms:>10.1f}{star}"
        )
    goal = f"goal: at most {TIMES_BARE:g} × bare; availability under {AVAILABILITY_CPU_US:,.0f} µs"
    return "\n".join([*lines, goal])


def meets_goals(result: Result) -> bool:
    is_within = result.cpu_us <= TIMES_BARE * result.bare_cpu_us
    return is_within and (result.route != "availability" or result.cpu_us < AVAILABILITY_CPU_US)


def as_json(result: Result) -> str:
    names = ("cpu_us", "bare_cpu_us", "p50_ms", "p99_ms")
    return json.dumps({"route": result.route, **{name: round(getattr(result, name), 2) for name in names}})
