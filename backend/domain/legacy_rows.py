"""Rows of the earlier version's tables as rows of ours, one at a time.

A reader raises ValueError with the reason when a row cannot come, and tells `note` what it left out of one that can.
"""

import hashlib
from collections.abc import Callable, Mapping
from datetime import timedelta

from backend.domain import reading
from backend.domain.legacy_values import (
    Context,
    Note,
    Row,
    Values,
    count,
    created,
    location,
    number,
    optional_instant,
    party,
    password,
    phone,
    row_id,
    text,
    tidied,
)
from backend.domain.location_names import location_key

SESSION_LASTS = timedelta(days=30)
_STATUSES = {"notified": "active", "": "active"}

Reader = Callable[[Row, Context, Note], Values]


def user(row: Row, context: Context, note: Note) -> Values:
    email = (text(row, "email") or "").lower()
    if "@" not in email:
        raise ValueError("it has no e-mail address")
    created_at = created(row, context, note)
    return {
        "email": email,
        "password_hash": password(row, note),
        "name": text(row, "name") or "",
        "first_name": text(row, "first_name"),
        "last_name": text(row, "last_name"),
        "phone": phone(row, "phone", note),
        "picture": text(row, "picture"),
        "google_id": text(row, "google_id"),
        "created_at": created_at,
        "updated_at": optional_instant(row, "updated_at", note) or created_at,
        "last_login": optional_instant(row, "last_login", note),
    }


def session(row: Row, context: Context, note: Note) -> Values:
    token = text(row, "token")
    if token is None:
        raise ValueError("it has no token")
    created_at = reading.instant(row.get("created_at"))
    expires_at = optional_instant(row, "expires_at", note) or created_at + SESSION_LASTS
    if expires_at <= context.now:
        raise ValueError("it has expired")
    return {
        "user_id": row_id(row, "user_id"),
        # What this version keeps of a token; the token itself stays behind.
        "token_hash": hashlib.sha256(token.encode()).digest(),
        "created_at": created_at,
        "expires_at": expires_at,
    }


def watch(row: Row, context: Context, note: Note) -> Values:
    start, end = reading.clock(row.get("time_start") or "18:00"), reading.clock(row.get("time_end") or "20:00")
    if start > end:
        raise ValueError(f"its window ends before it starts ({start:%H:%M} to {end:%H:%M})")
    said = (text(row, "status") or "").lower()
    status = _STATUSES.get(said, said)
    if status not in ("active", "booked", "cancelled", "expired"):
        raise ValueError(f"its status {said!r} is unknown")
    created_at = created(row, context, note)
    booked_at = optional_instant(row, "booked_at", note)
    changed = [at for at in (created_at, booked_at, optional_instant(row, "updated_at", note)) if at]
    return {
        "user_id": row_id(row, "user_id"),
        "location_key": location(row, "location_key", context),
        "party_size": party(row),
        "target_date": reading.day(row.get("target_date")),
        "time_start": start,
        "time_end": end,
        "auto_book": reading.flag(row.get("auto_book")),
        "book_first_name": text(row, "book_first_name"),
        "book_last_name": text(row, "book_last_name"),
        "book_email": text(row, "book_email"),
        "book_phone": phone(row, "book_phone", note),
        "status": status,
        "created_at": created_at,
        "updated_at": max(changed),
        "notified_at": optional_instant(row, "notified_at", note),
        "booked_at": booked_at,
        "last_scanned": optional_instant(row, "last_scanned", note),
    }


def alert(row: Row, context: Context, note: Note) -> Values:
    email = (text(row, "email") or "").lower()
    if not email:
        raise ValueError("it has no e-mail address")
    place = text(row, "location") or "both"
    return {
        "name": text(row, "name") or "",
        "email": email,
        "party_size": party(row),
        # People typed these freely: what can be read is put into one form, the rest stays as it is.
        "preferred_date": tidied(row, "preferred_date", lambda value: reading.day(value).isoformat()),
        "preferred_time": tidied(row, "preferred_time", lambda value: f"{reading.clock(value):%H:%M}"),
        "location": location_key(place, context.names) or place,
        "created_at": created(row, context, note),
    }


def wait_report(row: Row, context: Context, note: Note) -> Values:
    return {
        "location": location(row, "location", context),
        "wait_minutes": reading.whole(row.get("wait_minutes"), low=0, high=1440),
        "source": text(row, "source") or "user",
        "created_at": created(row, context, note),
    }


def scan(row: Row, context: Context, note: Note) -> Values:
    return {
        "location": location(row, "location", context),
        "scan_date": reading.day(row.get("scan_date")),
        "time_slot": reading.spoken(reading.clock(row.get("time_slot"))),
        "party_sizes": text(row, "party_sizes") or "",
        "available": reading.flag(row.get("available")),
        "scanned_at": reading.instant(row.get("scanned_at")),
    }


def slot_drop(row: Row, context: Context, note: Note) -> Values:
    appeared_at = reading.instant(row.get("appeared_at") or row.get("created_at"))
    return {
        "location": location(row, "location", context),
        "slot_date": reading.day(row.get("slot_date")),
        "slot_time": reading.spoken(reading.clock(row.get("slot_time"))),
        "source": "import",
        "appeared_at": appeared_at,
        # Closed on arrival: nobody wrote down when it went.
        "last_seen_at": appeared_at,
        "gone_at": appeared_at,
        "created_at": optional_instant(row, "created_at", note) or appeared_at,
    }


def feedback(row: Row, context: Context, note: Note) -> Values:
    message = text(row, "message")
    if message is None:
        raise ValueError("it says nothing")
    at = "created_at" if row.get("created_at") else "timestamp"
    return {
        "message": message,
        "contact": text(row, "contact"),
        "ip": text(row, "ip"),
        "created_at": created(row, context, note, column=at),
    }


def call(row: Row, context: Context, note: Note) -> Values:
    """Two forms: the older one has `timestamp` and `raw_json`."""
    said_at = next((row[name] for name in ("called_at", "timestamp", "created_at") if row.get(name)), None)
    called_at = reading.instant(said_at)
    return {
        "location": location(row, "location", context),
        **{
            name: text(row, name)
            for name in ("phone", "call_id", "transcript", "summary", "recording_url", "answered_by", "status")
        },
        "wait_count": count(row, "wait_count", note),
        "wait_minutes": count(row, "wait_minutes", note),
        "call_duration": number(row, "call_duration", note),
        "called_at": called_at,
        "raw_json": text(row, "raw_json"),
        "created_at": optional_instant(row, "created_at", note) or called_at,
    }


def message(row: Row, context: Context, note: Note) -> Values:
    recipient = text(row, "recipient")
    channel = (text(row, "channel") or "").lower()
    if recipient is None or channel not in ("email", "sms", "push"):
        raise ValueError("it names no recipient" if recipient is None else f"its channel {channel!r} is unknown")
    status, error = (text(row, "status") or "").lower(), text(row, "error_message")
    if status not in ("sent", "failed", "bounced"):
        # Whatever it was waiting for, it is not sent from here.
        status, error = "expired", error or f"the earlier version left it as {status or 'nothing'}"
    created_at = created(row, context, note)
    subject, body = text(row, "subject"), text(row, "body")
    is_booking = any(word in (subject or "").lower() for word in ("booked", "confirmed"))
    return {
        "watch_id": row_id(row, "watch_id") if row.get("watch_id") is not None else None,
        "user_id": row_id(row, "user_id") if row.get("user_id") is not None else None,
        "channel": channel,
        "kind": "booked" if is_booking else "table_open",
        "recipient": recipient,
        "subject": subject,
        "body": body,
        "status": status,
        "attempts": 1,
        "next_attempt_at": created_at,
        "error_message": error,
        "created_at": created_at,
        "sent_at": created_at if status == "sent" else None,
    }


READERS: Mapping[str, Reader] = {
    "users": user,
    "sessions": session,
    "watches": watch,
    "alerts": alert,
    "wait_reports": wait_report,
    "scan_history": scan,
    "slot_drops": slot_drop,
    "feedback": feedback,
    "call_logs": call,
    "notification_log": message,
}


def read(table: str, row: Row, context: Context, note: Note) -> Values:
    """One row, with its id. Raises ValueError with the reason why it cannot come."""
    return {"id": row_id(row, "id"), **READERS[table](row, context, note)}
