"""One's own messages, bookings, log, export and deletion."""

from typing import Any

import httpx
import pytest

from tests.api.conftest import PASSWORD, execute, refusal, scalar, send_mails
from tests.api.test_watches import BOOKING, listed, make
from tests.conftest import Simulator
from workers.resources import Resources

# For every watch: 7:15 PM opened and was told and booked; 9:00 PM, outside the window, opened too.
STORY = """
    WITH known AS (
        SELECT w.*, g.id AS group_id, l.timezone,
               (extract(epoch FROM (w.target_date + time '19:15') AT TIME ZONE l.timezone) * 1000)::bigint AS ts
        FROM watches w JOIN scan_groups g USING (location_key, target_date, party_size)
        JOIN locations l ON l.key = w.location_key
    ), looked AS (
        UPDATE scan_groups SET last_ok_at = now() + interval '5 seconds', applied_look_at = now()
    ), opened AS (
        INSERT INTO slot_drops (group_id, location, slot_date, slot_time, party_size, reserved_ts, reservation_type_id,
                                appeared_at, last_seen_at, gone_at)
        SELECT group_id, location_key, target_date, clock, party_size, ts + later, 1, now(), now(),
               now() + interval '4 seconds'
        FROM known, (VALUES ('7:15 PM', 0), ('9:00 PM', 6300000)) AS s(clock, later)
    ), booked AS (
        INSERT INTO bookings (watch_id, user_id, location_key, target_date, meal, party_size, reserved_ts,
                              reservation_type_id, first_name, last_name, email, phone, state, answer, settled_at)
        SELECT id, user_id, location_key, target_date, 'dinner', party_size, ts, 1, 'Alice', 'Adams',
               'alice@guests.test', '+1404555' || lpad(id::text, 4, '0'), 'booked', '{"party": "Alice"}',
               now() + interval '3 seconds'
        FROM known
    )
    INSERT INTO notification_log (watch_id, user_id, channel, kind, recipient, subject, body, status, sent_at)
    SELECT id, user_id, 'email', 'table_open', 'alice@guests.test', 'A table', 'Adams', 'sent',
           now() + interval '1 second'
    FROM known
"""


async def get(http: httpx.AsyncClient, path: str, **query: Any) -> Any:
    answer = await http.get(path, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_a_watch_has_a_log_that_a_person_can_read(alice: httpx.AsyncClient, resources: Resources) -> None:
    watch_id = await make(alice, **BOOKING)
    await execute(resources, STORY)

    entries = (await get(alice, f"/api/watches/{watch_id}/log"))["entries"]

    assert [entry["text"] for entry in entries] == [
        "looked, nothing in your window",
        "7:15 PM is gone",
        "booked 7:15 PM",
        "mail sent about the table",
        "matched 7:15 PM",
        "watch left",
    ]
    assert [entry["kind"] for entry in entries] == ["looked", "gone", "booked", "told", "matched", "made"]


async def test_a_new_watch_has_a_log_of_one_line(alice: httpx.AsyncClient) -> None:
    watch_id = await make(alice)

    assert [entry["kind"] for entry in (await get(alice, f"/api/watches/{watch_id}/log"))["entries"]] == ["made"]


async def test_my_messages_and_bookings_are_mine(
    alice: httpx.AsyncClient, charlie: httpx.AsyncClient, resources: Resources
) -> None:
    watch_id = await make(alice, **BOOKING)
    await execute(resources, STORY)

    messages = (await get(alice, "/api/notifications"))["notifications"]
    [booking] = (await get(alice, "/api/bookings"))["bookings"]

    assert [(message["kind"], message["status"]) for message in messages] == [
        ("table_open", "sent"),
        ("verify_email", "queued"),
    ]
    assert booking.items() >= {"watch_id": watch_id, "state": "booked", "location_key": "peachtree"}.items()
    assert [message["kind"] for message in (await get(charlie, "/api/notifications"))["notifications"]] == [
        "verify_email"
    ]
    assert await get(charlie, "/api/bookings") == {"bookings": []}
    assert refusal(await charlie.get(f"/api/watches/{watch_id}/log")) == (404, None)


async def test_messages_come_page_by_page(alice: httpx.AsyncClient, resources: Resources) -> None:
    for _ in range(3):
        await alice.post("/api/auth/verify/resend")

    first = (await get(alice, "/api/notifications", limit=3))["notifications"]
    second = (await get(alice, "/api/notifications", limit=3, before=first[-1]["id"]))["notifications"]

    ids = [message["id"] for message in first + second]
    assert (len(first), len(second)) == (3, 1)
    assert ids == sorted(ids, reverse=True)


@pytest.mark.parametrize(
    ("query", "field"), [({"limit": 0}, "limit"), ({"limit": 201}, "limit"), ({"before": 0}, "before")]
)
async def test_a_page_has_bounds(alice: httpx.AsyncClient, query: dict[str, int], field: str) -> None:
    assert refusal(await alice.get("/api/notifications", params=query)) == (400, field)


async def test_the_export_has_everything_but_secrets(
    alice: httpx.AsyncClient, charlie: httpx.AsyncClient, resources: Resources, simulator: Simulator
) -> None:
    await make(alice, **BOOKING)
    await execute(resources, STORY)
    await send_mails(resources)

    answer = await alice.get("/api/account/export")

    export = answer.json()
    assert "attachment" in answer.headers["content-disposition"]
    assert {name: len(rows) for name, rows in export.items() if isinstance(rows, list)} == {
        "account": 1,
        "channels": 1,
        "preferences": 0,
        "sessions": 1,
        "watches": 1,
        "notifications": 2,
        "bookings": 1,
        "alerts": 0,
    }
    assert "argon2" not in answer.text
    assert "#verify=" not in answer.text
    assert "charlie" not in answer.text
    token_hash = await scalar(resources, "SELECT encode(token_hash, 'hex') FROM sessions LIMIT 1")
    assert token_hash not in answer.text


async def test_a_deleted_account_is_gone_and_its_bookings_name_nobody(
    alice: httpx.AsyncClient, charlie: httpx.AsyncClient, client: httpx.AsyncClient, resources: Resources
) -> None:
    await make(alice, **BOOKING)
    await execute(resources, STORY)
    await client.post("/api/alerts", json={"name": "Alice Adams", "email": "alice@guests.test"})
    await execute(resources, "UPDATE channels SET verified_at = now() WHERE address = 'alice@guests.test'")
    exported = (await alice.get("/api/account/export")).json()

    answer = await alice.post("/api/account/delete", json={"password": PASSWORD})

    assert [row["name"] for row in exported["alerts"]] == ["Alice Adams"]

    assert answer.json() == {"success": True}
    assert (await alice.get("/api/auth/me")).status_code == 401
    login = await client.post("/api/auth/login", json={"email": "alice@guests.test", "password": PASSWORD})
    assert login.status_code == 401
    assert (await charlie.get("/api/auth/me")).status_code == 200
    tables = ("users", "sessions", "channels", "one_time_tokens", "watches", "notification_log", "bookings", "alerts")
    rows = [str(await scalar(resources, f"SELECT string_agg(t::text, ' ') FROM {table} t")) for table in tables]
    assert not [word for word in ("alice", "Alice", "Adams", "4045550123") if word in " ".join(rows)]
    assert await scalar(resources, "SELECT count(*) FROM bookings WHERE state = 'booked'") == 1


@pytest.mark.parametrize("body", [{}, {"password": "not hers at all"}, {"email": "alice@guests.test"}])
async def test_an_account_is_deleted_with_its_password_only(
    alice: httpx.AsyncClient, resources: Resources, body: dict[str, str]
) -> None:
    assert refusal(await alice.post("/api/account/delete", json=body)) == (403, "password")
    assert await scalar(resources, "SELECT count(*) FROM users") == 1


async def test_an_account_without_a_password_is_deleted_with_its_address(
    alice: httpx.AsyncClient, resources: Resources
) -> None:
    await execute(resources, "UPDATE users SET password_hash = NULL")

    wrong = await alice.post("/api/account/delete", json={"email": "bob@guests.test"})
    right = await alice.post("/api/account/delete", json={"email": "Alice@guests.test"})

    assert refusal(wrong) == (403, "email")
    assert right.status_code == 200


async def test_an_account_stays_while_a_table_is_being_booked(alice: httpx.AsyncClient, resources: Resources) -> None:
    await make(alice, **BOOKING)
    await execute(resources, STORY)
    await execute(resources, "UPDATE bookings SET state = 'attempting'")

    assert refusal(await alice.post("/api/account/delete", json={"password": PASSWORD})) == (409, None)
    assert len(await listed(alice)) == 1
