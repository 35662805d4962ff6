"""What each message says, by its kind: the one place that knows who writes what."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

from backend.domain.message import Facts, Opening
from backend.domain.types import ACCOUNT_KINDS, Kind
from backend.services import account_mail
from backend.services.channel_mail import CHANNEL_MAIL_KINDS, compose_channel
from backend.services.delivery_rules import Decision
from backend.services.letters import Letter, letter


class Composer(Protocol):
    """Writes a message of its kinds."""

    async def __call__(self, session: AsyncSession, row: Row[Any], *, public_url: str, now: datetime) -> Letter: ...


# Of kinds that are about neither an account nor a table.
_COMPOSERS: Mapping[Kind, Composer] = dict.fromkeys(CHANNEL_MAIL_KINDS, compose_channel)


async def compose(
    session: AsyncSession,
    rows: Sequence[Row[Any]],
    about: Mapping[int, Row[Any]],
    decisions: Mapping[int, Decision],
    *,
    public_url: str,
    now: datetime,
) -> dict[int, Letter]:
    """Write claimed messages, by id. `about` is what `notifications.facts` says. Raises LookupError for a kind that
    nobody writes.
    """
    letters: dict[int, Letter] = {}
    # By person: composers lock accounts, and two batches must not wait for each other.
    for row in sorted(rows, key=lambda row: (row.user_id or 0, row.id)):
        kind = Kind(row.kind)
        if kind in ACCOUNT_KINDS:
            letters[row.id] = await account_mail.compose(session, row, public_url=public_url)
        elif kind in _COMPOSERS:
            letters[row.id] = await _COMPOSERS[kind](session, row, public_url=public_url, now=now)
        else:
            letters[row.id] = letter(_facts(kind, about[row.id], decisions[row.id].drops), public_url=public_url)
    return letters


def _facts(kind: Kind, about: Row[Any], drops: Sequence[Row[Any]]) -> Facts:
    return Facts(
        kind=kind,
        restaurant=about.name,
        timezone=about.timezone,
        booking_slug=about.booking_slug,
        target_date=about.target_date,
        party_size=about.party_size,
        openings=tuple(
            Opening(table.reserved_ts, table.reservation_type_id, table.reservation_type_name or "")
            for table in (drops if kind is Kind.TABLE_OPEN else (about,))
        ),
        reason=about.reason,
    )
