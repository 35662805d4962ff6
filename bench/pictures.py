"""How the mails look: `python -m bench.pictures FOLDER` takes a picture of each, light, dark and narrow.

The facts are made up; words, templates and links are those of real mails. Chromium takes the pictures.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal

import click
from playwright.sync_api import Browser, sync_playwright

from backend.domain.account_message import compose_account
from backend.domain.message import Effort, Facts, Opening
from backend.domain.types import ACCOUNT_KINDS, Kind
from backend.domain.windows import epoch_ms, instant
from backend.services.letters import Letter, account_letter, letter
from backend.services.message_links import links_of

PUBLIC_URL = "https://tables.example.com"
ZONE = "America/Phoenix"
DAY = date(2026, 7, 10)
NOW = datetime(2026, 7, 9, 21, 2, 20, tzinfo=UTC)
SEEN = NOW - timedelta(seconds=9)
TABLES = ((time(18, 15), "Dining Room"), (time(18, 30), "Dining Room"), (time(19), "Patio"))

Scheme = Literal["light", "dark"]
FORMS: tuple[tuple[str, Scheme, int], ...] = (("light", "light", 680), ("dark", "dark", 680), ("narrow", "light", 360))


@click.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--chromium", type=click.Path(exists=True), default="/usr/bin/chromium", show_default=True)
def main(folder: Path, chromium: str) -> None:
    """Take the pictures, and write each mail's plain text beside them."""
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for name, mail in samples():
            (folder / f"{name}.txt").write_text(f"{mail.subject}\n\n{mail.text}\n\n{mail.short}\n")
            for form, scheme, width in FORMS:
                take(browser, mail.html, folder / f"{name}-{form}.png", scheme=scheme, width=width)
            click.echo(name)
        browser.close()


def take(browser: Browser, html: str, path: Path, *, scheme: Scheme, width: int) -> None:
    """A picture of the whole mail. `width` in CSS pixels."""
    page = browser.new_page(viewport={"width": width, "height": 100}, color_scheme=scheme)
    page.set_content(html)
    page.screenshot(path=path, full_page=True)
    page.close()


def samples() -> Iterator[tuple[str, Letter]]:
    """Each kind of mail, by a name for its file."""
    yield "table-open", _about(Kind.TABLE_OPEN)
    yield "table-open-booking", _about(Kind.TABLE_OPEN, tables=1, effort=Effort.ATTEMPTING)
    yield "table-open-late", _about(Kind.TABLE_OPEN, tables=2, is_late=True, persons_zone="America/New_York")
    yield "booked", _about(Kind.BOOKED, tables=1)
    yield "booking-refused", _about(Kind.BOOKING_REFUSED, tables=1, reason="This time has just been taken.")
    yield "booking-unknown", _about(Kind.BOOKING_UNKNOWN, tables=1)
    yield "booking-unknown-operator", _about(Kind.BOOKING_UNKNOWN, tables=1, is_for_operator=True)
    yield "booking-dry-run", _about(Kind.BOOKING_DRY_RUN, tables=1)
    for kind in ACCOUNT_KINDS:
        text = compose_account(kind, name="Alice")
        link = f"{PUBLIC_URL}/account#example" if text.action else None
        yield kind.value.replace("_", "-"), account_letter(text, link=link, public_url=PUBLIC_URL)


def _about(kind: Kind, *, tables: int = len(TABLES), **more: Any) -> Letter:
    row: Any = SimpleNamespace(
        kind=kind,
        user_id=None if more.get("is_for_operator") else 3,
        watch_id=12,
        booking_id=None if kind is Kind.TABLE_OPEN else 34,
        channel_id=5,
    )
    facts = Facts(
        kind=kind,
        restaurant="Houston's - Scottsdale",
        timezone=ZONE,
        booking_slug="houston-s-scottsdale",
        target_date=DAY,
        party_size=4,
        openings=tuple(
            Opening(epoch_ms(instant(DAY, clock, ZONE)), 1685, name, SEEN) for clock, name in TABLES[:tables]
        ),
        location_key="scottsdale",
        town="Scottsdale, AZ",
        watch_id=row.watch_id,
        watch_goes_on=True,
        booking_id=row.booking_id,
        **more,
    )
    links = links_of(row, public_url=PUBLIC_URL, key=b"made up", watch_goes_on=True)
    return letter(facts, public_url=PUBLIC_URL, links=links, now=NOW)


if __name__ == "__main__":
    main()
