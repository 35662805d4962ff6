"""What a message about tables may speak of, from the rows that say how things stand."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row

from backend.domain.booking_rules import held_back
from backend.domain.message import Effort, Facts, Opening
from backend.domain.types import Kind


def facts_of(row: Row[Any], about: Row[Any], drops: Sequence[Row[Any]], *, auto_book: str, is_late: bool) -> Facts:
    """The facts of a row of the ledger. `about` is what `notifications.facts` says of it, `drops` are the openings that
    it still tells of, `auto_book` how the installation was set up, `is_late` when no look since has confirmed them.
    """
    kind = Kind(row.kind)
    openings: tuple[Opening, ...]
    if kind is Kind.TABLE_OPEN:
        openings = tuple(
            Opening(drop.reserved_ts, drop.reservation_type_id, drop.reservation_type_name or "", drop.last_seen_at)
            for drop in drops
        )
    else:
        openings = (Opening(about.reserved_ts, about.reservation_type_id, about.reservation_type_name or ""),)
    return Facts(
        kind=kind,
        restaurant=about.name,
        timezone=about.timezone,
        booking_slug=about.booking_slug,
        target_date=about.target_date,
        party_size=about.party_size,
        openings=openings,
        reason=about.reason,
        location_key=about.location_key,
        town=f"{about.city}, {about.state}",
        watch_id=row.watch_id,
        watch_goes_on=about.watch_status == "active",
        booking_id=row.booking_id,
        effort=_effort(about, auto_book) if about.auto_book else None,
        is_late=is_late,
        persons_zone=about.persons_zone,
        is_for_operator=row.user_id is None and kind is Kind.BOOKING_UNKNOWN,
    )


def _effort(about: Row[Any], auto_book: str) -> Effort:
    """What is done for a chance by the rules of this moment: one that is held back is closed when its turn comes."""
    if about.chance == "attempting":
        return Effort.ATTEMPTING
    is_held = held_back(auto_book, switched_on=about.switched_on, allowed_here=about.auto_book_allowed)
    if about.chance is None or is_held:
        return Effort.NONE
    return Effort.DRY_RUN if auto_book == "dry-run" else Effort.IN_LINE
