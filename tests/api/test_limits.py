"""How often one address and one account may try, and whom an address belongs to."""

import asyncio
from typing import Any

import httpx
import pytest
from litestar.datastructures import State

from backend.api.client_address import block_of, client_address, is_local
from backend.clients.rate_limit import Limit, RateLimiter
from backend.settings import Settings
from tests.api.conftest import PASSWORD, refusal
from tests.conftest import serving
from workers.resources import Resources

WRONG = {"email": "alice@guests.test", "password": "not hers at all"}


async def test_one_account_can_be_guessed_at_ten_times_in_five_minutes(
    client: httpx.AsyncClient, alice: httpx.AsyncClient
) -> None:
    answers = [await client.post("/api/auth/login", json=WRONG) for _ in range(11)]

    assert [answer.status_code for answer in answers] == [401] * 10 + [429]
    assert refusal(answers[-1]) == (429, None)
    assert 0 < int(answers[-1].headers["retry-after"]) <= 300
    right = await client.post("/api/auth/login", json={**WRONG, "email": " ALICE@guests.test", "password": PASSWORD})
    assert right.status_code == 429


async def test_who_guesses_from_elsewhere_does_not_shut_the_owner_out(
    alice: httpx.AsyncClient, settings: Settings, resources: Resources
) -> None:
    with serving(settings.model_copy(update={"trusted_proxies": "127.0.0.1"})) as url:
        async with httpx.AsyncClient(base_url=url) as http:
            stranger, owner = ({"X-Forwarded-For": f"203.0.113.{n}"} for n in (7, 8))
            guesses = [await http.post("/api/auth/login", json=WRONG, headers=stranger) for _ in range(11)]
            body = {**WRONG, "password": PASSWORD}
            answer = await http.post("/api/auth/login", json=body, headers=owner)

    assert guesses[-1].status_code == 429
    assert answer.status_code == 200


async def test_one_address_has_a_limit_over_all_accounts_and_keeps_its_other_doors(client: httpx.AsyncClient) -> None:
    async def fail(number: int) -> int:
        wish = {"email": f"guest{number}@guests.test", "password": "wrong"}
        return (await client.post("/api/auth/login", json=wish)).status_code

    codes = [await fail(number) for number in range(31)]

    assert codes == [401] * 30 + [429]
    assert (await client.get("/api/locations")).status_code == 200


async def test_an_account_has_a_limit_on_open_forms_wherever_it_writes_from(
    alice: httpx.AsyncClient, settings: Settings, resources: Resources
) -> None:
    with serving(settings.model_copy(update={"trusted_proxies": "127.0.0.1"})) as url:
        async with httpx.AsyncClient(base_url=url) as http:
            codes = [
                (
                    await http.post(
                        "/api/feedback",
                        json={"message": "Good."},
                        headers={"X-Forwarded-For": f"203.0.113.{n}", "Authorization": alice.headers["Authorization"]},
                    )
                ).status_code
                for n in range(11)
            ]

    assert codes == [200] * 10 + [429]


async def test_two_web_processes_count_together(settings: Settings, resources: Resources) -> None:
    with serving(settings) as one, serving(settings) as other:
        async with httpx.AsyncClient() as http:
            tries = [http.post(f"{url}/api/auth/login", json=WRONG) for url in (one, other) * 10]
            codes = [answer.status_code for answer in await asyncio.gather(*tries)]

    assert sorted(codes) == [401] * 10 + [429] * 10


async def test_without_redis_people_can_still_sign_in(
    alice: httpx.AsyncClient, settings: Settings, resources: Resources
) -> None:
    with serving(settings.model_copy(update={"redis_url": "redis://127.0.0.1:1"})) as url:
        async with httpx.AsyncClient(base_url=url) as http:
            answer = await http.post("/api/auth/login", json={**WRONG, "password": PASSWORD})

    assert answer.status_code == 200


async def test_limits_can_be_switched_off_for_a_load_test(settings: Settings, resources: Resources) -> None:
    with serving(settings.model_copy(update={"rate_limits": "off"})) as url:
        async with httpx.AsyncClient(base_url=url) as http:
            codes = {(await http.post("/api/auth/login", json=WRONG)).status_code for _ in range(12)}

    assert codes == {401}


async def test_a_refused_request_counts_nowhere(resources: Resources) -> None:
    limiter = RateLimiter(resources.redis)
    narrow, wide = ("narrow", Limit(1, 60)), ("wide", Limit(2, 60))
    assert await limiter.admit([narrow, wide]) is None

    refused = [await limiter.admit([narrow, wide]) for _ in range(5)]

    assert all(refused)
    assert await limiter.admit([wide]) is None
    assert await limiter.admit([wide]) is not None


async def test_never_more_are_admitted_than_the_limit_in_any_window(resources: Resources) -> None:
    limiter = RateLimiter(resources.redis)

    async def admitted() -> int:
        found = await asyncio.gather(*(limiter.admit([("k", Limit(5, 1))]) for _ in range(20)))
        return sum(wait is None for wait in found)

    assert await admitted() == 5
    wait = await limiter.admit([("k", Limit(5, 1))])
    assert wait is not None
    assert wait.total_seconds() <= 1
    await asyncio.sleep(wait.total_seconds() + 1)
    assert await admitted() == 5


class Connection:
    """What `client_address` reads of a request."""

    def __init__(self, peer: str, headers: dict[str, str], trusted: str) -> None:
        from litestar.datastructures import Headers

        networks = Settings(_env_file=None, trusted_proxies=trusted).proxy_networks  # type: ignore[call-arg]
        self.client = type("Peer", (), {"host": peer})()
        self.headers = Headers(headers)
        self.app: Any = type("App", (), {"state": State({"trusted_proxies": networks})})()


@pytest.mark.fast
@pytest.mark.parametrize(
    ("peer", "headers", "found"),
    [
        ("203.0.113.9", {}, "203.0.113.9"),
        ("203.0.113.9", {"x-forwarded-for": "198.51.100.1"}, "203.0.113.9"),
        ("203.0.113.9", {"cf-connecting-ip": "198.51.100.1"}, "203.0.113.9"),
        ("10.0.0.1", {}, "10.0.0.1"),
        ("10.0.0.1", {"x-forwarded-for": "198.51.100.1"}, "198.51.100.1"),
        ("::ffff:10.0.0.1", {"x-forwarded-for": "198.51.100.1"}, "198.51.100.1"),
        ("10.0.0.1", {"x-forwarded-for": "1.1.1.1, 198.51.100.1, 10.0.0.2"}, "198.51.100.1"),
        ("10.0.0.1", {"x-forwarded-for": "1.1.1.1, rubbish, 10.0.0.2"}, "10.0.0.2"),
        ("10.0.0.1", {"x-forwarded-for": "rubbish"}, "10.0.0.1"),
        ("10.0.0.1", {"cf-connecting-ip": "198.51.100.1"}, "198.51.100.1"),
        ("10.0.0.1", {"x-forwarded-for": "198.51.100.1", "cf-connecting-ip": "1.1.1.1"}, "198.51.100.1"),
        ("10.0.0.1", {"x-forwarded-for": "2001:db8::1"}, "2001:db8::1"),
    ],
)
def test_only_a_trusted_proxy_is_believed(peer: str, headers: dict[str, str], found: str) -> None:
    connection: Any = Connection(peer, headers, "10.0.0.0/8")

    assert client_address(connection) == found


@pytest.mark.fast
@pytest.mark.parametrize(
    ("peer", "headers", "trusted", "local"),
    [
        ("127.0.0.1", {}, "", True),
        ("::1", {}, "", True),
        ("203.0.113.9", {}, "", False),
        ("127.0.0.1", {"x-forwarded-for": "127.0.0.1"}, "", False),
        ("127.0.0.1", {"x-forwarded-for": "203.0.113.9"}, "127.0.0.1", False),
    ],
)
def test_a_proxy_on_this_machine_does_not_make_the_world_local(
    peer: str, headers: dict[str, str], trusted: str, local: bool
) -> None:
    connection: Any = Connection(peer, headers, trusted)

    assert is_local(connection) is local


@pytest.mark.fast
def test_one_subscriber_of_ipv6_is_one_address() -> None:
    assert block_of("2001:db8:1:2:3::4") == block_of("2001:db8:1:2::9") == "2001:db8:1:2::/64"
    assert block_of("198.51.100.1") == "198.51.100.1"
