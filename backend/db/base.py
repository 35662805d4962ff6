"""The declarative base, column shorthands, and how a process opens its database."""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Annotated, Any, Protocol

from advanced_alchemy.types import DateTimeUTC
from sqlalchemy import BigInteger, Executable, Identity, MetaData, Result, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, mapped_column

Sessions = async_sessionmaker[AsyncSession]

Id = Annotated[int, mapped_column(BigInteger, Identity(always=False), primary_key=True)]
BigInt = Annotated[int, mapped_column(BigInteger)]
Instant = Annotated[datetime, mapped_column(DateTimeUTC(timezone=True))]
CreatedAt = Annotated[datetime, mapped_column(DateTimeUTC(timezone=True), server_default=func.now())]
# Nothing is NULL, and not the word null.
Json = Annotated[dict[str, Any], mapped_column(JSONB(none_as_null=True))]


class AnySession(Protocol):
    """What runs statements: a session of SQLAlchemy's, or a direct one (`db/direct.py`)."""

    async def execute(self, statement: Executable, params: Mapping[str, Any] | None = None, /) -> Result[Any]: ...

    async def scalar(self, statement: Executable, params: Mapping[str, Any] | None = None, /) -> Any: ...


class AnySessions(Protocol):
    """Short sessions of either kind."""

    def __call__(self) -> AbstractAsyncContextManager[AnySession]: ...

    def begin(self) -> AbstractAsyncContextManager[AnySession]: ...


class Base(DeclarativeBase):
    """All tables, with predictable names for their constraints."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


def open_engine(database_url: str, *, pool_size: int, name: str) -> AsyncEngine:
    """An engine of at most `pool_size` connections; `name` shows in pg_stat_activity."""
    url = database_url.replace("postgresql://", "postgresql+asyncpg://", 1)
    return create_async_engine(
        url,
        pool_size=pool_size,
        max_overflow=0,
        pool_pre_ping=True,
        # A failing statement is logged without its values: they are people's data.
        hide_parameters=True,
        pool_timeout=10,
        connect_args={
            "timeout": 10,
            "server_settings": {"application_name": f"houstons-{name}", "timezone": "UTC"},
        },
    )


def sessions_of(engine: AsyncEngine) -> Sessions:
    """Short sessions on an engine; rows stay readable after the commit."""
    return async_sessionmaker(engine, expire_on_commit=False)
