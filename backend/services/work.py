"""Rows of the ledgers that wait to be sent on."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Work:
    """Ledger rows that wait to be sent: messages as (id, channel), and bookings."""

    messages: tuple[tuple[int, str], ...] = ()
    bookings: tuple[int, ...] = ()
