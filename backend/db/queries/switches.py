"""Switches that stop work everywhere, at its next unit."""

from typing import Literal

from sqlalchemy import text

from backend.db.base import AnySession

_IS_ON = text("SELECT is_on FROM switches WHERE name = :name")


async def is_on(session: AnySession, name: Literal["scanning", "notifying", "booking"]) -> bool:
    return bool(await session.scalar(_IS_ON, {"name": name}))
