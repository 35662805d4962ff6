"""Moves an earlier version's rows in, all in one transaction: into empty tables, or on top of an earlier import."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Row
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from backend.clients.legacy_database import LegacyDatabase
from backend.db.base import Sessions
from backend.db.queries import legacy, legacy_rows, locations
from backend.domain.booking_rules import DINNER_FROM
from backend.domain.legacy import HAS_TABLE, Moved, Remark, move_in
from backend.domain.legacy_values import Context

CHUNK = 5_000
# Room for what the earlier version still writes while both run: ids of ours begin above it.
GAP = 1_000_000

Advance = Callable[[int], None]


class ImportRefused(Exception):
    """Nothing was imported; the text says why."""


@dataclass(frozen=True, slots=True)
class TableCount:
    """What became of one table's rows."""

    name: str
    read: int
    new: int
    changed: int
    rejected: int


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did, or would do. `held` automatic bookings wait for the final import, `released` no longer."""

    tables: tuple[TableCount, ...] = ()
    rejected: tuple[Remark, ...] = ()
    remarks: tuple[Remark, ...] = ()
    told: int = 0
    held: int = 0
    released: int = 0


@dataclass(frozen=True, slots=True)
class _Before:
    """What the last import left: per table the highest id that came, and the id above which rows are of our making."""

    highest: Mapping[str, int] = field(default_factory=dict)
    own_above: Mapping[str, int] = field(default_factory=dict)
    rejected: Mapping[str, Sequence[str]] = field(default_factory=dict)
    at: datetime | None = None


async def import_legacy(
    sessions: Sessions,
    source: LegacyDatabase | None,
    *,
    is_final: bool,
    dry_run: bool,
    now: datetime,
    advance: Advance,
) -> Imported:
    """Write everything, or nothing. Without a source, only release what was held. Raises ImportRefused."""
    async with sessions() as session:
        try:
            await legacy.lock(session)
            before = _before(await legacy.last_import(session))
            if source is None and before.at is None:
                raise ImportRefused("Nothing was imported so far, so there is nothing to finish.")
            imported, own_above = Imported(), before.own_above
            if source is not None:
                imported, own_above = await _write(session, source, before, is_final=is_final, now=now, advance=advance)
            released = await legacy.release_held(session) if is_final else []
            await legacy.wake_groups(session, released)
            imported = replace(imported, held=await legacy.count_held(session), released=len(released))
            if not dry_run:
                for table, above in sorted(own_above.items()):
                    if above > 0:
                        await legacy.move_sequence(session, table, above)
                await session.commit()
        except DBAPIError as error:
            raise ImportRefused(f"Nothing was imported, because the database refused: {error.orig}") from None
        finally:
            await session.rollback()
    return imported


async def _write(
    session: AsyncSession, source: LegacyDatabase, before: _Before, *, is_final: bool, now: datetime, advance: Advance
) -> tuple[Imported, Mapping[str, int]]:
    people = await legacy.people(session)
    if before.at is None:
        filled = await legacy.filled_tables(session)
        if filled:
            counts = ", ".join(f"{name} {n}" for name, n in filled.items())
            raise ImportRefused(
                f"The database holds rows that no import wrote ({counts}): import into an empty one, "
                "before this version is started for the first time."
            )
    moved = await _move_in(session, source, before, people, now=now)
    _require_same_people(moved, people, came_up_to=before.highest.get("users", 0))
    written = await _write_tables(session, moved, advance)
    if "sessions" in source.tables:
        left = [row["id"] for row in moved.rows["sessions"]]
        await legacy.end_sessions(session, highest=before.highest.get("sessions", 0), but=left)
    booked = [row["id"] for row in moved.rows["watches"] if row["status"] == "booked"]
    for watch_id in await legacy.stop_second_tables(session, booked, dinner_from=DINNER_FROM):
        moved.remarks.append(Remark("watches", str(watch_id), HAS_TABLE))
    await _write_what_follows(session, moved, written, before)
    highest = {table: max([*_ids(source, table), before.highest.get(table, 0)]) for table in legacy_rows.COLUMNS}
    own_above = {
        table: before.own_above.get(table, highest[table] + (0 if is_final else GAP)) for table in legacy_rows.COLUMNS
    }
    tables = tuple(
        TableCount(
            name=table,
            read=len(source.tables[table]),
            new=len(written[table].new),
            changed=len(written[table].changed),
            rejected=sum(remark.table == table for remark in moved.rejected),
        )
        for table in legacy_rows.COLUMNS
        if table in source.tables
    )
    rejected: dict[str, list[str]] = {}
    for remark in moved.rejected:
        rejected.setdefault(remark.table, []).append(remark.id)
    await legacy.remember(
        session,
        source=source.kind,
        is_final=is_final,
        highest=highest,
        own_above=own_above,
        counts={table.name: asdict(table) for table in tables},
        rejected=rejected,
    )
    return Imported(tables, tuple(moved.rejected), tuple(moved.remarks), told=len(moved.told)), own_above


async def _move_in(
    session: AsyncSession, source: LegacyDatabase, before: _Before, people: Sequence[Row[Any]], *, now: datetime
) -> Moved:
    here = {
        table: await legacy.ids_up_to(session, table, before.highest.get(table, 0)) for table in legacy_rows.COLUMNS
    }
    refused = {table: set(before.rejected.get(table, ())) for table in legacy_rows.COLUMNS}

    def is_ours(table: str, row_id: int) -> bool:
        return table in before.own_above and row_id > before.own_above[table]

    def is_gone(table: str, row_id: int) -> bool:
        came = row_id <= before.highest.get(table, 0) and str(row_id) not in refused[table]
        return came and row_id not in here[table]

    taken = {f"email:{row.email}": str(row.id) for row in people}
    taken |= {f"google:{row.google_id}": str(row.id) for row in people if row.google_id}
    names = {row.key: row.name for row in await locations.every(session)}
    moved = move_in(source.tables, Context(names, now), taken=taken, is_ours=is_ours, is_gone=is_gone)
    for row in moved.rows["watches"]:
        row["auto_book_held"] = row["auto_book"]
    return moved


def _require_same_people(moved: Moved, people: Sequence[Row[Any]], *, came_up_to: int) -> None:
    here = {row.id: row for row in people if row.id <= came_up_to}
    if here and not any(row["id"] in here for row in moved.rows["users"]):
        raise ImportRefused("Nobody who came before is in it: that is not the database that was imported before.")
    for row in moved.rows["users"]:
        known = here.get(row["id"])
        if known is not None and not (
            known.email == row["email"]
            or known.created_at == row["created_at"]
            or (known.google_id is not None and known.google_id == row["google_id"])
        ):
            raise ImportRefused(
                f"User {row['id']} is another person here: that is not the database that was imported before."
            )


async def _write_tables(session: AsyncSession, moved: Moved, advance: Advance) -> dict[str, legacy_rows.Written]:
    written = {}
    for table in legacy_rows.COLUMNS:
        rows = moved.rows[table]
        if table == "watches" and rows:
            await legacy.add_groups(session, rows)
        parts = []
        for chunk in _chunks(rows):
            parts.append(await legacy_rows.write(session, table, chunk))
            advance(len(chunk))
        written[table] = legacy_rows.Written(
            tuple(row_id for part in parts for row_id in part.new),
            tuple(row_id for part in parts for row_id in part.changed),
        )
    return written


async def _write_what_follows(
    session: AsyncSession, moved: Moved, written: Mapping[str, legacy_rows.Written], before: _Before
) -> None:
    """Addresses, what was told, and the next looks."""
    # An address that came before and is not there any more was taken out here: it stays out.
    fresh = {*written["users"].new, *written["users"].changed}
    addresses = [
        asdict(address)
        for address in moved.addresses
        if address.user_id in fresh or (before.at is not None and address.known_since > before.at)
    ]
    for chunk in _chunks(addresses):
        await legacy.add_addresses(session, chunk)
    told = [{"watch_id": watch, **asdict(table), "told_at": at} for (watch, table), at in moved.told.items()]
    for chunk in _chunks(told):
        await legacy.add_told(session, chunk)
    await legacy.use_up_what_was_told_here_too(session)
    await legacy.wake_groups(session, [*written["watches"].new, *written["watches"].changed])


def _before(last: Row[Any] | None) -> _Before:
    return _Before() if last is None else _Before(last.highest, last.own_above, last.rejected, last.created_at)


def _ids(source: LegacyDatabase, table: str) -> list[int]:
    return [int(row["id"]) for row in source.tables.get(table, ()) if str(row.get("id")).isdecimal()]


def _chunks(rows: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(rows), CHUNK):
        yield rows[start : start + CHUNK]
