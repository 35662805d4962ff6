"""What each message says, by its kind: the one place that knows who writes what."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

from backend.db.queries import keys
from backend.domain.types import ACCOUNT_KINDS, NOTICE_KINDS, Kind
from backend.services import account_mail
from backend.services.channel_mail import CHANNEL_MAIL_KINDS, compose_channel
from backend.services.delivery_rules import Decision
from backend.services.fallback import compose_channel_disabled
from backend.services.letters import Letter, letter
from backend.services.message_facts import facts_of
from backend.services.message_links import links_of
from backend.services.notices import compose_notice


class Composer(Protocol):
    """Writes a message of its kinds."""

    async def __call__(self, session: AsyncSession, row: Row[Any], *, public_url: str, now: datetime) -> Letter: ...


# Of kinds that are not about a table.
_COMPOSERS: Mapping[Kind, Composer] = {
    **dict.fromkeys(NOTICE_KINDS, compose_notice),
    **dict.fromkeys(CHANNEL_MAIL_KINDS, compose_channel),
    Kind.CHANNEL_DISABLED: compose_channel_disabled,
}


async def compose(
    session: AsyncSession,
    rows: Sequence[Row[Any]],
    about: Mapping[int, Row[Any]],
    decisions: Mapping[int, Decision],
    *,
    public_url: str,
    auto_book: str,
    now: datetime,
) -> dict[int, Letter]:
    """Write claimed messages, by id. `about` is what `notifications.facts` says, `auto_book` how the installation
    was set up. Raises LookupError for a kind that nobody writes.
    """
    letters: dict[int, Letter] = {}
    key = await keys.newest(session, "links")
    # By person: composers lock accounts, and two batches must not wait for each other.
    for row in sorted(rows, key=lambda row: (row.user_id or 0, row.id)):
        kind = Kind(row.kind)
        if kind in ACCOUNT_KINDS:
            letters[row.id] = await account_mail.compose(session, row, public_url=public_url)
        elif kind in _COMPOSERS:
            letters[row.id] = await _COMPOSERS[kind](session, row, public_url=public_url, now=now)
        else:
            decision = decisions[row.id]
            told = facts_of(
                row, about[row.id], decision.drops, auto_book=auto_book, is_late=decision.seen_at is not None
            )
            links = links_of(row, public_url=public_url, key=key, watch_goes_on=told.watch_goes_on)
            letters[row.id] = letter(told, public_url=public_url, links=links, now=now)
    return letters
