"""What an operator does with accounts from the command line, also while `houstons up` runs with its own Postgres."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from backend.db.base import Sessions, open_engine, sessions_of
from backend.db.queries.tokens import Purpose
from backend.local.account import server_account
from backend.local.errors import LocalError
from backend.local.folders import prepare_data_folder
from backend.local.postgres import running_url
from backend.services import credentials
from backend.services.accounts import normal_address
from backend.services.errors import AppError
from backend.settings import Settings


async def create_admin(settings: Settings, email: str, *, name: str) -> list[str]:
    """Make an administrator; the lines to show. Raises LocalError."""
    try:
        async with database(settings) as sessions:
            address = normal_address(email)
            link = await credentials.make_admin(sessions, address, name=name or address, public_url=settings.public_url)
    except AppError as refused:
        raise LocalError(refused.sentence) from None
    if link is None:
        return [f"{address} is an administrator, and signs in as before."]
    return [f"{address} is an administrator. The password is set here, within an hour, once:", link]


async def print_link(settings: Settings, email: str, *, purpose: Purpose) -> list[str]:
    """The link that would be mailed; the lines to show. Raises LocalError."""
    try:
        async with database(settings) as sessions:
            link = await credentials.link_for(sessions, email, purpose=purpose, public_url=settings.public_url)
    except AppError as refused:
        raise LocalError(refused.sentence) from None
    return [link]


@asynccontextmanager
async def database(settings: Settings) -> AsyncIterator[Sessions]:
    """The configured database, or that of `houstons up` while it runs. Raises LocalError."""
    url = settings.database_url or running_url(prepare_data_folder(settings.houstons_data, server_account()))
    if url is None:
        raise LocalError("There is no database: set DATABASE_URL, or start `houstons up` first.")
    engine = open_engine(url, pool_size=1, name="operator")
    try:
        yield sessions_of(engine)
    finally:
        await engine.dispose()
