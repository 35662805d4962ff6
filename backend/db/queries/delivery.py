"""Messages on their way: claimed with a token and a lease, held back, written down with a verdict. All of it in bulk.

A claim is a compare-and-set: every later write names its token, so whoever outlived the lease can overwrite nothing.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

# Longer than the longest send and what comes before and after it.
LEASE = timedelta(seconds=120)
# Among so many of a channel's due messages a claim chooses: several claims' worth, as others may have the first ones.
AHEAD = 200


@dataclass(frozen=True, slots=True)
class Verdict:
    """How an attempt ended. `status` queued: it is tried again after `wait`. `reason` is for people. `was_refused`: it
    has surely not arrived.
    """

    row: Row[Any]
    status: str
    reason: str | None = None
    provider_id: str | None = None
    wait: timedelta | None = None
    was_refused: bool = False

    @property
    def outcome(self) -> str:
        """What the story of the attempts says."""
        if self.status != "queued":
            return self.status
        return "refused" if self.was_refused else "retry"


@dataclass(frozen=True, slots=True)
class Hold:
    """Back to the queue without an attempt, until an instant, or at once. `for_look`: it waits for a fresh look, since
    this attempt first did, and is not held.
    """

    row: Row[Any]
    until: datetime | None = None
    reason: str | None = None
    for_look: bool = False


_COLUMNS = """
    n.id, n.user_id, n.channel_id, n.channel, n.kind, n.recipient, n.message_id, n.attempts, n.watch_id, n.booking_id,
    n.priority, n.details, n.hold_reason, n.look_wanted_at, n.replaces_id, n.created_at, n.claim_token
"""


def _claim(picked: str) -> Any:
    """Take what `picked` selects and locks, and write down that it is tried."""
    return text(f"""
        WITH picked AS MATERIALIZED ({picked}), claimed AS (
            UPDATE notification_log n SET status = 'sending', claim_token = :token, attempts = n.attempts + 1,
                   lease_until = now() + CAST(:lease AS interval)
            FROM picked WHERE n.id = picked.id RETURNING {_COLUMNS}
        ), tried AS (
            INSERT INTO notification_attempts (notification_id, number) SELECT id, attempts FROM claimed ORDER BY id
        )
        SELECT n.*, c.details AS channel_details FROM claimed n LEFT JOIN channels c ON c.id = n.channel_id
        ORDER BY n.id
    """)


_CLAIM = _claim("""
    SELECT id FROM notification_log WHERE id = ANY(:ids) AND status = 'queued' AND next_attempt_at <= now()
    ORDER BY id FOR UPDATE
""")
# The first ones by ix_notification_log_turn, and of these so many of each person.
_CLAIM_DUE = _claim("""
    SELECT id FROM notification_log WHERE status = 'queued' AND next_attempt_at <= now() AND id IN (
        SELECT id FROM (
            SELECT id, row_number() OVER (
                PARTITION BY coalesce(user_id, -id) ORDER BY priority, next_attempt_at, id
            ) AS place
            FROM (
                SELECT id, user_id, priority, next_attempt_at FROM notification_log
                WHERE status = 'queued' AND channel = :channel AND next_attempt_at <= now()
                  AND (user_id IS NULL OR user_id <> ALL(CAST(:without AS bigint[])))
                ORDER BY priority, next_attempt_at LIMIT :ahead
            ) ahead
        ) ranked WHERE place <= :each
    )
    ORDER BY priority, next_attempt_at LIMIT :most FOR UPDATE SKIP LOCKED
""")
_CLAIMED = text(f"""
    SELECT {_COLUMNS}, c.details AS channel_details
    FROM notification_log n LEFT JOIN channels c ON c.id = n.channel_id
    WHERE n.status = 'sending' AND n.claim_token = :token ORDER BY n.id FOR UPDATE OF n
""")
_RECORD = text("""
    UPDATE notification_log n SET subject = t.subject, body = t.body
    FROM unnest(CAST(:ids AS bigint[]), CAST(:subjects AS text[]), CAST(:bodies AS text[])) AS t (id, subject, body)
    WHERE n.id = t.id AND n.claim_token = :token
""")
_ATTEMPTS_DONE = text("""
    UPDATE notification_attempts a SET finished_at = now(), outcome = v.outcome, reason = v.reason
    FROM unnest(CAST(:ids AS bigint[]), CAST(:numbers AS int[]), CAST(:outcomes AS text[]), CAST(:reasons AS text[]))
         AS v (id, number, outcome, reason)
    WHERE a.notification_id = v.id AND a.number = v.number
""")
_SETTLE = text("""
    UPDATE notification_log n SET status = v.status, error_message = v.reason, provider_id = v.provider_id,
           next_attempt_at = coalesce(now() + v.wait, n.next_attempt_at),
           dispatched_at = NULL, claim_token = NULL, lease_until = NULL,
           sent_at = CASE WHEN v.status = 'sent' THEN now() END
    FROM unnest(CAST(:ids AS bigint[]), CAST(:tokens AS uuid[]), CAST(:statuses AS text[]), CAST(:reasons AS text[]),
                CAST(:provider_ids AS text[]), CAST(:waits AS interval[]))
         AS v (id, token, status, reason, provider_id, wait)
    WHERE n.id = v.id AND n.claim_token = v.token AND n.status = 'sending'
    RETURNING n.id, n.watch_id, n.status
""")
_NOTIFIED = text("""
    UPDATE watches SET notified_at = now() WHERE id IN (
        SELECT id FROM watches WHERE id = ANY(:ids) ORDER BY id FOR NO KEY UPDATE
    )
""")
# Since when this attempt waits: an earlier one has waited for another look.
_LOOK_WANTED_AT = """
    CASE WHEN n.look_wanted_at > coalesce((
        SELECT max(a.started_at) FROM notification_attempts a WHERE a.notification_id = n.id AND a.number < n.attempts
    ), '-infinity') THEN n.look_wanted_at END
"""
# A moment at least, so that nobody who empties the queue meets the same row again and again.
_HOLD = text(f"""
    WITH held AS (
        UPDATE notification_log n SET status = 'queued', attempts = n.attempts - 1,
               next_attempt_at = greatest(h.until, now() + interval '1 second'),
               hold_reason = CASE WHEN h.for_look THEN n.hold_reason ELSE coalesce(h.reason, n.hold_reason) END,
               look_wanted_at = CASE WHEN h.for_look THEN coalesce({_LOOK_WANTED_AT}, now()) END,
               dispatched_at = NULL, claim_token = NULL, lease_until = NULL
        FROM unnest(CAST(:ids AS bigint[]), CAST(:tokens AS uuid[]), CAST(:untils AS timestamptz[]),
                    CAST(:reasons AS text[]), CAST(:for_looks AS boolean[])) AS h (id, token, until, reason, for_look)
        WHERE n.id = h.id AND n.claim_token = h.token AND n.status = 'sending'
        RETURNING n.id, n.attempts
    ), undone AS (
        DELETE FROM notification_attempts a USING held WHERE a.notification_id = held.id AND a.number > held.attempts
    )
    SELECT id FROM held
""")


async def claim(session: AsyncSession, ids: Sequence[int], *, token: UUID) -> Sequence[Row[Any]]:
    """Take queued messages; those that are not due, or somebody else's, are left out. By id."""
    values = {"ids": list(ids), "token": token, "lease": LEASE}
    return (await session.execute(_CLAIM, values)).all()


async def claim_due(
    session: AsyncSession, channel: str, *, most: int, each: int, without: Collection[int] = (), token: UUID
) -> Sequence[Row[Any]]:
    """Take those of a channel whose turn it is: by priority, then by the instant at which they were due.

    At most `each` of one person, and none of the people `without`.
    """
    limits = {"most": most, "each": each, "ahead": AHEAD, "without": sorted(without)}
    values = {"channel": channel, **limits, "token": token, "lease": LEASE}
    return (await session.execute(_CLAIM_DUE, values)).all()


async def claimed(session: AsyncSession, *, token: UUID) -> Sequence[Row[Any]]:
    """What was taken with this token before: the answer to the commit may have been lost."""
    return (await session.execute(_CLAIMED, {"token": token})).all()


async def record_texts(session: AsyncSession, texts: Sequence[tuple[int, str, str]], *, token: UUID) -> None:
    """Keep what is about to be sent, as (id, subject, body)."""
    if texts:
        ids, subjects, bodies = zip(*sorted(texts), strict=True)
        values = {"ids": list(ids), "subjects": list(subjects), "bodies": list(bodies), "token": token}
        await session.execute(_RECORD, values)


async def settle(session: AsyncSession, verdicts: Sequence[Verdict]) -> set[int]:
    """Write verdicts; returns the ids of those that were still ours: the others' leases had run out."""
    if not verdicts:
        return set()
    ordered = sorted(verdicts, key=lambda verdict: verdict.row.id)
    ids, reasons = [verdict.row.id for verdict in ordered], [verdict.reason for verdict in ordered]
    attempts = {
        "numbers": [verdict.row.attempts for verdict in ordered],
        "outcomes": [verdict.outcome for verdict in ordered],
    }
    await session.execute(_ATTEMPTS_DONE, {"ids": ids, "reasons": reasons, **attempts})
    values = {
        "tokens": [verdict.row.claim_token for verdict in ordered],
        "statuses": [verdict.status for verdict in ordered],
        "provider_ids": [verdict.provider_id for verdict in ordered],
        "waits": [verdict.wait for verdict in ordered],
    }
    settled = (await session.execute(_SETTLE, {"ids": ids, "reasons": reasons, **values})).all()
    told = sorted({row.watch_id for row in settled if row.status == "sent" and row.watch_id is not None})
    if told:
        await session.execute(_NOTIFIED, {"ids": told})
    return {row.id for row in settled}


async def hold(session: AsyncSession, holds: Sequence[Hold]) -> set[int]:
    """Put messages back as if they had not been tried; returns the ids of those that were still ours."""
    if not holds:
        return set()
    ordered = sorted(holds, key=lambda hold: hold.row.id)
    values = {
        "ids": [hold.row.id for hold in ordered],
        "tokens": [hold.row.claim_token for hold in ordered],
        "untils": [hold.until for hold in ordered],
        "reasons": [hold.reason for hold in ordered],
        "for_looks": [hold.for_look for hold in ordered],
    }
    return set((await session.execute(_HOLD, values)).scalars())
