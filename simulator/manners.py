"""How this Wisely answers where nobody knows how the real one does."""

from __future__ import annotations

from typing import Literal

import msgspec

LimitCounts = Literal["over-all", "per-type"]


class Manners(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The unknowns of the real service, each with the guess that is used unless told otherwise."""

    maximum_limit: int = 50
    """A larger `limit` is cut down to it."""

    default_limit: int = 20
    """The `limit` of a request without one."""

    limit_counts: LimitCounts = "over-all"
    """Whether `limit` holds over all types or within each."""

    list_empty_types: bool = True
    """Whether a type without open times is listed with an empty list or left out."""

    available_as: Literal["int", "bool"] = "int"
    """How `is_available` is written: 1 or true."""

    list_unavailable: bool = False
    """Whether quarter-hours of service that are not open are listed too, with a false `is_available`.

    They then count towards `limit` like the open ones.
    """

    cut_off_minutes: int = 10
    """Times nearer than this are neither listed nor booked."""
