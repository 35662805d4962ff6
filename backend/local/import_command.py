"""`houstons import-legacy`: bring an earlier version's data over."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import click
from sqlalchemy.exc import SQLAlchemyError

from backend.clients.legacy_database import LegacyDatabase, LegacyUnreadable, read_postgres, read_sqlite
from backend.db.base import open_engine, sessions_of
from backend.db.migrations import is_current, migrate
from backend.db.queries.legacy_rows import COLUMNS
from backend.local.account import server_account
from backend.local.errors import LocalError
from backend.local.folders import prepare_data_folder
from backend.local.import_report import lines
from backend.local.postgres import PostgresServer
from backend.services.legacy_import import Advance, Imported, ImportRefused, import_legacy
from backend.settings import Settings, load_settings


@click.command("import-legacy")
@click.argument("file", required=False, type=click.Path(path_type=Path, dir_okay=False))
@click.option("--from", "url", metavar="postgres://…", help="The earlier version's Postgres, instead of a file.")
@click.option("--dry-run", is_flag=True, help="Print what would happen, and write nothing.")
@click.option("--final", is_flag=True, help="The earlier version is stopped: release the automatic bookings.")
def import_command(file: Path | None, url: str | None, dry_run: bool, final: bool) -> None:
    """Bring the data of the earlier version over, from FILE (its houstons.db) or from its Postgres.

    Run it as often as you like until the last time with --final; docs/moving-in.md tells the steps.
    """
    if file is not None and url is not None:
        raise click.UsageError("Give a file or --from, not both.")
    if file is None and url is None and not final:
        raise click.UsageError("Say where the earlier version's data is: a file, or --from postgres://…")
    settings = load_settings()
    try:
        source = asyncio.run(read_postgres(url, COLUMNS)) if url else read_sqlite(file, COLUMNS) if file else None
        with _database(settings) as database_url:
            imported = asyncio.run(_run(database_url, source, settings=settings, is_final=final, dry_run=dry_run))
    except (LegacyUnreadable, ImportRefused) as error:
        raise LocalError(str(error)) from None
    for line in lines(imported, dry_run=dry_run):
        click.echo(line)
    if source is not None and source.ignored:
        click.echo(f"Of no meaning here, and left where they are: {', '.join(source.ignored)}.")


@contextmanager
def _database(settings: Settings) -> Iterator[str]:
    """The configured database, or the embedded one for as long as this takes."""
    if settings.database_url is not None:
        yield settings.database_url
        return
    account = server_account()
    data = prepare_data_folder(settings.houstons_data, account)
    with PostgresServer(data, account=account) as server:
        yield server.url


async def _run(
    database_url: str, source: LegacyDatabase | None, *, settings: Settings, is_final: bool, dry_run: bool
) -> Imported:
    engine = open_engine(database_url, pool_size=1, name="import")
    total = sum(len(rows) for rows in source.tables.values()) if source else 0
    try:
        if settings.database_url is None:
            await migrate(engine)
        elif not await is_current(engine):
            raise LocalError("The database is not current: run `houstons migrate` first.")
        with click.progressbar(length=total, label="Importing") as bar:
            advance: Advance = bar.update
            return await import_legacy(
                sessions_of(engine), source, is_final=is_final, dry_run=dry_run, now=datetime.now(UTC), advance=advance
            )
    except (SQLAlchemyError, OSError) as error:
        reason = getattr(error, "orig", None) or error
        raise LocalError(f"Postgres at DATABASE_URL cannot be used: {reason}") from None
    finally:
        await engine.dispose()
