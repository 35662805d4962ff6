"""`houstons demo`: the product against a simulated restaurant and a mailbox, in a throw-away folder, with a story."""

import asyncio
import os
import secrets
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from backend.local import system
from backend.local.child import Child
from backend.local.demo_story import MissingStep, Places, Story
from backend.local.ports import preferred_port
from backend.local.postgres import THROW_AWAY
from backend.local.supervisor import Supervisor
from backend.settings import Settings, load_settings

MAIL_USER = "demo"
_OVERRIDDEN = (
    *("host", "port", "public_url", "wisely_base_url", "wisely_timeout_seconds", "upstream_rate_mean", "auto_book"),
    *("browse_days", "urgent_scan_seconds", "normal_scan_seconds", "dispatch_seconds", "relay_seconds"),
    *("smtp_host", "smtp_port", "smtp_user", "smtp_from", "smtp_security", "smtp_ca_file"),
)


def run_demo(*, once: bool) -> int:
    """Run the demo; the exit code. Raises LocalError when it cannot start."""
    with _throw_away_folder() as folder:
        web, upstream, smtp = (preferred_port(port) for port in (8000, 9200, 9225))
        password = secrets.token_urlsafe(12)
        certificate = folder / "mailbox.pem"
        settings = load_settings(
            database_url=None,
            redis_url=None,
            houstons_data=folder,
            host="127.0.0.1",
            port=web,
            public_url=f"http://127.0.0.1:{web}",
            wisely_base_url=f"http://127.0.0.1:{upstream}",
            upstream_rate_mean=5.0,
            # The story counts the looks at its watches.
            browse_days=0,
            wisely_timeout_seconds=2,
            urgent_scan_seconds=5,
            normal_scan_seconds=5,
            dispatch_seconds=1,
            relay_seconds=2,
            smtp_host="127.0.0.1",
            smtp_port=smtp,
            smtp_user=MAIL_USER,
            smtp_pass=password,
            smtp_from="Houston's Tracker <tables@demo.test>",
            smtp_security="starttls",
            smtp_ca_file=certificate,
            auto_book="on",
        )
        places = Places(
            web=settings.public_url,
            upstream=settings.wisely_base_url,
            password=secrets.token_urlsafe(9),
            log=folder / "processes.log",
        )
        simulator = (
            *(sys.executable, "-m", "simulator", "--port", str(upstream), "--smtp-port", str(smtp)),
            *("--starttls", "--require-starttls", "--ca-file", str(certificate)),
            *("--smtp-user", MAIL_USER, "--smtp-password", password),
        )
        click.echo("Starting Postgres, Valkey, the simulated restaurants, web, three workers and the scheduler …")
        with system.servers(settings, postgres_options=THROW_AWAY) as running:
            environment = system.environment_of(running.settings) | _variables(settings)
            children = [
                Child("simulator", simulator, environment),
                *system.product_children(running.settings, environment),
            ]
            return asyncio.run(_play(running, children, places, once=once))


async def _play(running: system.Running, children: list[Child], places: Places, *, once: bool) -> int:
    with places.log.open("a") as log:

        def say(name: str, line: str) -> None:
            log.write(f"{name:<10} {line}\n")
            log.flush()
            if "started again" in line:
                click.echo(f"!! {name} {line}")

        supervisor = Supervisor(running.servers, children, say)
        supervised = asyncio.create_task(supervisor.run())
        story = asyncio.create_task(Story(places, click.echo).tell(once=once))
        await asyncio.wait({supervised, story}, return_when=asyncio.FIRST_COMPLETED)
        code = 0
        try:
            if story.done():
                story.result()
            elif once:
                code = 1
        except MissingStep as error:
            code = 1
            click.echo(f"MISSING: {error}", err=True)
            click.echo("\n".join(places.log.read_text().splitlines()[-40:]), err=True)
        finally:
            story.cancel()
            supervisor.stop()
            await supervised
        return code


def _variables(settings: Settings) -> dict[str, str]:
    """The demo's settings for its children, which read the environment."""
    password = settings.smtp_pass.get_secret_value() if settings.smtp_pass else ""
    return {name.upper(): str(getattr(settings, name)) for name in _OVERRIDDEN} | {"SMTP_PASS": password}


@contextmanager
def _throw_away_folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="houstons-demo-"))
    # Postgres, as another user, has to walk through it.
    os.chmod(folder, 0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
