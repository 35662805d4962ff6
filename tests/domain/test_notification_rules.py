"""Who is told over which channel, and when."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.domain import notification_rules as rules
from backend.domain.notification_rules import Held, Wishes
from backend.domain.types import ACCOUNT_KINDS, CHANNEL_KINDS, Channel, Kind
from backend.domain.windows import epoch_ms, instant

pytestmark = pytest.mark.fast

NEW_YORK, PHOENIX = "America/New_York", "America/Phoenix"
SUMMER, SPRING, AUTUMN = date(2026, 7, 10), date(2026, 3, 8), date(2026, 11, 1)
NOW = datetime(2026, 7, 10, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
NIGHT = (time(22), time(7))


def at(text: str) -> datetime:
    return datetime.fromisoformat(text + "+00:00")


def quiet(hours: tuple[time, time], zone: str = NEW_YORK, **more: object) -> Wishes:
    return Wishes(zone, *hours, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", [kind for kind in CHANNEL_KINDS if kind != "sms"])
def test_every_channel_but_text_messages_hears_of_every_table(kind: str) -> None:
    channel = Channel(1, 1, kind, "somewhere", is_verified=True, sms_within_hours=0, sms_for_auto_book=False)

    assert rules.hears_of(channel, auto_book=False, reserved_ts=epoch_ms(NOW + timedelta(days=9)), now=NOW)


@pytest.mark.parametrize(
    ("is_verified", "within_hours", "for_auto_book", "auto_book", "starts_in_minutes", "is_told"),
    [
        (True, 2, True, False, 119, True),
        (True, 2, True, False, 120, False),
        (True, 2, True, True, 5000, True),
        (True, 2, False, True, 5000, False),
        (True, 2, False, True, 60, True),
        (True, 24, True, False, 1439, True),
        (True, 24, True, False, 1441, False),
        (True, 0, True, False, 1, False),
        (True, 0, True, True, 1, True),
        (True, 0, False, True, 1, False),
        (False, 24, True, True, 1, False),
    ],
)
def test_a_text_message_tells_as_much_as_the_person_wishes(
    is_verified: bool,
    within_hours: int,
    for_auto_book: bool,
    auto_book: bool,
    starts_in_minutes: int,
    is_told: bool,
) -> None:
    phone = Channel(
        1,
        1,
        "sms",
        "+14045550123",
        is_verified=is_verified,
        sms_within_hours=within_hours,
        sms_for_auto_book=for_auto_book,
    )
    reserved_ts = epoch_ms(NOW + starts_in_minutes * MINUTE)

    assert rules.hears_of(phone, auto_book=auto_book, reserved_ts=reserved_ts, now=NOW) is is_told


@pytest.mark.parametrize(
    ("kinds", "for_auto_book", "told"),
    [
        (["email", "sms"], True, ["email", "sms"]),
        (["email", "sms", "ntfy"], False, ["email", "ntfy"]),
        (["sms"], False, ["sms"]),
        ([], False, []),
    ],
)
def test_a_booking_is_not_texted_to_who_wants_no_texts_unless_that_is_all_there_is(
    kinds: list[str], for_auto_book: bool, told: list[str]
) -> None:
    channels = [
        Channel(number, 1, kind, "somewhere", is_verified=True, sms_for_auto_book=for_auto_book)
        for number, kind in enumerate(kinds)
    ]

    assert [channel.kind for channel in rules.told_of_booking(channels)] == told


@pytest.mark.parametrize(
    ("hours", "zone", "now", "until"),
    [
        # Over midnight, in summer.
        (NIGHT, NEW_YORK, "2026-07-11T01:59", None),
        (NIGHT, NEW_YORK, "2026-07-11T02:00", "2026-07-11T11:00"),
        (NIGHT, NEW_YORK, "2026-07-11T03:59", "2026-07-11T11:00"),
        (NIGHT, NEW_YORK, "2026-07-11T04:00", "2026-07-11T11:00"),
        (NIGHT, NEW_YORK, "2026-07-11T10:59", "2026-07-11T11:00"),
        (NIGHT, NEW_YORK, "2026-07-11T11:00", None),
        # Within a day.
        ((time(13), time(15)), NEW_YORK, "2026-07-10T16:59", None),
        ((time(13), time(15)), NEW_YORK, "2026-07-10T17:00", "2026-07-10T19:00"),
        ((time(13), time(15)), NEW_YORK, "2026-07-10T19:00", None),
        # Until midnight, and from it.
        ((time(20), time(0)), NEW_YORK, "2026-07-11T03:59", "2026-07-11T04:00"),
        ((time(0), time(6)), NEW_YORK, "2026-07-11T04:00", "2026-07-11T10:00"),
        # The same time twice is none.
        ((time(7), time(7)), NEW_YORK, "2026-07-10T11:00", None),
        # The clock is put forward at 02:00: the night ends an hour sooner by UTC.
        (NIGHT, NEW_YORK, "2026-03-08T03:00", "2026-03-08T11:00"),
        (NIGHT, NEW_YORK, "2026-03-07T03:00", "2026-03-07T12:00"),
        ((time(1), time(3)), NEW_YORK, "2026-03-08T06:59", "2026-03-08T07:00"),
        # Half past two does not exist on that day: it is where the clock as it was would have it.
        ((time(22), time(2, 30)), NEW_YORK, "2026-03-08T07:29", "2026-03-08T07:30"),
        ((time(22), time(2, 30)), NEW_YORK, "2026-03-08T07:30", None),
        # Put back at 02:00: an hour later by UTC, and an hour that comes twice ends the night the first time.
        (NIGHT, NEW_YORK, "2026-11-01T03:00", "2026-11-01T12:00"),
        ((time(22), time(1, 30)), NEW_YORK, "2026-11-01T05:29", "2026-11-01T05:30"),
        ((time(22), time(1, 30)), NEW_YORK, "2026-11-01T05:30", None),
        ((time(22), time(1, 30)), NEW_YORK, "2026-11-01T06:15", None),
        ((time(1, 30), time(5)), NEW_YORK, "2026-11-01T06:15", "2026-11-01T10:00"),
        # Arizona never changes its clocks.
        (NIGHT, PHOENIX, "2026-03-08T05:00", "2026-03-08T14:00"),
        (NIGHT, PHOENIX, "2026-11-01T05:00", "2026-11-01T14:00"),
        (NIGHT, PHOENIX, "2026-07-10T13:59", "2026-07-10T14:00"),
        (NIGHT, PHOENIX, "2026-07-10T14:00", None),
    ],
)
def test_quiet_hours_are_by_the_persons_clock(hours: tuple[time, time], zone: str, now: str, until: str | None) -> None:
    assert rules.quiet_until(quiet(hours, zone), at=at(now)) == (at(until) if until else None)


@given(
    hours=st.tuples(st.times(), st.times()),
    zone=st.sampled_from([NEW_YORK, PHOENIX, "Europe/Berlin", "Australia/Lord_Howe"]),
    now=st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC)),
)
def test_quiet_hours_end_within_a_day_and_an_hour(hours: tuple[time, time], zone: str, now: datetime) -> None:
    until = rules.quiet_until(quiet(hours, zone), at=now)

    assert until is None or now < until <= now + timedelta(hours=25)


def test_without_a_zone_or_quiet_hours_nothing_is_quiet() -> None:
    assert rules.quiet_until(Wishes(None, *NIGHT), at=at("2026-07-11T04:00")) is None
    assert rules.quiet_until(Wishes(NEW_YORK), at=at("2026-07-11T04:00")) is None


@pytest.mark.parametrize(
    ("now", "day", "clock", "zone", "is_tonight"),
    [
        ("2026-07-10T14:00", SUMMER, time(19), NEW_YORK, True),
        # Twelve hours before 7 PM.
        ("2026-07-10T11:00", SUMMER, time(19), NEW_YORK, True),
        ("2026-07-10T10:59", SUMMER, time(19), NEW_YORK, False),
        # Tomorrow's lunch is near, and not tonight.
        ("2026-07-10T23:00", SUMMER + timedelta(days=1), time(11), NEW_YORK, False),
        # Past midnight by UTC, still the same evening at the restaurant.
        ("2026-07-11T01:00", SUMMER, time(21, 30), NEW_YORK, True),
        ("2026-07-11T06:30", SUMMER, time(23, 45), PHOENIX, True),
        # Begun already.
        ("2026-07-11T01:31", SUMMER, time(21, 30), NEW_YORK, False),
        ("2026-03-08T12:00", SPRING, time(19), NEW_YORK, True),
        ("2026-11-01T12:00", AUTUMN, time(19), NEW_YORK, True),
        ("2026-11-01T11:59", AUTUMN, time(19), NEW_YORK, False),
    ],
)
def test_tonight_is_today_at_the_restaurant_and_soon(
    now: str, day: date, clock: time, zone: str, is_tonight: bool
) -> None:
    assert rules.is_tonight(epoch_ms(instant(day, clock, zone)), zone, now=at(now)) is is_tonight


LATE_EVENING = at("2026-07-11T02:30")  # 10:30 PM in New York
MORNING = at("2026-07-11T11:00")
TONIGHT = (epoch_ms(instant(SUMMER, time(23), NEW_YORK)), NEW_YORK)
TOMORROW = (epoch_ms(instant(SUMMER + timedelta(days=1), time(19), NEW_YORK)), NEW_YORK)


@pytest.mark.parametrize("kind", rules.HELD_KINDS)
def test_what_can_wait_is_held_through_quiet_hours(kind: Kind) -> None:
    assert rules.hold(kind, quiet(NIGHT), now=LATE_EVENING) == Held(MORNING, "quiet hours")


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind not in rules.HELD_KINDS])
def test_bookings_and_what_concerns_an_account_are_never_held(kind: Kind) -> None:
    wishes = quiet(NIGHT, snoozed_until=LATE_EVENING + timedelta(days=1))

    assert rules.hold(kind, wishes, watch_snoozed_until=LATE_EVENING + timedelta(days=1), now=LATE_EVENING) is None


@pytest.mark.parametrize(
    ("breaks", "tables", "is_held"),
    [
        (True, [TONIGHT], False),
        (True, [TOMORROW, TONIGHT], False),
        (True, [TOMORROW], True),
        (True, [], True),
        (False, [TONIGHT], True),
    ],
)
def test_tonights_tables_break_quiet_hours_when_the_person_says_so(
    breaks: bool, tables: list[tuple[int, str]], is_held: bool
) -> None:
    wishes = quiet(NIGHT, quiet_breaks_tonight=breaks)

    held = rules.hold(Kind.TABLE_OPEN, wishes, tables=tables, now=LATE_EVENING)

    assert held == (Held(MORNING, "quiet hours") if is_held else None)


@pytest.mark.parametrize(
    ("person", "watch", "hours", "expected"),
    [
        (None, None, None, None),
        ("2026-07-11T02:30", None, None, None),
        ("2026-07-11T03:00", None, None, ("2026-07-11T03:00", "snoozed")),
        (None, "2026-07-11T03:00", None, ("2026-07-11T03:00", "snoozed")),
        ("2026-07-11T03:00", "2026-07-11T05:00", None, ("2026-07-11T05:00", "snoozed")),
        ("2026-07-11T05:00", "2026-07-11T03:00", None, ("2026-07-11T05:00", "snoozed")),
        # It ends in the night: held on until the morning.
        ("2026-07-11T05:00", None, NIGHT, ("2026-07-11T11:00", "quiet hours")),
        ("2026-07-11T15:00", None, NIGHT, ("2026-07-11T15:00", "snoozed")),
    ],
)
def test_snoozing_holds_until_the_later_end(
    person: str | None, watch: str | None, hours: tuple[time, time] | None, expected: tuple[str, str] | None
) -> None:
    wishes = Wishes(NEW_YORK, *(hours or (None, None)), snoozed_until=at(person) if person else None)

    held = rules.hold(
        Kind.TABLE_OPEN, wishes, watch_snoozed_until=at(watch) if watch else None, tables=[TOMORROW], now=LATE_EVENING
    )

    assert held == (Held(at(expected[0]), expected[1]) if expected else None)


def test_tonights_tables_do_not_break_a_snooze() -> None:
    wishes = quiet(NIGHT, quiet_breaks_tonight=True, snoozed_until=LATE_EVENING + 10 * MINUTE)

    held = rules.hold(Kind.TABLE_OPEN, wishes, tables=[TONIGHT], now=LATE_EVENING)

    assert held == Held(LATE_EVENING + 10 * MINUTE, "snoozed")


@pytest.mark.parametrize(
    ("attempts", "was_held", "is_second_choice", "age_seconds", "is_late"),
    [
        (1, False, False, 0, False),
        (1, False, False, 120, False),
        (1, False, False, 121, True),
        (2, False, False, 0, True),
        (1, True, False, 0, True),
        (1, False, True, 0, True),
    ],
)
def test_an_alert_is_late_when_it_may_have_been_overtaken(
    attempts: int, was_held: bool, is_second_choice: bool, age_seconds: int, is_late: bool
) -> None:
    written_at = NOW - timedelta(seconds=age_seconds)

    found = rules.is_late(
        attempts=attempts, was_held=was_held, is_second_choice=is_second_choice, written_at=written_at, now=NOW
    )

    assert found is is_late


@pytest.mark.parametrize(
    ("last_seen", "wanted", "ok", "error", "expected"),
    [
        ([119], None, 119, None, "seen"),
        ([120, 5], None, 5, None, "seen"),
        ([121], None, 121, None, "wait"),
        # One of two tables was not in the last look.
        ([121, 5], None, 5, None, "wait"),
        ([600], 20, 600, None, "wait"),
        ([600], 59, 600, None, "wait"),
        ([600], 60, 600, None, "no answer"),
        ([600], 20, 600, 10, "no answer"),
        ([600], 20, 600, 30, "wait"),
        ([600], 20, 10, None, "no answer"),
        ([10], 20, 10, None, "seen"),
        ([600], 20, None, None, "wait"),
    ],
)
def test_a_late_alert_waits_a_minute_for_a_look_that_speaks_of_its_tables(
    last_seen: list[int], wanted: int | None, ok: int | None, error: int | None, expected: str
) -> None:
    def ago(seconds: int | None) -> datetime | None:
        return None if seconds is None else NOW - timedelta(seconds=seconds)

    found = rules.confirmation(
        [NOW - timedelta(seconds=seconds) for seconds in last_seen],
        wanted_at=ago(wanted),
        last_ok_at=ago(ok),
        last_error_at=ago(error),
        now=NOW,
    )

    assert found == expected


@pytest.mark.parametrize(("waited", "seconds"), [(None, 5), (0, 5), (55, 5), (58, 2)])
def test_whether_a_look_came_is_checked_every_five_seconds_and_at_the_end(waited: int | None, seconds: int) -> None:
    wanted_at = None if waited is None else NOW - timedelta(seconds=waited)

    assert rules.check_again_at(wanted_at, now=NOW) == NOW + timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("address", "is_test"),
    [
        ("a@test.com", True),
        ("a@Example.COM", True),
        ("a@mail.fake.com", True),
        ("a@deep.down.example.com.", True),
        ("a@latest.com", False),
        ("a@test.com.example.org", False),
        ("test.com@guests.test", False),
        ("a@example.org", False),
    ],
)
def test_test_domains_and_what_is_below_them_are_known(address: str, is_test: bool) -> None:
    assert rules.is_test_address(address) is is_test


GONE, DISABLED, UNPROVEN, MUTED = (
    "the channel was removed",
    "the channel is disabled: no such mailbox",
    "the address is not verified",
    "the channel is muted",
)
ALERTS = (Kind.TABLE_OPEN, Kind.WATCH_EXPIRED, Kind.DIGEST)
NOTICES = tuple(kind for kind in ACCOUNT_KINDS if kind not in rules.PROVING_KINDS)


@pytest.mark.parametrize(
    ("kinds", "channel", "state", "expected"),
    [
        (ALERTS, "email", {}, None),
        (ALERTS, "email", {"exists": False}, GONE),
        (ALERTS, "email", {"disabled_reason": "no such mailbox"}, DISABLED),
        (ALERTS, "email", {"is_verified": False}, UNPROVEN),
        (ALERTS, "email", {"is_muted": True}, MUTED),
        (ALERTS, "sms", {"is_muted": True}, MUTED),
        (rules.BOOKING_KINDS, "email", {}, None),
        (rules.BOOKING_KINDS, "email", {"is_muted": True}, None),
        (rules.BOOKING_KINDS, "sms", {"is_muted": True}, MUTED),
        (rules.BOOKING_KINDS, "email", {"is_verified": False}, UNPROVEN),
        (rules.BOOKING_KINDS, "email", {"exists": False}, GONE),
        (NOTICES, "email", {"exists": False}, None),
        (NOTICES, "email", {"is_muted": True}, None),
        (NOTICES, "email", {"is_verified": False}, None),
        (NOTICES, "email", {"disabled_reason": "no such mailbox"}, None),
        (rules.BOOKING_KINDS, "email", {"disabled_reason": "no such mailbox"}, DISABLED),
        ((Kind.VERIFY_EMAIL, Kind.PASSWORD_RESET), "email", {"exists": False}, None),
        (rules.PROVING_KINDS, "email", {"disabled_reason": "no such mailbox", "is_verified": False}, None),
        ((Kind.CHANNEL_CODE,), "sms", {"exists": False}, GONE),
        ((Kind.CHANNEL_TEST,), "sms", {"is_muted": True}, None),
        ((Kind.CHANNEL_TEST,), "sms", {"is_verified": False}, UNPROVEN),
        ((Kind.CHANNEL_DISABLED,), "email", {"is_muted": True}, None),
    ],
)
def test_an_address_gets_only_what_its_state_allows(
    kinds: tuple[Kind, ...], channel: str, state: dict[str, object], expected: str | None
) -> None:
    usual = {"exists": True, "is_verified": True, "is_muted": False, "disabled_reason": None}

    found = {rules.refusal(kind, channel, **(usual | state)) for kind in kinds}  # type: ignore[arg-type]

    assert found == {expected}


def test_other_channels_stand_in_mail_first() -> None:
    ranked = sorted(CHANNEL_KINDS, key=rules.fallback_rank)

    assert ranked[:3] == ["email", "web_push", "sms"]


def test_what_is_gone_says_when_by_the_restaurants_clock() -> None:
    assert rules.gone_reason(at("2026-07-10T18:02"), NEW_YORK) == "gone at 14:02, before the message left"
