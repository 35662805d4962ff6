"""The one place that wires the web process."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path

from litestar import Litestar
from litestar.datastructures import MutableScopeHeaders
from litestar.exceptions import HTTPException
from litestar.static_files import create_static_files_router
from litestar.types import Message, Scope
from redis.asyncio import Redis
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from backend.api import alerts, availability, feedback, health, history, locations, push, upstream, waittimes
from backend.api.access import OPEN
from backend.api.admin import AdminController
from backend.api.auth import AuthController
from backend.api.calls import CallController
from backend.api.errors import app_error, http_error, unexpected_error
from backend.api.watches import WatchController
from backend.clients.budget import open_budget
from backend.clients.jobs import Jobs
from backend.clients.wisely import open_wisely
from backend.db.base import open_engine, sessions_of
from backend.db.direct import open_direct
from backend.services.availability import Availability
from backend.services.errors import AppError
from backend.settings import Settings, load_settings
from observability.logging import configure_logging

STATIC = Path(__file__).parent.parent / "static"
OPENED_AT_START = 2
POOL_SIZE = 10

_SECURITY = {
    "Content-Security-Policy": "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}


def create_app(settings: Settings | None = None) -> Litestar:
    """The application. Raises SettingsError when the environment makes no sense."""
    settings = settings or load_settings()
    configure_logging(level=settings.log_level, form=settings.log_format)
    static = create_static_files_router(
        path="/", directories=[STATIC], html_mode=True, opt=OPEN, include_in_schema=False
    )
    app = Litestar(
        route_handlers=[
            AuthController,
            WatchController,
            locations.list_locations,
            availability.show_availability,
            push.push_scan,
            upstream.ask_inventory,
            upstream.book,
            AdminController,
            CallController,
            alerts.list_alerts,
            alerts.add_alert,
            alerts.own_alerts,
            feedback.add_feedback,
            history.read_history,
            history.record_history,
            waittimes.list_waits,
            waittimes.add_wait,
            health.live,
            health.ready,
            health.metrics,
            static,
        ],
        exception_handlers={AppError: app_error, HTTPException: http_error, Exception: unexpected_error},
        response_headers={"Cache-Control": "private, no-store"},
        before_send=[_secure],
        type_encoders={datetime: datetime.isoformat},
        lifespan=[_connections],
        openapi_config=None,
        logging_config=None,
        request_max_body_size=100_000,
    )
    app.state.settings = settings
    return app


async def _secure(message: Message, scope: Scope) -> None:
    # Here and not in `response_headers`, which static files do not get.
    if message["type"] == "http.response.start":
        headers = MutableScopeHeaders.from_message(message)
        for name, value in _SECURITY.items():
            headers[name] = value


@asynccontextmanager
async def _connections(app: Litestar) -> AsyncIterator[None]:
    settings: Settings = app.state.settings
    engine = open_engine(settings.require_database_url, pool_size=POOL_SIZE, name="web")
    redis = Redis.from_url(settings.require_redis_url, socket_timeout=2, socket_connect_timeout=2)
    app.state.update({"engine": engine, "sessions": sessions_of(engine), "redis": redis, "jobs": Jobs(redis)})
    app.state.budget = open_budget(redis, settings)
    app.state.wisely = open_wisely(settings, app.state.budget)
    app.state.locations = locations.shared_locations(sessions_of(engine))
    app.state.availability = Availability(sessions_of(engine), usual_sizes=settings.browse_party_sizes)
    app.state.direct = open_direct(settings.require_database_url, size=POOL_SIZE, name="web-direct")
    await asyncio.gather(*(_open_one(engine) for _ in range(OPENED_AT_START)))
    try:
        yield
    finally:
        await app.state.wisely.close()
        await app.state.budget.close()
        await redis.aclose()
        await app.state.direct.close()
        await engine.dispose()


async def _open_one(engine: AsyncEngine) -> None:
    async with engine.connect() as connection:
        # Long enough for the others to need connections of their own.
        await connection.execute(text("SELECT pg_sleep(0.02)"))
