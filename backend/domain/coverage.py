"""How much of a day an answer has told, when answers are cut off at a limit.

The service returns the `limit` open times nearest to the one asked for. With fewer than `limit` the whole day is known;
with `limit` of them only the span strictly nearer than the farthest one is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Coverage:
    """The instants (epoch ms) about which a look can say "not open": spans, ascending, without overlap."""

    spans: tuple[tuple[int, int], ...] = ()

    def includes(self, ts: int) -> bool:
        return any(start <= ts <= end for start, end in self.spans)

    def union(self, other: "Coverage") -> "Coverage":
        merged: list[tuple[int, int]] = []
        for start, end in sorted((*self.spans, *other.spans)):
            if merged and start <= merged[-1][1] + 1:
                merged[-1] = (merged[-1][0], max(merged[-1][1], end))
            else:
                merged.append((start, end))
        return Coverage(tuple(merged))

    def largest_gap(self, start: int, end: int) -> tuple[int, int] | None:
        """The widest part of [start, end] that is not covered, or None."""
        gaps, at = [], start
        for low, high in self.spans:
            if low > at:
                gaps.append((at, min(low - 1, end)))
            at = max(at, high + 1)
        if at <= end:
            gaps.append((at, end))
        return max((gap for gap in gaps if gap[0] <= gap[1]), key=lambda gap: gap[1] - gap[0], default=None)


def covered(
    center_ts: int, times_by_type: Mapping[int, Sequence[int]], limit: int, *, day: tuple[int, int]
) -> Coverage:
    """What one answer covers of `day`, whether the service counts its limit per type or over all types."""
    cut_off = [times for times in times_by_type.values() if len(times) >= limit]
    if not cut_off and sum(len(times) for times in times_by_type.values()) == limit:
        cut_off = [[ts for times in times_by_type.values() for ts in times]]
    if not cut_off:
        return Coverage((day,))
    radius = min(max(abs(ts - center_ts) for ts in times) for times in cut_off)
    start, end = max(day[0], center_ts - radius + 1), min(day[1], center_ts + radius - 1)
    return Coverage(((start, end),)) if start <= end else Coverage()
