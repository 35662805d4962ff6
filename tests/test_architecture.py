"""ARCHITECTURE.md tells the truth about tables and jobs."""

import re
from pathlib import Path

import pytest

from backend.clients.jobs import QUEUES
from backend.db.models import User
from backend.settings import Settings
from workers.schedule import schedule

pytestmark = pytest.mark.fast

TEXT = (Path(__file__).parent.parent / "ARCHITECTURE.md").read_text()


def test_it_lists_exactly_the_tables_that_exist() -> None:
    listed = re.search(r"^Tables: `([^`]*)`", TEXT, re.MULTILINE)

    assert listed is not None
    assert set(listed[1].split()) == set(User.metadata.tables)


def test_it_lists_exactly_the_scheduled_jobs() -> None:
    rows = re.findall(r"^\| `(\w+)` \|", TEXT, re.MULTILINE)

    assert rows == [tick.actor for tick in schedule(Settings(_env_file=None))]  # type: ignore[call-arg]


def test_every_queue_is_worked_on_by_up() -> None:
    from backend.local.system import WORKERS

    worked_on = {queue for _, queues in WORKERS for queue in queues.split(",")}

    assert worked_on == set(QUEUES.values())
