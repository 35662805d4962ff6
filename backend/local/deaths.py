"""When to start again what died: at once after a stumble, ever later if it keeps falling, and some day not at all."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Patience:
    """How much dying is put up with. All in seconds, but for `deaths`, which end it all when they fall in `window`."""

    first_wait: float = 0.5
    longest_wait: float = 30.0
    steady_after: float = 60.0
    deaths: int = 5
    window: float = 60.0


@dataclass(slots=True)
class Deaths:
    """The record of one process."""

    patience: Patience
    recent: list[float] = field(default_factory=list)
    in_a_row: int = 0

    def record(self, *, started_at: float, now: float) -> float | None:
        """Seconds until the restart; None when it died too often."""
        steady = now - started_at >= self.patience.steady_after
        self.in_a_row = 1 if steady else self.in_a_row + 1
        self.recent = [*(moment for moment in self.recent if now - moment < self.patience.window), now]
        if len(self.recent) >= self.patience.deaths:
            return None
        return min(self.patience.first_wait * 2.0 ** (self.in_a_row - 1), self.patience.longest_wait)
