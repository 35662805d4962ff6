"""A person's channels: added, proven, muted, disabled, removed.

`is_stopped`: STOP was texted from that number.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession

from backend.db.base import AnySession
from backend.db.queries import users

_COLUMNS = """
    c.id, c.user_id, c.kind, c.address, c.label, c.details, c.verified_at, c.muted_at, c.disabled_at, c.disabled_reason,
    c.code_hash, c.code_expires_at, c.code_attempts, c.created_at,
    c.kind = 'email' AND c.address = u.email AS is_sign_in, u.email_verified_at IS NOT NULL AS is_person_proven,
    u.disabled_at IS NULL AS is_enabled, u.name AS person,
    c.kind = 'sms' AND EXISTS (SELECT 1 FROM stopped_numbers s WHERE s.number = c.address) AS is_stopped
    FROM channels c JOIN users u ON u.id = c.user_id
"""
_OF_USER = text(f"SELECT {_COLUMNS} WHERE c.user_id = :user_id ORDER BY c.id").columns(details=JSONB)
_BY_ID = text(f"SELECT {_COLUMNS} WHERE c.id = :id").columns(details=JSONB)
_LOCK = text(f"SELECT {_COLUMNS} WHERE c.id = :id FOR UPDATE OF c").columns(details=JSONB)
_LOCK_SAME = text(f"""
    SELECT {_COLUMNS} WHERE c.user_id = :user_id AND c.kind = :kind AND c.address = :address FOR UPDATE OF c
""").columns(details=JSONB)
_ADD = text("""
    INSERT INTO channels (user_id, kind, address, label, details)
    VALUES (:user_id, :kind, :address, :label, CAST(:details AS jsonb)) RETURNING id
""")
_LOCK_PERSON = text("SELECT id FROM users WHERE id = :user_id FOR NO KEY UPDATE")
_IS_STOPPED = text("""
    SELECT EXISTS (SELECT 1 FROM stopped_numbers WHERE number = :number)
""")
_SET_CODE = text("""
    UPDATE channels SET code_hash = :hash, code_expires_at = :expires_at, code_attempts = 0 WHERE id = :id
""")
_TRY_CODE = text("""
    UPDATE channels SET code_attempts = code_attempts + 1
    WHERE id = :id AND user_id = :user_id AND code_hash IS NOT NULL AND code_expires_at > :now AND code_attempts < :most
    RETURNING code_hash, code_attempts
""")
_PROVE = text("""
    UPDATE channels SET verified_at = now(), verified_by = 'owner', code_hash = NULL, code_expires_at = NULL
    WHERE id = :id AND code_hash = :hash AND disabled_at IS NULL RETURNING id
""")
_PROVE_BROWSER = text("""
    UPDATE channels SET verified_at = now(), verified_by = 'owner', disabled_at = NULL, disabled_reason = NULL,
           details = CAST(:details AS jsonb)
    WHERE id = :id
""")
_CHANGE_DETAILS = text("""
    UPDATE channels SET details = CAST(:details AS jsonb), verified_at = NULL, verified_by = NULL, code_hash = NULL,
           code_expires_at = NULL
    WHERE id = :id
""")
# Only whoever has the browser knows its `auth`. All rows are locked in one order, one's own too: two who take turns do
# not wait for each other.
_LOCK_BROWSER = text("""
    SELECT id, user_id, details->>'auth' AS auth, disabled_at FROM channels
    WHERE kind = 'web_push' AND address = :address ORDER BY id FOR UPDATE
""")
_DISPLACE = text("""
    UPDATE channels SET disabled_at = now(), disabled_reason = 'somebody else is told in that browser now'
    WHERE id = ANY(:ids)
""")
_ENABLE = text("""
    UPDATE channels SET disabled_at = NULL, disabled_reason = NULL, verified_at = NULL, verified_by = NULL,
           code_hash = NULL, code_expires_at = NULL
    WHERE id = :id
""")
_EXPIRE_QUEUED = text("""
    UPDATE notification_log SET status = 'expired', error_message = 'the channel was removed'
    WHERE channel_id = :id AND status = 'queued'
""")
_STOP = text("INSERT INTO stopped_numbers (number) VALUES (:number) ON CONFLICT DO NOTHING")
_MUTE_NUMBER = text("""
    UPDATE channels SET muted_at = now()
    WHERE id IN (
        SELECT id FROM channels WHERE kind = 'sms' AND address = :number AND muted_at IS NULL ORDER BY id FOR UPDATE
    )
""")
_START = text("DELETE FROM stopped_numbers WHERE number = :number")
_UNMUTE_NUMBER = text("""
    UPDATE channels SET muted_at = NULL
    WHERE id IN (
        SELECT id FROM channels WHERE kind = 'sms' AND address = :number AND muted_at IS NOT NULL
        ORDER BY id FOR UPDATE
    ) RETURNING id, user_id
""")
_DISABLE = text("""
    UPDATE channels SET disabled_at = now(), disabled_reason = :reason
    WHERE id = :id AND disabled_at IS NULL AND (verified_at IS NULL OR verified_at <= :sent_at) RETURNING id
""")
_MUTE_BY_COMPLAINT = text("""
    UPDATE channels SET muted_at = now()
    WHERE id = :id AND muted_at IS NULL AND (verified_at IS NULL OR verified_at <= :sent_at)
""")
_PROGRESS = text("""
    SELECT id, channel, status, error_message, attempts, sent_at, next_attempt_at FROM notification_log WHERE id = :id
""")
_AT_ADDRESS = text("""
    SELECT id, user_id FROM channels WHERE kind = :kind AND address = :address ORDER BY id
""")


async def of_user(session: AsyncSession, user_id: int) -> Sequence[Row[Any]]:
    """All of a person's channels, the oldest first."""
    return (await session.execute(_OF_USER, {"user_id": user_id})).all()


async def by_id(session: AsyncSession, channel_id: int | None) -> Row[Any] | None:
    return (await session.execute(_BY_ID, {"id": channel_id})).one_or_none()


async def lock(session: AsyncSession, channel_id: int) -> Row[Any] | None:
    """A channel as it is now, until the transaction ends."""
    return (await session.execute(_LOCK, {"id": channel_id})).one_or_none()


async def lock_same(session: AsyncSession, user_id: int, *, kind: str, address: str) -> Row[Any] | None:
    """The person's channel with that address, locked. The person is locked before: two additions come one by one."""
    await session.execute(_LOCK_PERSON, {"user_id": user_id})
    return (await session.execute(_LOCK_SAME, {"user_id": user_id, "kind": kind, "address": address})).one_or_none()


async def count(session: AsyncSession, user_id: int) -> int:
    statement = text("SELECT count(*) FROM channels WHERE user_id = :user_id")
    return int(await session.scalar(statement, {"user_id": user_id}) or 0)


async def add(
    session: AsyncSession, user_id: int, *, kind: str, address: str, label: str | None, details: Mapping[str, Any]
) -> int:
    values = {"user_id": user_id, "kind": kind, "address": address, "label": label, "details": json.dumps(details)}
    return int((await session.execute(_ADD, values)).scalar_one())


async def is_stopped(session: AsyncSession, number: str) -> bool:
    """True when whoever has that number has texted STOP, and not START since."""
    return bool(await session.scalar(_IS_STOPPED, {"number": number}))


async def set_code(session: AsyncSession, channel_id: int, *, code_hash: bytes, expires_at: datetime) -> None:
    """A new code; the one before it is worthless."""
    await session.execute(_SET_CODE, {"id": channel_id, "hash": code_hash, "expires_at": expires_at})


async def try_code(
    session: AsyncSession, channel_id: int, *, user_id: int, most: int, now: datetime
) -> Row[Any] | None:
    """Count a try; returns the hash to compare with, and the tries so far. None: there is no code that may be tried."""
    values = {"id": channel_id, "user_id": user_id, "most": most, "now": now}
    return (await session.execute(_TRY_CODE, values)).one_or_none()


async def prove(session: AsyncSession, channel_id: int, *, code_hash: bytes) -> bool:
    """The address is its person's. False when there is another code by now, or the channel was disabled."""
    return (await session.execute(_PROVE, {"id": channel_id, "hash": code_hash})).first() is not None


async def prove_browser(session: AsyncSession, channel_id: int, *, details: Mapping[str, Any]) -> None:
    """A browser that subscribed has shown by that where it is; its keys are the newest ones."""
    await session.execute(_PROVE_BROWSER, {"id": channel_id, "details": json.dumps(details)})


async def change_details(session: AsyncSession, channel_id: int, *, details: Mapping[str, Any]) -> None:
    """What the kind needs beside the address is another; whether anything arrives has to be proven anew."""
    await session.execute(_CHANGE_DETAILS, {"id": channel_id, "details": json.dumps(details)})


async def displace(session: AsyncSession, user_id: int, *, address: str, details: Mapping[str, Any]) -> None:
    """A browser tells one person: those who were told there before are not any more."""
    rows = (await session.execute(_LOCK_BROWSER, {"address": address})).all()
    ids = [
        row.id for row in rows if row.user_id != user_id and row.auth == details.get("auth") and row.disabled_at is None
    ]
    if ids:
        await session.execute(_DISPLACE, {"ids": ids})


async def match_again(session: AsyncSession, user_id: int) -> None:
    """What is open now is news at a channel of theirs; the groups must be locked before.

    Whoever writes a booking down holds its watch and may want the group: we give up first.
    """
    await session.execute(text("SET LOCAL lock_timeout = '500ms'"))
    await users.match_again(session, user_id)


async def mute(session: AsyncSession, channel_id: int) -> None:
    statement = text("UPDATE channels SET muted_at = coalesce(muted_at, now()) WHERE id = :id")
    await session.execute(statement, {"id": channel_id})


async def unmute(session: AsyncSession, channel_id: int) -> None:
    await session.execute(text("UPDATE channels SET muted_at = NULL WHERE id = :id"), {"id": channel_id})


async def rename(session: AsyncSession, channel_id: int, label: str | None) -> None:
    await session.execute(text("UPDATE channels SET label = :label WHERE id = :id"), {"id": channel_id, "label": label})


async def enable(session: AsyncSession, channel_id: int) -> None:
    """Use it again, once its address is proven anew."""
    await session.execute(_ENABLE, {"id": channel_id})


async def remove(session: AsyncSession, channel_id: int) -> None:
    """Forget a channel; what waits to be sent there is not sent. The messages come first, as where they are settled."""
    await session.execute(_EXPIRE_QUEUED, {"id": channel_id})
    await session.execute(text("DELETE FROM channels WHERE id = :id"), {"id": channel_id})


async def progress(session: AnySession, notification_id: int) -> Row[Any] | None:
    """How far a message is."""
    return (await session.execute(_PROGRESS, {"id": notification_id})).one_or_none()


async def stop(session: AsyncSession, number: str) -> None:
    """Mute every channel with that number, for STOP, and let none be added or proven before START."""
    await session.execute(_STOP, {"number": number})
    await session.execute(_MUTE_NUMBER, {"number": number})


async def start(session: AsyncSession, number: str) -> Sequence[Row[Any]]:
    """Unmute every channel with that number, for START; returns them as (id, user_id)."""
    await session.execute(_START, {"number": number})
    return (await session.execute(_UNMUTE_NUMBER, {"number": number})).all()


async def disable(session: AsyncSession, channel_id: int, *, reason: str, sent_at: datetime) -> bool:
    """Nothing arrives there: what was sent at `sent_at` shows it, unless the address was proven since."""
    values = {"id": channel_id, "reason": reason, "sent_at": sent_at}
    return (await session.execute(_DISABLE, values)).first() is not None


async def mute_by_complaint(session: AsyncSession, channel_id: int, *, sent_at: datetime) -> None:
    """Somebody complained of what was sent at `sent_at`."""
    await session.execute(_MUTE_BY_COMPLAINT, {"id": channel_id, "sent_at": sent_at})


async def at_address(session: AsyncSession, kind: str, address: str) -> Sequence[Row[Any]]:
    """Everybody's channels with that address, as (id, user_id)."""
    return (await session.execute(_AT_ADDRESS, {"kind": kind, "address": address})).all()
