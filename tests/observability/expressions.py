"""What dashboards and rules ask Prometheus, taken from the files as an operator edits them."""

import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from backend.local.observe import GRAFANA
from observability.metrics import COUNTERS, GAUGES, PROCESS

DASHBOARDS = sorted((GRAFANA / "dashboards").glob("*.json"))
RULES = sorted((GRAFANA / "rules").glob("*.yml"))
RUNBOOKS = GRAFANA.parent / "docs" / "runbooks"

# What Grafana puts in, short enough for a Prometheus that has just begun.
_VARIABLES = {"$__rate_interval": "1m", "$__range": "5m", "$tier": ".*", "$channel": ".*", "$part": ".*"}
_OF_PROMETHEUS = {"up", "ALERTS"}
_KINDS = {"counter": ("_total",), "gauge": ("",), "histogram": ("_bucket", "_count", "_sum")}

_WORDS = {"and", "or", "unless", "offset", "bool", "inf", "nan", "by", "without", "on", "ignoring"}
_SELECTOR = re.compile(r'"[^"]*"|([a-zA-Z_:][\w:]*)\s*(\{[^}]*\})?')


@dataclass(frozen=True, slots=True)
class Expression:
    """One question to Prometheus, where it stands, and the labels that are shown of its answer."""

    place: str
    text: str
    shown: frozenset[str] = frozenset()


def binary(name: str) -> str:
    """A program of Debian's Prometheus package; the test cannot do without."""
    found = shutil.which(name)
    assert found is not None, f"{name} is not installed, and this test needs it: apt-get install prometheus"
    return found


def panels() -> list[tuple[str, dict[str, Any]]]:
    """Each with the name of its dashboard."""
    return [(path.stem, panel) for path in DASHBOARDS for panel in json.loads(path.read_text())["panels"]]


def panel_expressions() -> list[Expression]:
    """Of every panel, with Grafana's variables put in, and of what is marked in all of them."""
    found = []
    for dashboard, panel in panels():
        for target in panel["targets"]:
            text = target["expr"]
            for name, value in _VARIABLES.items():
                text = text.replace(name, value)
            shown = frozenset(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
            found.append(Expression(f"{dashboard}: {panel['title']}", text, shown))
    for path in DASHBOARDS:
        for mark in json.loads(path.read_text())["annotations"]["list"]:
            found.append(Expression(f"{path.stem}: {mark['name']}", mark["expr"]))
    return found


def rules() -> Iterator[dict[str, Any]]:
    for path in RULES:
        for group in yaml.safe_load(path.read_text())["groups"]:
            yield from group["rules"]


def alerts() -> list[dict[str, Any]]:
    return [rule for rule in rules() if "alert" in rule]


def alert_expressions() -> list[Expression]:
    """Of every alert; in good times they have no answer."""
    return [Expression(f"alert {rule['alert']}", rule["expr"]) for rule in alerts()]


def recording_expressions() -> list[Expression]:
    return [Expression(f"rule {rule['record']}", rule["expr"]) for rule in rules() if "record" in rule]


def known_names() -> set[str]:
    """Every name that the product shows, that a rule records, and that Prometheus itself makes."""
    counted = {family.name + suffix for family in PROCESS.collect() for suffix in _KINDS[family.type]}
    stored = {f"{name}_total" for name, _, _ in COUNTERS.values()} | {name for name, _, _ in GAUGES.values()}
    recorded = {rule["record"] for rule in rules() if "record" in rule}
    return counted | stored | recorded | _OF_PROMETHEUS


def names_in(expression: str) -> set[str]:
    """The names of metrics: what is left without strings, labels, durations, functions and words of the language."""
    rest = re.sub(r'"[^"]*"', "", expression)
    rest = re.sub(r"\{[^}]*\}|\[[^\]]*\]", " ", rest)
    rest = re.sub(r"\boffset\s+\w+", " ", rest)
    rest = re.sub(r"\b(by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)", " ", rest)
    rest = re.sub(r"\b\w+\s*\(", "(", rest)
    return {word for word in re.findall(r"[a-zA-Z_:][\w:]*", rest) if word not in _WORDS}


def selectors_in(expression: str) -> set[str]:
    """Each metric with the labels that are asked of it."""
    names = names_in(expression)
    return {found[1] + (found[2] or "") for found in _SELECTOR.finditer(expression) if found[1] and found[1] in names}
