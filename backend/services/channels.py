"""A person's channels: how they are added and proven, muted and removed.

An address gets nothing but its code before it is proven. Whatever makes a channel usable matches its person's watches
again: what is open now is news there. For that the groups are locked first, as looks do it.
"""

import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

from backend.clients.channels import registry
from backend.clients.public_addresses import Network
from backend.db.base import Sessions
from backend.db.queries import channels, groups
from backend.domain.types import CHANNEL_KINDS, Kind
from backend.services import channel_mail
from backend.services.account_mail import Queued
from backend.services.channel_mail import CODE_TRIES, hash_code
from backend.services.errors import AppError
from backend.services.sessions import MAX_ID

CHANNELS_AT_MOST = 20
_ASK_FOR_ANOTHER = "please ask for a new one"


@dataclass(frozen=True, slots=True)
class Added:
    """A channel, what to dispatch, and what happens next, in words. `secret` signs a webhook, and is shown once."""

    channel: Row[Any]
    next: str
    queued: Queued = ()
    secret: str | None = None


def parse(
    kind: str, address: str, details: Mapping[str, Any], *, allow: Sequence[Network]
) -> tuple[str, dict[str, Any]]:
    """What was typed, as it is kept: (address, details). `allow` is OUTBOUND_ALLOW. Raises AppError 400."""
    if kind not in CHANNEL_KINDS:
        raise AppError(
            400, f"There is no channel of the kind {kind!r}; there are {', '.join(CHANNEL_KINDS)}", field="kind"
        )
    try:
        return registry.parse_address(kind, address, details, allow=allow)
    except ValueError as error:
        raise AppError(400, str(error), field="address") from None


async def list_channels(sessions: Sessions, user_id: int) -> Sequence[Row[Any]]:
    """A person's own, the oldest first."""
    async with sessions() as session:
        return await channels.of_user(session, user_id)


async def destination(sessions: Sessions, user_id: int, channel_id: int) -> str:
    """Where a channel leads, whoever has it: what limits on codes count by. Raises AppError 404."""
    async with sessions.begin() as session:
        channel = await _own(session, channel_id, user_id=user_id)
    return f"{channel.kind}:{channel.address}"


async def add(
    sessions: Sessions,
    user_id: int,
    *,
    kind: str,
    address: str,
    details: Mapping[str, Any],
    typed: Mapping[str, Any],
    label: str | None,
) -> Added:
    """Add a channel, with address and details as `parse` gives them, and what was `typed` for the details.

    The same address twice is the same channel; with other details, such as another token, it is proven anew. A webhook
    keeps its secret unless another one was typed.

    Raises AppError 400 when there are too many, 409 when whoever has that number has texted STOP.
    """
    async with sessions.begin() as session:
        if kind == "web_push":
            await groups.make_due_for_user(session, user_id)
            await channels.displace(session, user_id, address=address, details=details)
        known = await channels.lock_same(session, user_id, kind=kind, address=address)
        secret = None
        if kind == "sms" and await channels.is_stopped(session, address):
            raise AppError(409, "STOP was texted from that number; text START from it first", field="address")
        if known is None:
            if await channels.count(session, user_id) >= CHANNELS_AT_MOST:
                raise AppError(400, f"You have {CHANNELS_AT_MOST} channels already; remove one first")
            secret = details.get("secret") if kind == "webhook" else None
            channel_id = await channels.add(session, user_id, kind=kind, address=address, label=label, details=details)
        else:
            channel_id = known.id
            is_kept = kind == "webhook" and not typed.get("secret")
            if kind != "web_push" and not is_kept and dict(details) != known.details:
                await channels.change_details(session, channel_id, details=details)
        if kind == "web_push":
            await channels.prove_browser(session, channel_id, details=details)
            await channels.match_again(session, user_id)
        channel = await _own(session, channel_id, user_id=user_id)
        sentence, queued = await _next(session, channel)
    return Added(channel, sentence, queued, secret)


async def send_code(sessions: Sessions, user_id: int, channel_id: int) -> Added:
    """Send a new code. Raises AppError 404, or 409 when none is needed or it could not arrive."""
    async with sessions.begin() as session:
        channel = await _own(session, channel_id, user_id=user_id)
        if channel.verified_at is not None:
            raise AppError(409, "That channel is verified already")
        if channel.disabled_at is not None:
            raise AppError(409, "That channel is turned off; turn it on again first")
        _refuse_stopped(channel)
        if _needs_link(channel):
            raise AppError(
                409, "Please follow the link in the mail that you got when you signed up, or ask for it again"
            )
        sentence, queued = await _next(session, channel)
        return Added(channel, sentence, queued)


async def verify(sessions: Sessions, user_id: int, channel_id: int, code: str, *, now: datetime) -> None:
    """Prove an address by the code that was sent there. To do it twice is no error. Raises AppError 400 or 404.

    Each try is counted and committed before it is compared.
    """
    code = re.sub(r"\s", "", code)
    async with sessions.begin() as session:
        channel = await _own(session, channel_id, user_id=user_id)
        if channel.verified_at is not None:
            return
        tried = None
        if re.fullmatch(r"[0-9]{6}", code):
            tried = await channels.try_code(session, channel.id, user_id=user_id, most=CODE_TRIES, now=now)
    if tried is None:
        raise AppError(400, _why_no_try(channel, code, now=now), field="code")
    code_hash = hash_code(channel_id, code)
    if not hmac.compare_digest(bytes(tried.code_hash), code_hash):
        left = CODE_TRIES - tried.code_attempts
        rest = f"{left} more {'try' if left == 1 else 'tries'}" if left else _ASK_FOR_ANOTHER
        raise AppError(400, f"That is not the code; {rest}", field="code")
    async with sessions.begin() as session:
        # The groups come first: their row locks put this before or after a look, never in between.
        await groups.make_due_for_user(session, user_id)
        await channels.match_again(session, user_id)
        if not await channels.prove(session, channel_id, code_hash=code_hash):
            raise AppError(400, f"There is a newer code by now; please use that, or {_ASK_FOR_ANOTHER}", field="code")


async def mute(sessions: Sessions, user_id: int, channel_id: int) -> None:
    """Tell nothing there until it is unmuted. Raises AppError 404."""
    async with sessions.begin() as session:
        await _own(session, channel_id, user_id=user_id)
        await channels.mute(session, channel_id)


async def unmute(sessions: Sessions, user_id: int, channel_id: int) -> None:
    """Tell there again. Raises AppError 404, or 409 where STOP was texted: only START from there takes that back."""
    async with sessions.begin() as session:
        await groups.make_due_for_user(session, user_id)
        channel = await _own(session, channel_id, user_id=user_id)
        _refuse_stopped(channel)
        await channels.match_again(session, user_id)
        await channels.unmute(session, channel_id)


async def enable(sessions: Sessions, user_id: int, channel_id: int) -> Added:
    """Use a disabled channel again; its address has to be proven anew. Raises AppError 404 or 409."""
    async with sessions.begin() as session:
        channel = await _own(session, channel_id, user_id=user_id)
        if channel.disabled_at is None:
            raise AppError(409, "That channel is not turned off")
        if channel.kind == "web_push":
            raise AppError(409, "Only that browser can do it: turn its notifications on again there")
        _refuse_stopped(channel)
        await channels.enable(session, channel_id)
        channel = await _own(session, channel_id, user_id=user_id)
        sentence, queued = await _next(session, channel)
        return Added(channel, sentence, queued)


async def rename(sessions: Sessions, user_id: int, channel_id: int, label: str | None) -> None:
    """Give it another name, or none. Raises AppError 404."""
    async with sessions.begin() as session:
        await _own(session, channel_id, user_id=user_id)
        await channels.rename(session, channel_id, (label or "").strip() or None)


async def remove(sessions: Sessions, user_id: int, channel_id: int) -> None:
    """Forget a channel. Raises AppError 404, or 409 for the address by which the account signs in."""
    async with sessions.begin() as session:
        channel = await channels.by_id(session, channel_id) if 0 < channel_id <= MAX_ID else None
        if channel is None or channel.user_id != user_id:
            raise AppError(404, "There is no such channel")
        if channel.is_sign_in:
            raise AppError(409, "You sign in with that address; it can be muted, and not removed")
        await channels.remove(session, channel_id)


async def _own(session: AsyncSession, channel_id: int, *, user_id: int) -> Row[Any]:
    channel = await channels.lock(session, channel_id) if 0 < channel_id <= MAX_ID else None
    if channel is None or channel.user_id != user_id:
        raise AppError(404, "There is no such channel")
    return channel


async def _next(session: AsyncSession, channel: Row[Any]) -> tuple[str, Queued]:
    """What happens next, in words; a code is queued where one is needed."""
    if channel.disabled_at is not None:
        return "That channel is turned off; turn it on again to use it", ()
    if channel.verified_at is not None:
        return "Nothing more is needed: you are told there", ()
    if _needs_link(channel):
        return "Please follow the link in the mail that you got when you signed up", ()
    queued = await channel_mail.queue(session, channel, Kind.CHANNEL_CODE)
    return "A code with six digits is on its way there; type it here within 15 minutes", queued


def _needs_link(channel: Row[Any]) -> bool:
    """True for an account's own address that is not proven: a mailed link does that, as for everything else."""
    return bool(channel.is_sign_in and not channel.is_person_proven)


def _refuse_stopped(channel: Row[Any]) -> None:
    if channel.is_stopped:
        raise AppError(409, "STOP was texted from that number; text START from it to be told there again")


def _why_no_try(channel: Row[Any], code: str, *, now: datetime) -> str:
    if not re.fullmatch(r"[0-9]{6}", code):
        return "The code has six digits"
    if channel.code_hash is None:
        return f"No code was sent there; {_ASK_FOR_ANOTHER}"
    if channel.code_expires_at <= now:
        return f"That code has run out; {_ASK_FOR_ANOTHER}"
    return f"That code was tried {CODE_TRIES} times; {_ASK_FOR_ANOTHER}"
