"""The one place that wires the web process."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from pathlib import Path

from litestar import Litestar
from litestar.config.cors import CORSConfig
from litestar.exceptions import HTTPException
from redis.asyncio import Redis
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from backend.api import (
    alerts,
    availability,
    callbacks,
    config,
    feedback,
    health,
    history,
    locations,
    mail_actions,
    pages,
    push,
    upstream,
    waittimes,
)
from backend.api.access import forgery_guard
from backend.api.admin import AdminController
from backend.api.auth import AuthController
from backend.api.bookings import BookingController
from backend.api.calendar import CalendarController
from backend.api.calls import CallController
from backend.api.channels import ChannelController
from backend.api.credentials import CredentialController
from backend.api.description import openapi_config
from backend.api.errors import app_error, database_error, http_error, recursion_error, unexpected_error
from backend.api.headers import secure
from backend.api.own_data import OwnDataController
from backend.api.preferences import PreferencesController
from backend.api.profile import ProfileController
from backend.api.watches import WatchController
from backend.clients.budget import open_budget
from backend.clients.geolocator import Geolocator
from backend.clients.google import GoogleVerifier
from backend.clients.jobs import Jobs
from backend.clients.rate_limit import RateLimiter
from backend.clients.wisely import open_wisely
from backend.db.base import open_engine, sessions_of
from backend.db.direct import open_direct
from backend.services.availability import Availability
from backend.services.errors import AppError
from backend.settings import Settings, load_settings
from observability.exposition import name_build
from observability.http_hooks import CountedHttp
from observability.logging import configure_logging
from observability.pool_hooks import watch_pool
from observability.upstream_hooks import count_call

STATIC = Path(__file__).parent.parent / "static"
OPENED_AT_START = 2
POOL_SIZE = 10
# Bytes. A route that takes more says so itself (`request_max_body_size`).
BODY_LIMIT = 100_000


def create_app(settings: Settings | None = None) -> Litestar:
    """The application. Raises SettingsError when the environment makes no sense."""
    settings = settings or load_settings()
    configure_logging(level=settings.log_level, form=settings.log_format)
    cors = CORSConfig(
        allow_origins=list(settings.allowed_origins),
        allow_headers=["Authorization", "Content-Type"],
        expose_headers=["Retry-After"],
    )
    app = Litestar(
        route_handlers=[
            AuthController,
            CredentialController,
            ProfileController,
            ChannelController,
            PreferencesController,
            WatchController,
            OwnDataController,
            CalendarController,
            BookingController,
            locations.list_locations,
            config.read_config,
            config.geolocate,
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
            callbacks.take_text_status,
            callbacks.take_text,
            callbacks.take_bounce,
            mail_actions.show_action,
            mail_actions.do_action,
            health.live,
            health.ready,
            health.metrics,
            pages.page,
            pages.asset,
        ],
        exception_handlers={
            AppError: app_error,
            HTTPException: http_error,
            DBAPIError: database_error,
            RecursionError: recursion_error,
            Exception: unexpected_error,
        },
        guards=[forgery_guard],
        before_send=[secure(settings)],
        cors_config=cors if settings.allowed_origins else None,
        lifespan=[_connections],
        openapi_config=openapi_config(version("houstons")),
        logging_config=None,
        request_max_body_size=BODY_LIMIT,
    )
    app.state.update({"settings": settings, "trusted_proxies": settings.proxy_networks, "pages": pages.Pages(STATIC)})
    return app


def create_web() -> CountedHttp:
    """The application as a server runs it: every answer is counted, also those of the router."""
    name_build(version("houstons"), "web")
    return CountedHttp(create_app())  # type: ignore[arg-type]


@asynccontextmanager
async def _connections(app: Litestar) -> AsyncIterator[None]:
    settings: Settings = app.state.settings
    engine = open_engine(settings.require_database_url, pool_size=POOL_SIZE, name="web")
    watch_pool(engine)
    redis = Redis.from_url(settings.require_redis_url, socket_timeout=2, socket_connect_timeout=2)
    app.state.update(
        {
            "engine": engine,
            "sessions": sessions_of(engine),
            "redis": redis,
            "jobs": Jobs(redis),
            "limiter": RateLimiter(redis),
            "google": _google(settings),
            "geolocator": Geolocator(settings.geolocate_url, redis) if settings.geolocate_url else None,
        }
    )
    app.state.budget = open_budget(redis, settings)
    app.state.wisely = open_wisely(settings, app.state.budget)
    app.state.push_public_key = config.shared_push_public_key(sessions_of(engine))
    app.state.wisely = open_wisely(settings, app.state.budget, on_call=count_call)
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


def _google(settings: Settings) -> GoogleVerifier | None:
    if settings.google_client_id is None:
        return None
    return GoogleVerifier(settings.google_client_id, certs_url=settings.google_certs_url)


async def _open_one(engine: AsyncEngine) -> None:
    async with engine.connect() as connection:
        # Long enough for the others to need connections of their own.
        await connection.execute(text("SELECT pg_sleep(0.02)"))
