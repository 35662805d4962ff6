"""Renders the pages for people; everything that is put into them is escaped."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from simulator.http import CSS, HTML, Reply

_POLICY = "default-src 'none'; style-src 'self'; img-src data:; frame-src 'self'; form-action 'self'"
_environment = Environment(
    loader=PackageLoader("simulator", "pages"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_STYLE = files("simulator").joinpath("pages", "style.css").read_bytes()


def page(template: str, *, status: int = 200, **values: Any) -> Reply:
    """A page from `simulator/pages`."""
    text = _environment.get_template(template).render(values)
    headers = {"content-security-policy": _POLICY, "cache-control": "no-store"}
    return Reply(status, text.encode("utf-8", "replace"), HTML, headers)


def style() -> Reply:
    return Reply(200, _STYLE, CSS)
