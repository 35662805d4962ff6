"""Messages as they go out: what the domain says, set in templates."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined, Template

from backend.clients.channels.outgoing import Attachment
from backend.domain.account_message import AccountText
from backend.domain.message import Facts, Text, booking_link, compose
from backend.domain.short_message import short
from backend.domain.types import Kind
from backend.domain.windows import local
from backend.services.calendar import Reservation, calendar_of, event_of
from backend.services.message_links import Links, host_of, thread_headers, unsubscribe_headers

# What the ledger has in the place of a link that lets its holder do something.
NOT_KEPT = "(a link, not kept)"

_TEMPLATES = files("backend.services") / "templates"
_jinja = Environment(
    loader=FunctionLoader(lambda name: (_TEMPLATES / name).read_text()),
    autoescape=lambda name: name is not None and name.endswith(".html"),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    # The files are part of the program: they do not change while it runs.
    auto_reload=False,
)


@dataclass(frozen=True, slots=True)
class Letter:
    """A composed message, for any channel. `kept` is its text as the ledger keeps it, without secrets; the other fields
    are those of Outgoing.
    """

    subject: str
    text: str
    html: str
    kept: str
    short: str = ""
    link: str | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    attachments: tuple[Attachment, ...] = ()


def render(template: str, **values: Any) -> str:
    """A template, filled in; what is inserted into HTML is escaped."""
    return _template(template).render(values).strip()


def letter(facts: Facts, *, public_url: str, links: Links, now: datetime) -> Letter:
    """A message about a watch or a booking. Signed links are the reader's alone: they are in the mail, and neither in
    what is kept nor in what programs are told.
    """
    text = compose(facts, now=now)
    values = {"text": text, "links": links}
    body = kept = render("message.txt", **values)
    for link in links.signed:
        kept = kept.replace(link, NOT_KEPT)
    headers: dict[str, str] = {}
    if facts.watch_id is not None:
        headers |= thread_headers(facts.watch_id, public_url=public_url)
    if links.unsubscribe is not None:
        headers |= unsubscribe_headers(links.unsubscribe)
    return Letter(
        subject=text.subject,
        text=body,
        html=render("message.html", **values),
        kept=kept,
        short=short(facts, app_link=links.subject, now=now),
        link=text.lines[0].link if text.lines else links.subject,
        facts=_for_programs(facts, text, links),
        headers=headers,
        attachments=(_booking_file(facts, public_url=public_url, links=links, now=now),)
        if facts.kind is Kind.BOOKED and facts.booking_id is not None and facts.openings
        else (),
    )


def account_letter(text: AccountText, *, link: str | None, public_url: str) -> Letter:
    """A mail about an account. Its link opens the account: the ledger keeps the text without it."""
    values = {"text": text, "public_url": public_url}
    return Letter(
        subject=text.subject,
        text=render("account.txt", **values, link=link),
        html=render("account.html", **values, link=link),
        kept=render("account.txt", **values, link=NOT_KEPT),
    )


def _for_programs(facts: Facts, text: Text, links: Links) -> dict[str, Any]:
    """Plain values, without anything about a person."""
    return {
        "kind": facts.kind.value,
        "restaurant": {"key": facts.location_key, "name": facts.restaurant, "timezone": facts.timezone},
        "date": facts.target_date.isoformat(),
        "party_size": facts.party_size,
        "text": text.sentence,
        "reason": facts.reason,
        "is_late": facts.is_late,
        "openings": [
            {
                "at": local(opening.reserved_ts, facts.timezone).isoformat(),
                "type": opening.type_name,
                "last_seen_at": opening.last_seen_at.astimezone(UTC).isoformat() if opening.last_seen_at else None,
                "link": booking_link(facts, opening),
            }
            for opening in facts.in_order
        ],
        "watch_id": facts.watch_id,
        "booking_id": facts.booking_id,
        "link": links.subject,
    }


def _booking_file(facts: Facts, *, public_url: str, links: Links, now: datetime) -> Attachment:
    assert facts.booking_id is not None
    host = host_of(public_url)
    reservation = Reservation(
        booking_id=facts.booking_id,
        restaurant=facts.restaurant,
        where=", ".join(part for part in (facts.restaurant, facts.town) if part),
        timezone=facts.timezone,
        reserved_ts=facts.openings[0].reserved_ts,
        party_size=facts.party_size,
        link=links.subject,
    )
    content = calendar_of([event_of(reservation, host=host, changed_at=now)], uid=f"booking-{facts.booking_id}@{host}")
    return Attachment("reservation.ics", "text/calendar; method=PUBLISH; charset=utf-8", content)


@lru_cache(maxsize=64)
def _template(name: str) -> Template:
    return _jinja.get_template(name)
