"""Dashboards are read by Grafana's own types, answer questions, and ask only for what exists."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard, Panel
from grafana_foundation_sdk.models.prometheus import Dataquery

from tests.observability.expressions import (
    DASHBOARDS,
    RUNBOOKS,
    Expression,
    alert_expressions,
    known_names,
    names_in,
    panel_expressions,
    panels,
    recording_expressions,
)

pytestmark = pytest.mark.fast

register_default_plugins()


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_grafanas_types_know_everything_in_a_dashboard(path: Path) -> None:
    written = json.loads(path.read_text())

    read = Dashboard.from_json(written)

    assert list(lost(written, json.loads(JSONEncoder().encode(read)))) == []
    for panel in read.panels or ():
        assert isinstance(panel, Panel)
        assert all(isinstance(target, Dataquery) for target in panel.targets or ())


def lost(written: Any, read: Any, place: str = "") -> Iterator[str]:
    """What is written and was not read: a name that Grafana does not know, at a place where it looks for none."""
    if isinstance(written, dict):
        for name, value in written.items():
            if isinstance(read, dict) and name in read:
                yield from lost(value, read[name], f"{place}.{name}")
            else:
                yield f"{place}.{name}"
    elif isinstance(written, list) and isinstance(read, list) and len(written) == len(read):
        for number, (one, other) in enumerate(zip(written, read, strict=True)):
            yield from lost(one, other, f"{place}[{number}]")
    elif written != read:
        yield f"{place}: {written!r} became {read!r}"


def test_dashboards_are_told_apart_and_show_the_same_clock() -> None:
    read = [json.loads(path.read_text()) for path in DASHBOARDS]

    assert [board["title"] for board in read] == ["Booking", "Delivery", "Platform", "Scanning", "Web"]
    assert len({board["uid"] for board in read}) == len(read)
    assert all(board["timezone"] == "browser" and board["schemaVersion"] >= 39 for board in read)


@pytest.mark.parametrize(("board", "panel"), panels(), ids=lambda one: one if isinstance(one, str) else one["id"])
def test_a_panel_answers_a_question_in_a_unit_and_names_its_runbook(board: str, panel: dict[str, Any]) -> None:
    defaults = panel["fieldConfig"]["defaults"]

    assert panel["title"].endswith("?")
    assert panel["description"]
    assert defaults["unit"]
    assert defaults["thresholds"]["steps"]
    for link in panel.get("links", ()):
        assert (RUNBOOKS / link["url"].removeprefix("${runbooks}/")).is_file()
    # Whoever sees red reads what to do.
    if "red" in [step["color"] for step in defaults["thresholds"]["steps"]]:
        assert panel["links"]


@pytest.mark.parametrize(
    "expression",
    [*panel_expressions(), *alert_expressions(), *recording_expressions()],
    ids=lambda expression: expression.place,
)
def test_only_metrics_that_exist_are_asked_for(expression: Expression) -> None:
    names = names_in(expression.text)

    assert names
    assert names <= known_names()
