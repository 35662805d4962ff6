"""Counts what clients ask of Wisely: how much, how much at once and how much in a second."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

REMEMBERED = 200_000
"""The number of requests whose instants are kept."""


class Statistics:
    """`monotonic` gives seconds that never run backwards; instants are counted from the last reset."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._at_once = 0
        self.reset()

    def reset(self) -> None:
        """Begin anew. Requests that are under way go on counting as such."""
        self._started = self._monotonic()
        self._operations: Counter[str] = Counter()
        self._merchants: Counter[str] = Counter()
        self._statuses: Counter[str] = Counter()
        self._most_at_once = self._at_once
        self._window: deque[float] = deque()
        self._most_in_sliding_second = 0
        self._clock_second = (-1, 0)
        self._most_in_clock_second = 0
        self._requests: deque[tuple[float, str, int | None]] = deque(maxlen=REMEMBERED)

    @contextmanager
    def during(self, operation: str, merchant_id: int | None) -> Iterator[None]:
        """Count one request, from its arrival to the end of its answer."""
        self._arrived(operation, merchant_id)
        self._at_once += 1
        self._most_at_once = max(self._most_at_once, self._at_once)
        try:
            yield
        finally:
            self._at_once -= 1

    def answered(self, answer: str) -> None:
        """Count an answer by its status, or by what became of it."""
        self._statuses[answer] += 1

    def report(self) -> dict[str, Any]:
        elapsed = self._monotonic() - self._started
        total = sum(self._operations.values())
        return {
            "requests": total,
            "requests_by_operation": {name: self._operations[name] for name in ("inventory", "booking")},
            "requests_by_merchant": dict(self._merchants),
            "answers": dict(self._statuses),
            "now_at_once": self._at_once,
            "most_at_once": self._most_at_once,
            "most_in_sliding_second": self._most_in_sliding_second,
            "most_in_clock_second": self._most_in_clock_second,
            "mean_per_second": round(total / elapsed, 3) if elapsed > 0 else 0.0,
            "elapsed_seconds": round(elapsed, 3),
        }

    def timestamps(self) -> list[dict[str, Any]]:
        """Every remembered request, with the seconds from the last reset to its arrival."""
        return [
            {"seconds": round(seconds, 6), "operation": operation, "merchant_id": merchant_id}
            for seconds, operation, merchant_id in self._requests
        ]

    def _arrived(self, operation: str, merchant_id: int | None) -> None:
        now = self._monotonic() - self._started
        self._operations[operation] += 1
        self._merchants[str(merchant_id)] += 1
        self._requests.append((now, operation, merchant_id))

        self._window.append(now)
        while self._window[0] <= now - 1.0:
            self._window.popleft()
        self._most_in_sliding_second = max(self._most_in_sliding_second, len(self._window))

        second, count = self._clock_second
        self._clock_second = (int(now), count + 1 if second == int(now) else 1)
        self._most_in_clock_second = max(self._most_in_clock_second, self._clock_second[1])
