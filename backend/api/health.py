"""Is it alive, is it ready, and the numbers for Prometheus."""

from typing import Any

from litestar import Request, Response, get
from prometheus_client import generate_latest
from redis.exceptions import RedisError
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from backend.api.access import OPEN, local_or_token_guard
from backend.clients.jobs import queue_lengths
from backend.db.migrations import is_current
from backend.db.queries.totals import read_state, read_totals
from observability.metrics import BREAKER_STATES, PROCESS, ledger_registry


@get("/health/live", opt=OPEN)
async def live() -> dict[str, str]:
    """The process answers."""
    return {"status": "ok"}


@get("/health/ready", opt=OPEN)
async def ready(request: Request[Any, Any, Any]) -> Response[dict[str, Any]]:
    """Database, Redis and schema, each by name; 503 when one is missing."""
    state = request.app.state
    checks = {"database": "ok", "migrations": "ok", "redis": "ok"}
    try:
        async with state.sessions() as session:
            await session.execute(text("SELECT 1"))
        if not await is_current(state.engine):
            checks["migrations"] = "not current: run `houstons migrate`"
    except (SQLAlchemyError, OSError):
        checks["database"] = checks["migrations"] = "not reachable"
    try:
        await state.redis.ping()
    except (RedisError, OSError):
        checks["redis"] = "not reachable"
    is_ready = all(value == "ok" for value in checks.values())
    body = {"status": "ok" if is_ready else "not ready", **checks}
    return Response(body, status_code=200 if is_ready else 503)


@get("/metrics", guards=[local_or_token_guard], media_type="text/plain; version=0.0.4; charset=utf-8")
async def metrics(request: Request[Any, Any, Any]) -> bytes:
    """Facts of the ledgers and of the budget, read when asked for: they equal what is stored exactly."""
    async with request.app.state.sessions() as session:
        totals = await read_totals(session) | await read_state(session)
    try:
        budget = await request.app.state.budget.state()
        gauges = {"tokens": budget.tokens, "in_flight": budget.in_flight, "blocked": budget.blocked_seconds}
        totals |= {name: {(): float(value)} for name, value in gauges.items()}
        totals |= await queue_lengths(request.app.state.redis)
        totals["breaker"] = {(state,): float(state == budget.breaker) for state in BREAKER_STATES}
    except (RedisError, OSError):
        pass  # Without Redis there is no budget, and no call: absent is the truth.
    return generate_latest(ledger_registry(totals)) + generate_latest(PROCESS)
