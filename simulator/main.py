"""The command: starts a simulator and keeps it running until it is told to stop."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

import click
import uvloop

from simulator.mailbox import DEFAULT_CAPACITY
from simulator.manners import LimitCounts, Manners
from simulator.server import CannotStart, Options, Simulator
from simulator.turnover import Plan
from simulator.wisely import Latency


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=9200, show_default=True, help="HTTP.")
@click.option("--smtp-port", type=click.IntRange(0, 65535), default=9225, show_default=True, help="SMTP.")
@click.option("--turnover", is_flag=True, help="Let tables come and go from the start.")
@click.option("--speed", type=click.FloatRange(0, 1000, min_open=True), default=1.0, show_default=True)
@click.option("--days-ahead", type=click.IntRange(1, 60), default=7, show_default=True)
@click.option("--seed", type=int, default=1, show_default=True, help="Of all that is left to chance.")
@click.option("--latency", type=click.FloatRange(0), default=0.0, show_default=True, help="Seconds.")
@click.option("--jitter", type=click.FloatRange(0), default=0.0, show_default=True, help="Seconds more.")
@click.option("--maximum-limit", type=click.IntRange(1), default=50, show_default=True)
@click.option("--limit-counts", type=click.Choice(["over-all", "per-type"]), default="over-all")
@click.option("--hide-empty-types", is_flag=True, help="Leave out types without open times.")
@click.option("--booleans", is_flag=True, help="Write is_available as true, not 1.")
@click.option("--list-unavailable", is_flag=True, help="List times that are not open, as not available.")
@click.option("--smtp-user", help="Who has to sign in to hand in mail.")
@click.option("--smtp-password")
@click.option("--starttls", is_flag=True, help="Offer STARTTLS.")
@click.option("--require-starttls", is_flag=True, help="Insist on STARTTLS.")
@click.option("--ca-file", type=click.Path(dir_okay=False, path_type=Path), help="Written for clients.")
@click.option("--mailbox-capacity", type=click.IntRange(1), default=DEFAULT_CAPACITY, show_default=True)
def cli(
    host: str,
    port: int,
    smtp_port: int,
    turnover: bool,
    speed: float,
    days_ahead: int,
    seed: int,
    latency: float,
    jitter: float,
    maximum_limit: int,
    limit_counts: LimitCounts,
    hide_empty_types: bool,
    booleans: bool,
    list_unavailable: bool,
    smtp_user: str | None,
    smtp_password: str | None,
    starttls: bool,
    require_starttls: bool,
    ca_file: Path | None,
    mailbox_capacity: int,
) -> None:
    """A Wisely that behaves like the real one, and misbehaves on command; with a mailbox."""
    if (smtp_user is None) != (smtp_password is None):
        raise click.UsageError("--smtp-user and --smtp-password belong together.")
    manners = Manners(
        maximum_limit=maximum_limit,
        limit_counts=limit_counts,
        list_empty_types=not hide_empty_types,
        available_as="bool" if booleans else "int",
        list_unavailable=list_unavailable,
    )
    run(
        Options(
            host=host,
            port=port,
            smtp_port=smtp_port,
            seed=seed,
            turnover=Plan(seed=seed, speed=speed, days_ahead=days_ahead) if turnover else None,
            manners=manners,
            latency=Latency(latency, jitter),
            smtp_user=smtp_user,
            smtp_password=smtp_password,
            starttls=starttls or require_starttls,
            require_starttls=require_starttls,
            ca_file=ca_file,
            mailbox_capacity=mailbox_capacity,
        )
    )


def run(options: Options) -> None:
    """Run until SIGTERM or SIGINT. What keeps it from starting is said in a sentence, with exit code 1."""
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_until_stopped(options))
    except CannotStart as reason:
        click.echo(str(reason), err=True)
        sys.exit(1)


async def _until_stopped(options: Options) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    simulator = Simulator(options)
    await simulator.start()
    click.echo(
        f"Simulator ready: Wisely {simulator.url}, mailbox {simulator.url}/mailbox, "
        f"SMTP {options.host}:{simulator.smtp_port}"
    )
    await stopped.wait()
    await simulator.stop()
