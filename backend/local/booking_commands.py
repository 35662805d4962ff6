"""`houstons booking`: what an operator does about bookings whose outcome is unknown."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import click
from sqlalchemy import Row

from backend.domain.message import clock_time
from backend.local.errors import LocalError
from backend.local.operator import database
from backend.services import settlement
from backend.services.errors import AppError
from backend.services.settlement import Verdict
from backend.settings import Settings, load_settings

_VERDICTS: dict[str, Verdict] = {"booked": "booked", "not-booked": "not_booked"}


@click.group("booking")
def booking_commands() -> None:
    """See and settle bookings of which nobody knows whether there is a table."""


@booking_commands.command("list")
@click.option("--unknown", is_flag=True, required=True, help="Those whose outcome is unknown.")
def list_bookings(unknown: bool) -> None:
    """List what waits to be settled, the oldest first."""
    for line in asyncio.run(_list_unknown(load_settings())):
        click.echo(line)


@booking_commands.command("settle")
@click.argument("booking_id", metavar="ID", type=int)
@click.argument("outcome", type=click.Choice(list(_VERDICTS)))
@click.option("--note", help="Who said so, for those who ask later.")
def settle_booking(booking_id: int, outcome: str, note: str | None) -> None:
    """Write down what the restaurant says about a booking; its guest is told."""
    click.echo(asyncio.run(_settle(load_settings(), booking_id, _VERDICTS[outcome], note=note)))


async def _list_unknown(settings: Settings) -> list[str]:
    async with database(settings) as sessions:
        rows = await settlement.unknown_bookings(sessions)
    return [_line(row) for row in rows] or ["Nothing waits to be settled."]


async def _settle(settings: Settings, booking_id: int, verdict: Verdict, *, note: str | None) -> str:
    try:
        async with database(settings) as sessions:
            # The workers find in the ledger what is to be sent on.
            await settlement.settle_by_operator(
                sessions, booking_id, verdict, note=note, operators=settings.operators, now=datetime.now(UTC)
            )
    except AppError as refused:
        raise LocalError(refused.sentence) from None
    return f"Booking {booking_id} is settled: {verdict.replace('_', ' ')}."


def _line(row: Row[Any]) -> str:
    table = f"{row.restaurant}, {row.target_date}, {clock_time(row.reserved_ts, row.timezone)}, {row.party_size} people"
    guest = f"{row.first_name} {row.last_name}, {row.phone}, {row.email}"
    return f"{row.id}  {table}  {guest}  {row.reason}"
