"""Messages as they go out: what the domain says, set in templates."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined

from backend.clients.channels.outgoing import Attachment
from backend.domain.message import Facts, compose

_TEMPLATES = files("backend.services") / "templates"
_jinja = Environment(
    loader=FunctionLoader(lambda name: (_TEMPLATES / name).read_text()),
    autoescape=lambda name: name is not None and name.endswith(".html"),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
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
    return _jinja.get_template(template).render(**values).strip()


def letter(facts: Facts, *, public_url: str) -> Letter:
    """A message about a watch or a booking."""
    text = compose(facts)
    body = render("message.txt", text=text, public_url=public_url)
    html = render("message.html", text=text, public_url=public_url)
    return Letter(text.subject, body, html, kept=body)
