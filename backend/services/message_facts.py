"""What a message about tables may speak of, from the rows that say how things stand."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row

from backend.domain.message import Effort, Facts, Opening
from backend.domain.types import Kind

_EFFORTS = {"attempting": Effort.ATTEMPTING, "wanted": Effort.IN_LINE, None: Effort.NONE}


def facts_of(row: Row[Any], about: Row[Any], drops: Sequence[Row[Any]], *, is_late: bool) -> Facts:
    """The facts of a row of the ledger. `about` is what `notifications.facts` says of it, `drops` are the openings that
    it still tells of, `is_late` when no look since has confirmed them.
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
        booking_id=row.booking_id,
        effort=_EFFORTS[about.chance] if about.auto_book else None,
        is_late=is_late,
        persons_zone=about.persons_zone,
        is_for_operator=row.user_id is None and kind is Kind.BOOKING_UNKNOWN,
    )
