"""How often one address, and one account, may call what costs something or can be guessed at."""

import hashlib
from dataclasses import dataclass
from typing import Any

import structlog
from litestar.connection import ASGIConnection
from litestar.handlers.base import BaseRouteHandler
from redis.exceptions import RedisError

from backend.api.client_address import block_of, client_address
from backend.api.guards import optional_user
from backend.clients.rate_limit import Limit
from backend.services.errors import AppError
from observability.metrics import LIMITED

log = structlog.get_logger()
MINUTE, HOUR = 60, 3600
FROM_EVERYWHERE = 10


@dataclass(frozen=True, slots=True)
class Limited:
    """A guard: so many calls an address, and so many an account where one is signed in.

    Where the account is named in the body, the route calls `limit_account` itself.
    """

    name: str
    per_address: Limit
    per_account: Limit | None = None

    async def __call__(self, connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
        rules = [(f"{self.name}:address:{block_of(client_address(connection))}", self.per_address)]
        if self.per_account is not None:
            user = connection.scope.get("user") or await optional_user(connection)
            if user is not None:
                rules.append((f"{self.name}:user:{user.id}", self.per_account))
        await _admit(connection, self.name, rules)


SIGN_UP = Limited("signup", Limit(20, HOUR), Limit(5, HOUR))
SIGN_IN = Limited("login", Limit(30, 5 * MINUTE), Limit(10, 5 * MINUTE))
GOOGLE = Limited("google", Limit(30, 5 * MINUTE))
PASSWORD = Limited("password", Limit(30, HOUR), Limit(10, HOUR))
MAIL = Limited("mail", Limit(20, HOUR), Limit(5, HOUR))
TOKEN = Limited("token", Limit(30, 5 * MINUTE))
EARLY_SCAN = Limited("early-scan", Limit(60, 10 * MINUTE), Limit(6, 10 * MINUTE))
EXPORT = Limited("export", Limit(20, HOUR), Limit(10, HOUR))
GEOLOCATE = Limited("geolocate", Limit(30, MINUTE))
ALERTS = Limited("alerts", Limit(10, HOUR), Limit(10, HOUR))
WAIT_TIMES = Limited("waittimes", Limit(20, HOUR), Limit(20, HOUR))
FEEDBACK = Limited("feedback", Limit(10, HOUR), Limit(10, HOUR))
CALENDAR = Limited("calendar", Limit(60, 10 * MINUTE))
INVENTORY = Limited("inventory", Limit(60, 10 * MINUTE), Limit(30, 10 * MINUTE))
BOOK = Limited("book", Limit(30, 10 * MINUTE), Limit(10, 10 * MINUTE))

CHANNELS = Limited("channels", Limit(60, HOUR), Limit(30, HOUR))
CODES = Limited("codes", Limit(30, HOUR), Limit(10, HOUR))
# Whoever asks: nobody's telephone is to ring all day.
CODES_TO = Limited("codes-to", Limit(30, HOUR), Limit(6, HOUR))
CODES_TRIED = Limited("codes-tried", Limit(60, 10 * MINUTE), Limit(20, 10 * MINUTE))
CHANNEL_TEST = Limited("channel-test", Limit(60, HOUR), Limit(20, HOUR))
# Mail services press buttons for many people from few addresses.
MAIL_ACTIONS = Limited("mail-actions", Limit(300, 10 * MINUTE))


async def limit_account(connection: ASGIConnection[Any, Any, Any, Any], limited: Limited, email: str) -> None:
    """Count a call against the account that its body names, whether it exists or not. Raises AppError 429.

    From one address an account can be tried a few times, from all together many times as often: who guesses at somebody
    else's account shuts their own door and not the owner's.
    """
    if limited.per_account is not None:
        digest = hashlib.sha256(email.strip().lower().encode()).hexdigest()[:32]
        key = f"{limited.name}:account:{digest}"
        few = limited.per_account
        rules = [
            (f"{key}:{block_of(client_address(connection))}", few),
            (key, Limit(FROM_EVERYWHERE * few.count, few.seconds)),
        ]
        await _admit(connection, limited.name, rules)


async def _admit(connection: ASGIConnection[Any, Any, Any, Any], name: str, rules: list[tuple[str, Limit]]) -> None:
    state = connection.app.state
    if state.settings.rate_limits == "off":
        return
    try:
        wait = await state.limiter.admit(rules)
    except RedisError as error:
        # Without Redis nobody is counted, and people can still sign in.
        log.warning("web.limits_unavailable", limit=name, reason=str(error))
        return
    if wait is not None:
        LIMITED.labels(name).inc()
        raise AppError(429, "That was too often; please wait a little", retry_after=wait)
