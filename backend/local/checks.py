"""`houstons check`: is each configured service there, in a sentence each."""

from dataclasses import dataclass

import aiosmtplib
import httpx
from redis.asyncio import Redis
from redis.exceptions import RedisError
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from backend.db.base import open_engine
from backend.db.migrations import is_current
from backend.settings import Settings


@dataclass(frozen=True, slots=True)
class Result:
    """One line of the report."""

    name: str
    is_ok: bool
    sentence: str


async def check_services(settings: Settings) -> list[Result]:
    """Reach everything that is set. What is not set is said, and is no failure."""
    return [
        Result("settings", True, "every variable makes sense"),
        await _database(settings),
        await _redis(settings),
        await _upstream(settings),
        await _mail(settings),
        Result("twilio", True, "set" if settings.twilio_account_sid else "not set: no text messages"),
    ]


async def _database(settings: Settings) -> Result:
    if settings.database_url is None:
        return Result("postgres", True, "not set: `houstons up` starts its own")
    engine = open_engine(settings.database_url, pool_size=1, name="check")
    try:
        async with engine.connect() as connection:
            await connection.execute(text("SELECT 1"))
        if not await is_current(engine):
            return Result("postgres", False, "the schema is not current: run `houstons migrate`")
    except (SQLAlchemyError, OSError) as error:
        return Result("postgres", False, f"DATABASE_URL cannot be reached: {error}")
    finally:
        await engine.dispose()
    return Result("postgres", True, "reached, and the schema is current")


async def _redis(settings: Settings) -> Result:
    if settings.redis_url is None:
        return Result("redis", True, "not set: `houstons up` starts its own")
    redis = Redis.from_url(settings.redis_url, socket_connect_timeout=5)
    try:
        await redis.ping()
        policy = (await redis.config_get("maxmemory-policy")).get("maxmemory-policy")
    except (RedisError, OSError) as error:
        return Result("redis", False, f"REDIS_URL cannot be reached: {error}")
    finally:
        await redis.aclose()
    if policy not in (None, "noeviction"):
        return Result("redis", False, f"its eviction policy is {policy}, which loses jobs: set noeviction")
    return Result("redis", True, "reached")


async def _upstream(settings: Settings) -> Result:
    async with httpx.AsyncClient(timeout=settings.wisely_timeout_seconds) as http:
        try:
            response = await http.get(settings.wisely_base_url, headers={"User-Agent": settings.wisely_user_agent})
        except httpx.HTTPError as error:
            return Result("wisely", False, f"WISELY_BASE_URL cannot be reached: {type(error).__name__} {error}")
    return Result("wisely", True, f"reached (its front page answers {response.status_code})")


async def _mail(settings: Settings) -> Result:
    if settings.smtp_host is None:
        return Result("mail", True, "not set: mails are suppressed")
    client = aiosmtplib.SMTP(
        hostname=settings.smtp_host,
        port=settings.smtp_port,
        use_tls=settings.smtp_security == "tls",
        start_tls=settings.smtp_security == "starttls",
        cert_bundle=str(settings.smtp_ca_file) if settings.smtp_ca_file else None,
        username=settings.smtp_user,
        password=settings.smtp_pass.get_secret_value() if settings.smtp_pass else None,
        timeout=10,
    )
    try:
        async with client:
            return Result("mail", True, "reached, and signed in" if settings.smtp_user else "reached")
    except (aiosmtplib.SMTPException, OSError, ValueError) as error:
        return Result("mail", False, f"SMTP_HOST cannot be used: {type(error).__name__} {error}")
