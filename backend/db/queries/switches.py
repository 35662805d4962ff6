"""Switches that stop work everywhere, at its next unit."""

from typing import Literal

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession


async def is_on(session: AsyncSession, name: Literal["scanning", "notifying", "booking"]) -> bool:
    return bool(await session.scalar(text("SELECT is_on FROM switches WHERE name = :name"), {"name": name}))
