"""Who is told over which channel, and when: the addresses that hear of a table, quiet hours, and what is late."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from backend.domain.types import ACCOUNT_KINDS, OPERATOR_KINDS, Channel, Kind
from backend.domain.windows import epoch_ms, instant, local

BOOKING_KINDS = (Kind.BOOKED, Kind.BOOKING_REFUSED, Kind.BOOKING_UNKNOWN, Kind.BOOKING_DRY_RUN)
# What can wait for the morning. Bookings, unknown outcomes and everything about an account never do.
HELD_KINDS = (Kind.TABLE_OPEN, Kind.WATCH_EXPIRED, Kind.DIGEST, *OPERATOR_KINDS)
# About a channel itself.
CHANNEL_KINDS_OF_MESSAGES = (Kind.CHANNEL_CODE, Kind.CHANNEL_TEST, Kind.CHANNEL_DISABLED)
# Who reads these proves the address by it, so it need not be proven, and it may have been given up before.
PROVING_KINDS = (Kind.CHANNEL_CODE, Kind.VERIFY_EMAIL, Kind.PASSWORD_RESET)

# Nobody lives there, and somebody else answers for them.
TEST_DOMAINS = ("test.com", "example.com", "fake.com")

# An alert older than this is late; a look younger than this says enough about a table.
RECENT = timedelta(minutes=2)
# How long a late alert waits for a look, and how often that is checked.
LOOK_PATIENCE = timedelta(seconds=60)
LOOK_STEP = timedelta(seconds=5)
# "Tonight" is today at the restaurant, and not the evening when it is early morning.
TONIGHT_WITHIN = timedelta(hours=12)

# Which address comes first when another one failed.
_FALLBACK_ORDER = ("email", "web_push", "sms")


@dataclass(frozen=True, slots=True)
class Wishes:
    """When a person wants to be left alone. Quiet hours are clock times in `timezone` (IANA); none: both null."""

    timezone: str | None = None
    quiet_from: time | None = None
    quiet_to: time | None = None
    quiet_breaks_tonight: bool = False
    snoozed_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Held:
    """A message that waits, until when and why."""

    until: datetime
    reason: str


def hears_of(channel: Channel, *, auto_book: bool, reserved_ts: int, now: datetime) -> bool:
    """True when a channel is told of an open table: every one, but text messages only as far as the person wishes.

    A text message wants a verified number, and a watch that books by itself or a table that starts soon.
    """
    if channel.kind != "sms":
        return True
    soon = epoch_ms(now + timedelta(hours=channel.sms_within_hours))
    return channel.is_verified and ((auto_book and channel.sms_for_auto_book) or reserved_ts < soon)


def told_of_booking(channels: Sequence[Channel]) -> list[Channel]:
    """Which of a person's usable channels hear how a booking ended: proven ones, and their mail.

    Who wants no text messages about bookings gets none, unless there is nothing else to tell them by.
    """
    usable = [channel for channel in channels if channel.kind == "email" or channel.is_verified]
    return [channel for channel in usable if channel.kind != "sms" or channel.sms_for_auto_book] or usable


def quiet_until(wishes: Wishes, *, at: datetime) -> datetime | None:
    """The end of the quiet hours in which an instant lies; None when it lies in none.

    Quiet hours begin and end by the person's clock, also when that is put forward or back between: a time that a day
    has twice is the first of the two, one that it lacks is taken by the clock as it was. The same time twice is none.
    """
    if wishes.quiet_from is None or wishes.quiet_to is None or wishes.timezone is None:
        return None
    today = at.astimezone(ZoneInfo(wishes.timezone)).date()
    ends = []
    for day in (today - timedelta(days=1), today):
        end_day = day if wishes.quiet_from <= wishes.quiet_to else day + timedelta(days=1)
        begins = instant(day, wishes.quiet_from, wishes.timezone)
        end = instant(end_day, wishes.quiet_to, wishes.timezone)
        if begins <= at < end:
            ends.append(end)
    return max(ends, default=None)


def is_tonight(reserved_ts: int, timezone: str, *, now: datetime) -> bool:
    """True for a table of today, by the restaurant's calendar, that starts within twelve hours."""
    starts_in = timedelta(milliseconds=reserved_ts - epoch_ms(now))
    today = now.astimezone(ZoneInfo(timezone)).date()
    return timedelta() <= starts_in <= TONIGHT_WITHIN and local(reserved_ts, timezone).date() == today


def hold(
    kind: Kind,
    wishes: Wishes,
    *,
    tables: Collection[tuple[int, str]] = (),
    watch_snoozed_until: datetime | None = None,
    now: datetime,
) -> Held | None:
    """Whether a message to a person waits. `tables` are the (reserved_ts, restaurant's zone) that it tells of.

    Snoozing holds whatever it is about; quiet hours let tonight's tables through when the person says so. Whoever is
    quiet when the snooze ends is held on.
    """
    if kind not in HELD_KINDS:
        return None
    held = None
    snoozes = [until for until in (wishes.snoozed_until, watch_snoozed_until) if until is not None and until > now]
    if snoozes:
        held = Held(max(snoozes), "snoozed")
    at = held.until if held else now
    breaks = wishes.quiet_breaks_tonight and any(is_tonight(ts, timezone, now=at) for ts, timezone in tables)
    end = None if breaks else quiet_until(wishes, at=at)
    return Held(end, "quiet hours") if end is not None else held


def is_late(*, attempts: int, was_held: bool, is_second_choice: bool, written_at: datetime, now: datetime) -> bool:
    """True for an alert that may have been overtaken: tried before (`attempts` counts this one), held, sent to another
    address first, or written a while ago.
    """
    return attempts > 1 or was_held or is_second_choice or now - written_at > RECENT


def confirmation(
    last_seen: Sequence[datetime],
    *,
    wanted_at: datetime | None,
    last_ok_at: datetime | None,
    last_error_at: datetime | None,
    now: datetime,
) -> Literal["seen", "wait", "no answer"]:
    """What is known of the tables of a late alert, by the instants at which looks last saw each of them.

    "seen": all of them just now. "no answer": since a look was wanted one has failed, or came without speaking of these
    tables, or none came in time. Else it is worth waiting for one.
    """
    if all(now - seen <= RECENT for seen in last_seen):
        return "seen"
    if wanted_at is None:
        return "wait"
    looked = [at for at in (last_ok_at, last_error_at) if at is not None and at >= wanted_at]
    return "no answer" if looked or now - wanted_at >= LOOK_PATIENCE else "wait"


def check_again_at(wanted_at: datetime | None, *, now: datetime) -> datetime:
    """When a message that waits for a look is taken up again."""
    return min(now + LOOK_STEP, (wanted_at or now) + LOOK_PATIENCE)


def is_test_address(address: str) -> bool:
    """True for mail addresses at domains that are for tests only, and below them."""
    domain = address.rpartition("@")[2].rstrip(".").lower()
    return any(domain == known or domain.endswith(f".{known}") for known in TEST_DOMAINS)


def refusal(
    kind: Kind, channel: str, *, exists: bool, is_verified: bool, is_muted: bool, disabled_reason: str | None
) -> str | None:
    """Why nothing is told at an address as it stands now; None when it may be.

    `exists` is false for an address that its person has removed. Mails about the account go to its own address, which
    need not be among the channels, and like bookings they come by mail even when that is muted; they are tried even
    where it was given up, as somebody else may have changed the password.
    """
    if kind in PROVING_KINDS:
        return None if exists or kind != Kind.CHANNEL_CODE else "the channel was removed"
    if not exists:
        return None if kind in ACCOUNT_KINDS else "the channel was removed"
    if disabled_reason is not None and kind not in ACCOUNT_KINDS:
        return f"the channel is disabled: {disabled_reason}"
    if not is_verified and kind not in ACCOUNT_KINDS:
        return "the address is not verified"
    comes_by_mail = channel == "email" and kind in (*ACCOUNT_KINDS, *BOOKING_KINDS)
    if is_muted and not comes_by_mail and kind not in CHANNEL_KINDS_OF_MESSAGES:
        return "the channel is muted"
    return None


def fallback_rank(channel: str) -> int:
    """Channels in the order in which they stand in for another one."""
    return _FALLBACK_ORDER.index(channel) if channel in _FALLBACK_ORDER else len(_FALLBACK_ORDER)


def gone_reason(gone_at: datetime, timezone: str) -> str:
    """Why a late alert is not sent, by the restaurant's clock."""
    return f"gone at {gone_at.astimezone(ZoneInfo(timezone)):%H:%M}, before the message left"
