"""Restaurants."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from backend.db.base import AnySession

_COLUMNS = (
    "key, name, brand, city, state, timezone, lat, lon, merchant_id, booking_slug, auto_book_allowed, "
    "auto_book_reason, horizon_days"
)

_EVERY = text(f"SELECT {_COLUMNS} FROM locations ORDER BY name")
_BY_KEY = text(f"SELECT {_COLUMNS} FROM locations WHERE key = :key")


async def every(session: AsyncSession) -> Sequence[Row[Any]]:
    return (await session.execute(_EVERY)).all()


async def by_merchant(session: AsyncSession, merchant_id: int) -> Row[Any] | None:
    statement = text(f"SELECT {_COLUMNS} FROM locations WHERE merchant_id = :merchant_id")
    return (await session.execute(statement, {"merchant_id": merchant_id})).one_or_none()


async def by_key(session: AnySession, key: str) -> Row[Any] | None:
    return (await session.execute(_BY_KEY, {"key": key})).one_or_none()
