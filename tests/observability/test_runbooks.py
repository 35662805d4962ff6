"""What the runbooks tell a person to type exists."""

import re
from pathlib import Path

import pytest
from sqlalchemy import text

from backend.cli import cli
from tests.observability.expressions import RUNBOOKS
from workers.resources import Resources

PAGES = sorted(RUNBOOKS.glob("*.md"))
_SQL = re.compile(r"```sql\n(.*?)```|`((?:SELECT|UPDATE)\b[^`]*)`", re.DOTALL)


def statements() -> list[tuple[str, str]]:
    return [(page.stem, found[0] or found[1]) for page in PAGES for found in _SQL.findall(page.read_text())]


async def test_every_statement_is_understood_by_the_database(resources: Resources) -> None:
    assert len(statements()) > 10
    for page, statement in statements():
        async with resources.sessions() as session:
            plan = await session.execute(text(f"EXPLAIN {statement.strip().rstrip(';')}"))
            assert plan.all(), page


@pytest.mark.fast
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_command_exists(page: Path) -> None:
    code = " ".join(re.findall(r"`([^`]+)`", page.read_text()))
    commands = set(re.findall(r"\bhoustons ([a-z][a-z-]*)", code))

    assert commands <= set(cli.commands)


@pytest.mark.fast
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_link_leads_to_a_page(page: Path) -> None:
    for target in re.findall(r"\]\(([^)]+)\)", page.read_text()):
        assert (RUNBOOKS / target).is_file()
