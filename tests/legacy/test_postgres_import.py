"""The earlier version's Postgres moves in, with and without the columns that came late."""

from datetime import UTC, date, datetime, time, timedelta

import pytest

from backend.clients.legacy_database import LegacyUnreadable, read_postgres
from backend.db.queries.legacy_rows import COLUMNS
from backend.local.ports import free_port
from backend.local.postgres import PostgresServer
from tests.legacy.conftest import Home, reasons
from tests.legacy.sources import PostgresDatabase, sha256

MADE = datetime(2026, 2, 1, 12, tzinfo=UTC)
SENTENCE = "Houston's has a table on 2026-02-27 at 7:15 PM for party of 2."


@pytest.mark.parametrize("has_names", [True, False])
async def test_every_table_comes(home: Home, old_postgres: PostgresDatabase, has_names: bool) -> None:
    old = old_postgres
    names = {}
    if has_names:
        await old.run("ALTER TABLE users ADD first_name TEXT, ADD last_name TEXT")
        names = {"first_name": "Alice", "last_name": "O'Neil"}
    await old.add(
        "users", email="alice@guests.test", password_hash=sha256("x"), created_at=MADE, updated_at=MADE, **names
    )
    await old.add("users", email="bob@guests.test", password_hash="", google_id="g-2")
    expires = datetime.now(UTC) + timedelta(days=12)
    await old.add("sessions", user_id=1, token="a" * 64, created_at=MADE, expires_at=expires)
    await old.add(
        "watches",
        user_id=1,
        location_key="peachtree",
        target_date=home.day,
        time_start=time(18),
        time_end=time(20),
        status="notified",
        created_at=MADE,
        updated_at=MADE,
        notified_at=MADE,
    )
    await old.add(
        "alerts", name="Dora", email="d@guests.test", preferred_date=date(2026, 2, 14), preferred_time=time(19)
    )
    await old.add("wait_reports", location="peachtree", wait_minutes=5, source="user")
    await old.add(
        "scan_history", location="peachtree", scan_date=date(2026, 2, 14), time_slot="6:15 PM", available=False
    )
    await old.add(
        "slot_drops", location="peachtree", slot_date=date(2026, 2, 14), slot_time=time(19, 30), appeared_at=MADE
    )
    await old.add("feedback", message="Good", created_at=MADE)
    await old.add(
        "notification_log",
        watch_id=1,
        user_id=1,
        channel="email",
        recipient="alice@guests.test",
        subject="A table",
        body=SENTENCE,
        status="sent",
        created_at=MADE,
    )

    imported = await home.move_in(old)

    assert imported.rejected == ()
    assert await home.rows("SELECT id, password_hash, google_id, first_name, updated_at FROM users WHERE id = 1") == [
        (1, f"sha256${sha256('x')}", None, "Alice" if has_names else None, MADE)
    ]
    assert await home.rows("SELECT password_hash, google_id FROM users WHERE id = 2") == [(None, "g-2")]
    assert (await home.one("SELECT expires_at FROM sessions")).expires_at == expires
    assert await home.rows("SELECT status, notified_at, updated_at FROM watches") == [("active", MADE, MADE)]
    assert await home.rows("SELECT preferred_date, preferred_time FROM alerts") == [("2026-02-14", "19:00")]
    assert await home.rows("SELECT slot_time FROM slot_drops") == [("7:30 PM",)]
    assert await home.rows("SELECT created_at FROM feedback") == [(MADE,)]
    message = await home.one("SELECT * FROM notification_log")
    assert (message.id, message.watch_id, message.status, message.sent_at) == (1, 1, "sent", MADE)
    assert (message.subject, message.body, message.kind) == ("A table", SENTENCE, "table_open")


async def message(old: PostgresDatabase, **changes: object) -> int:
    row = {"user_id": 1, "channel": "sms", "recipient": "+1 (404) 555-0101", "status": "sent", "created_at": MADE}
    return await old.add("notification_log", **{**row, **changes})


@pytest.mark.parametrize(
    ("phone", "status", "found"),
    [
        ("404.555.0101", "sent", {"+14045550101"}),
        ("404.555.0101", "failed", set()),
        ("404.555.0199", "sent", set()),
        (None, "sent", {"+14045550101"}),
    ],
)
async def test_a_telephone_that_was_texted_and_is_theirs_is_verified(
    home: Home, old_postgres: PostgresDatabase, phone: str | None, status: str, found: set[str]
) -> None:
    await old_postgres.add("users", email="alice@guests.test", phone=phone)
    await message(old_postgres, status=status)

    await home.move_in(old_postgres)

    rows = await home.rows("SELECT address, verified_at, verified_by FROM channels WHERE kind = 'sms'")
    assert {row.address for row in rows} == found
    assert {(row.verified_at, row.verified_by) for row in rows} <= {(MADE, "import")}


async def test_messages_keep_their_verdict_and_none_is_sent_again(home: Home, old_postgres: PostgresDatabase) -> None:
    await old_postgres.add("users", email="alice@guests.test")
    await message(old_postgres, status="failed", error_message="no such number", user_id=None)
    await message(old_postgres, status="bounced", watch_id=99)
    await message(old_postgres, status="pending", user_id=99)
    await message(old_postgres, channel="pigeon")

    imported = await home.move_in(old_postgres)

    rows = await home.rows("SELECT id, user_id, watch_id, status, error_message FROM notification_log ORDER BY id")
    assert rows == [
        (1, None, None, "failed", "no such number"),
        (2, 1, None, "bounced", None),
        (3, None, None, "expired", "the earlier version left it as pending"),
    ]
    assert reasons(imported) == {("notification_log", "4", "its channel 'pigeon' is unknown")}


async def test_a_database_of_this_version_is_refused(postgres: PostgresServer) -> None:
    with pytest.raises(LegacyUnreadable, match="one of this version"):
        await read_postgres(postgres.url, COLUMNS)


async def test_any_other_database_is_refused(old_postgres: PostgresDatabase) -> None:
    await old_postgres.run("DROP TABLE watches")

    with pytest.raises(LegacyUnreadable, match="it has no table watches"):
        await read_postgres(old_postgres.url, COLUMNS)


@pytest.mark.parametrize("url", ["mysql://a:secret@b/c", "postgres://", "postgres://a:secret@127.0.0.1:{port}/b", "x"])
async def test_an_address_that_leads_nowhere_is_a_sentence_without_the_password(url: str) -> None:
    with pytest.raises(LegacyUnreadable) as caught:
        await read_postgres(url.format(port=free_port()), COLUMNS)

    assert "earlier version's" in str(caught.value)
    assert "secret" not in str(caught.value)
