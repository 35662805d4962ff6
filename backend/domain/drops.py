"""What a look changed: slots that appeared, stayed, or went."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from backend.domain.coverage import Coverage
from backend.domain.types import Drop, Slot


@dataclass(frozen=True, slots=True)
class Change:
    """The difference between the open drops and a look."""

    appeared: tuple[Slot, ...]
    stayed: tuple[Drop, ...]
    gone: tuple[Drop, ...]


def diff(open_drops: Sequence[Drop], seen: Iterable[Slot], coverage: Coverage) -> Change:
    """Compare. A drop that was not seen is gone only where the look covered its time; elsewhere it stays as it was."""
    slots = {(slot.reserved_ts, slot.type_id): slot for slot in seen}
    known = {(drop.reserved_ts, drop.type_id) for drop in open_drops}
    return Change(
        appeared=tuple(sorted(slot for key, slot in slots.items() if key not in known)),
        stayed=tuple(drop for drop in open_drops if (drop.reserved_ts, drop.type_id) in slots),
        gone=tuple(
            drop
            for drop in open_drops
            if (drop.reserved_ts, drop.type_id) not in slots and coverage.includes(drop.reserved_ts)
        ),
    )
