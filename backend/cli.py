"""The command line, `houstons`."""

import asyncio
import os
import sys
from pathlib import Path
from typing import Literal

import click
import uvicorn

from backend.api.one_write import OneWriteProtocol
from backend.db.base import open_engine
from backend.db.migrations import migrate as run_migrations
from backend.local import checks, operator
from backend.local.booking_commands import booking_commands
from backend.local.demo import run_demo
from backend.local.errors import LocalError
from backend.local.import_command import import_command
from backend.local.observe import run_observe
from backend.local.up import run_up
from backend.settings import SettingsError, load_settings

QUEUES = ("scan", "notify", "book", "upkeep")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="houstons", prog_name="houstons")
def cli() -> None:
    """Houston's Reservation Tracker: watches restaurants for tables, tells you, and books once if asked.

    `houstons up` runs everything on this machine. Settings come from the environment or a .env file; .env.example
    lists them all.
    """


@cli.command()
def up() -> None:
    """Run web, workers and scheduler, with Postgres and Valkey when none is configured."""
    run_up(load_settings())


@cli.command()
@click.option("--once", is_flag=True, help="End by itself when everything was seen; exit code 0 only then.")
def demo(once: bool) -> None:
    """Show the product at work against a simulated restaurant and mailbox."""
    sys.exit(run_demo(once=once))


@cli.command()
@click.option(
    "--targets",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The metrics-targets.json to use; else that of `houstons up`, or of a demo that runs.",
)
def observe(targets: Path | None) -> None:
    """Show dashboards and alarms of a running `houstons up` or demo, with Prometheus and Grafana."""
    run_observe(load_settings(), targets)


@cli.command()
def web() -> None:
    """Run the web server."""
    settings = load_settings()
    uvicorn.run(
        "backend.app:create_web",
        factory=True,
        host=settings.host,
        port=settings.port,
        log_level="warning",
        access_log=False,
        # Who is behind a proxy is found by the application, which knows whom to trust.
        proxy_headers=False,
        http=OneWriteProtocol,
        server_header=False,
    )


@cli.command()
@click.option("--queues", default=",".join(QUEUES), show_default=True, help="Which queues to work on, by comma.")
@click.option("--threads", default=8, show_default=True, help="Messages worked on at a time.")
def worker(queues: str, threads: int) -> None:
    """Run a worker: looks, messages, bookings and upkeep."""
    chosen = [queue.strip() for queue in queues.split(",")]
    for queue in chosen:
        if queue not in QUEUES:
            raise click.BadParameter(f"there is no queue {queue!r}; use {', '.join(QUEUES)}", param_hint="--queues")
    load_settings()
    # Idle workers poll Redis every 100 ms: a message leaves in a tenth of a second at the cost of 9 % of a core.
    environment = {**os.environ, "dramatiq_worker_timeout": "100"}
    options = [
        "-p",
        "1",
        "-t",
        str(threads),
        "--worker-fork-timeout",
        "10000",
        "--worker-shutdown-timeout",
        "20000",
        "-Q",
        *chosen,
    ]
    os.execve(sys.executable, [sys.executable, "-m", "dramatiq", "workers.main", *options], environment)


@cli.command()
def scheduler() -> None:
    """Run the scheduler. Two of them do no harm."""
    load_settings()
    os.execv(sys.executable, [sys.executable, "-m", "workers"])


@cli.command()
def migrate() -> None:
    """Bring the database to the newest schema and add missing restaurants."""

    async def run() -> None:
        engine = open_engine(load_settings().require_database_url, pool_size=1, name="migrate")
        try:
            await run_migrations(engine)
        finally:
            await engine.dispose()

    asyncio.run(run())
    click.echo("The database is current.")


@cli.command()
@click.argument("email")
@click.option("--name", default="", help="Their name, for a new account.")
def create_admin(email: str, name: str) -> None:
    """Make the owner of an address an administrator.

    An account that nobody has proven to be theirs loses its password and sessions; a link to set a new one is printed.
    """
    for line in asyncio.run(operator.create_admin(load_settings(), email, name=name)):
        click.echo(line)


@cli.command()
@click.argument("purpose", type=click.Choice(["verify", "reset"]))
@click.argument("email")
def link(purpose: Literal["verify", "reset"], email: str) -> None:
    """Print the link that confirms an address or sets a password: for installations without mail."""
    for line in asyncio.run(operator.print_link(load_settings(), email, purpose=purpose)):
        click.echo(line)


@cli.command()
def check() -> None:
    """Validate the settings and reach each configured service, a line each."""
    results = asyncio.run(checks.check_services(load_settings()))
    for result in results:
        click.echo(f"{'ok  ' if result.is_ok else 'FAIL'} {result.name:<12} {result.sentence}")
    sys.exit(0 if all(result.is_ok for result in results) else 1)


@cli.command(context_settings={"ignore_unknown_options": True, "help_option_names": []})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def simulator(arguments: tuple[str, ...]) -> None:
    """Run the simulated reservation service and mailbox; --help lists its options."""
    os.execv(sys.executable, [sys.executable, "-m", "simulator", *arguments])


cli.add_command(import_command)
cli.add_command(booking_commands)


def main() -> None:
    """Entry point: expected trouble is a sentence, not a stack trace."""
    try:
        cli()
    except (SettingsError, LocalError) as error:
        click.echo(str(error), err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
