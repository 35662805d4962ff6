"""`houstons up`: everything, against the real reservation service, until Ctrl-C."""

import asyncio

import click

from backend.local import system
from backend.local.child import Child
from backend.local.supervisor import Supervisor
from backend.settings import Settings


def run_up(settings: Settings) -> None:
    """Run until stopped. Raises LocalError."""
    with system.servers(settings) as running:
        click.echo(f"Open {settings.public_url}   (Ctrl-C stops everything)")
        for server in running.servers:
            click.echo(f"{server.name} keeps its data in {server.data}")
        if settings.smtp_host is None:
            click.echo("No mail is configured (SMTP_HOST): messages are written down as suppressed, not sent.")
            click.echo(
                "`houstons link verify ADDRESS` and `houstons link reset ADDRESS` print the links of such mails."
            )
        children = system.product_children(running.settings, system.environment_of(running.settings))
        asyncio.run(_supervise(running, children))


async def _supervise(running: system.Running, children: list[Child]) -> None:
    await Supervisor(running.servers, children, say).run()


def say(name: str, line: str) -> None:
    """One line of a child on the terminal."""
    click.echo(f"{name:<10} {line}")
