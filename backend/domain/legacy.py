"""Decides what of an earlier version's database comes over, and says why the rest does not."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from backend.domain import reading
from backend.domain.booking_rules import meal_of
from backend.domain.legacy_rows import READERS, read
from backend.domain.legacy_values import Context, Row, Values, text
from backend.domain.told_before import Table, tables_in

Tables = Mapping[str, Sequence[Row]]
HAS_TABLE = "it is not booked automatically: the person has a table for that meal"
_DETAILS = {
    "book_first_name": "first_name",
    "book_last_name": "last_name",
    "book_email": "email",
    "book_phone": "phone",
}


@dataclass(frozen=True, slots=True)
class Remark:
    """A sentence about one row: why it cannot come, or what was left out of it."""

    table: str
    id: str
    reason: str


@dataclass(frozen=True, slots=True)
class Address:
    """Where a person is reached. The earlier version sent there, so messages may go there."""

    user_id: int
    kind: str
    address: str
    known_since: datetime


@dataclass(slots=True)
class Moved:
    """What comes over. `told` is what old messages named: (watch, table) → when."""

    rows: dict[str, list[Values]] = field(default_factory=dict)
    rejected: list[Remark] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)
    addresses: list[Address] = field(default_factory=list)
    told: dict[tuple[int, Table], datetime] = field(default_factory=dict)


def move_in(
    tables: Tables,
    context: Context,
    *,
    taken: Mapping[str, str],
    is_ours: Callable[[str, int], bool],
    is_gone: Callable[[str, int], bool],
) -> Moved:
    """Read all rows. `taken` says who has an e-mail address or Google account here already (`email:…`, `google:…`).

    `is_ours` tells ids that this version gave to rows of its own; `is_gone` those of rows that came and were deleted
    here since: they do not come again.
    """
    moved = Moved()
    for table in READERS:
        moved.rows[table] = list(_read_table(table, tables.get(table, ()), context, moved, is_ours, is_gone))
    moved.rows["users"] = _one_account_each(moved, tables, taken)
    _with_their_people(moved)
    _complete_booking_details(moved)
    moved.addresses = list(_addresses(moved))
    moved.told = _told(moved)
    return moved


def _read_table(
    table: str,
    rows: Sequence[Row],
    context: Context,
    moved: Moved,
    is_ours: Callable[[str, int], bool],
    is_gone: Callable[[str, int], bool],
) -> Iterator[Values]:
    for row in rows:
        row_id = str(row.get("id"))
        notes: list[str] = []
        try:
            values = read(table, row, context, notes.append)
        except ValueError as error:
            moved.rejected.append(Remark(table, row_id, str(error)))
            continue
        if is_ours(table, values["id"]):
            moved.rejected.append(Remark(table, row_id, "its id belongs to a row of this version"))
        elif not is_gone(table, values["id"]):
            moved.remarks += [Remark(table, row_id, note) for note in notes]
            yield values


def _one_account_each(moved: Moved, tables: Tables, taken: Mapping[str, str]) -> list[Values]:
    """One account for an address, whatever its case: the one that could still sign in, then the one used last."""
    # Sign-in looked for the lower-case address, so a row in another case was out of reach with its password.
    was_lower = {
        str(row.get("id")) for row in tables.get("users", ()) if (said := text(row, "email")) and said == said.lower()
    }
    ranked = sorted(
        moved.rows["users"],
        key=lambda row: (str(row["id"]) in was_lower, row["last_login"] or row["created_at"], row["id"]),
        reverse=True,
    )
    owners: dict[str, str] = dict(taken)
    kept = []
    for row in ranked:
        keys = [f"email:{row['email']}"] + ([f"google:{row['google_id']}"] if row["google_id"] else [])
        other = next((owners[key] for key in keys if owners.get(key, str(row["id"])) != str(row["id"])), None)
        if other is not None:
            reason = f"its address or Google account is that of user {other}"
            moved.rejected.append(Remark("users", str(row["id"]), reason))
            continue
        owners.update(dict.fromkeys(keys, str(row["id"])))
        kept.append(row)
    return sorted(kept, key=lambda row: int(row["id"]))


def _with_their_people(moved: Moved) -> None:
    """Sessions and watches need their person; a message stays without."""
    people = {row["id"] for row in moved.rows["users"]}
    for table in ("sessions", "watches"):
        orphans = [row for row in moved.rows[table] if row["user_id"] not in people]
        moved.rejected += [
            Remark(table, str(row["id"]), f"its user {row['user_id']} is not there, or did not come") for row in orphans
        ]
        moved.rows[table] = [row for row in moved.rows[table] if row["user_id"] in people]
    watches = {row["id"] for row in moved.rows["watches"]}
    for row in moved.rows["notification_log"]:
        for column, known in (("user_id", people), ("watch_id", watches)):
            if row[column] is not None and row[column] not in known:
                moved.remarks.append(Remark("notification_log", str(row["id"]), f"its {column} is not there any more"))
                row[column] = None


def _complete_booking_details(moved: Moved) -> None:
    """Fill in from the profile, and book automatically only where nothing is missing and no table is booked yet."""
    people = {row["id"]: row for row in moved.rows["users"]}
    has_table = {_meal(row) for row in moved.rows["watches"] if row["status"] == "booked"}
    for row in moved.rows["watches"]:
        for column, source in _DETAILS.items():
            row[column] = row[column] or people[row["user_id"]][source]
        missing = [column for column in _DETAILS if not row[column]]
        reason = None
        if not missing and not row["book_phone"].startswith("+1"):
            reason = "it is not booked automatically: the restaurants take North American numbers only"
        elif missing:
            reason = f"it is not booked automatically: {', '.join(missing)} missing"
        elif row["status"] == "active" and _meal(row) in has_table:
            reason = HAS_TABLE
        if row["auto_book"] and reason:
            row["auto_book"] = False
            moved.remarks.append(Remark("watches", str(row["id"]), reason))


def _meal(watch: Values) -> tuple[Any, ...]:
    return watch["user_id"], watch["target_date"], meal_of(watch["time_start"])


def _addresses(moved: Moved) -> Iterator[Address]:
    """Everybody's mail address, and telephones that a text message was sent to and that are theirs still."""
    texted: dict[int, dict[str, datetime]] = {}
    for row in moved.rows["notification_log"]:
        if row["channel"] != "sms" or row["status"] != "sent" or row["user_id"] is None:
            continue
        try:
            number = reading.telephone(row["recipient"])
        except ValueError:
            continue
        if number is not None:
            numbers = texted.setdefault(row["user_id"], {})
            numbers[number] = max(row["created_at"], numbers.get(number, row["created_at"]))
    named: dict[int, set[str]] = {}
    for row in moved.rows["watches"]:
        if row["status"] == "active" and row["book_phone"]:
            named.setdefault(row["user_id"], set()).add(row["book_phone"])
    for person in moved.rows["users"]:
        yield Address(person["id"], "email", person["email"], person["last_login"] or person["created_at"])
        numbers = texted.get(person["id"], {})
        theirs = {person["phone"], *named.get(person["id"], ())} - {None}
        # Without a word on which number is theirs, it is the one that was texted last.
        chosen: Collection[str] = (
            [n for n in sorted(numbers) if n in theirs] if theirs else sorted(numbers, key=lambda n: numbers[n])[-1:]
        )
        for number in chosen:
            yield Address(person["id"], "sms", number, numbers[number])


def _told(moved: Moved) -> dict[tuple[int, Table], datetime]:
    watches = {row["id"] for row in moved.rows["watches"] if row["status"] == "active"}
    told: dict[tuple[int, Table], datetime] = {}
    for row in moved.rows["notification_log"]:
        if row["status"] == "sent" and row["watch_id"] in watches:
            for table in tables_in(row["body"] or ""):
                key = (row["watch_id"], table)
                told[key] = max(row["created_at"], told.get(key, row["created_at"]))
    return told
