"""Addresses that clients typed lead to the public Internet only, and to exactly the address that was checked."""

import asyncio
import ssl
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network

import pytest
import trustme

from backend.clients.answers import retry_after
from backend.clients.errors import SendFailed
from backend.clients.outbound import MOST_BYTES, Outbound
from tests.clients.conftest import HERE, Reply, StandIn, serving

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)


class Names:
    """A resolver that says something else each time it is asked; the last for good."""

    def __init__(self, *answers: list[str]) -> None:
        self._answers = list(answers)
        self.asked: list[tuple[str, int]] = []

    async def __call__(self, host: str, port: int) -> list[str]:
        self.asked.append((host, port))
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


async def post(outbound: Outbound, url: str, **options: object) -> object:
    return await outbound.post(url, content=b"hello", headers={"X-Plain": "1"}, **options)  # type: ignore[arg-type]


async def failure(outbound: Outbound, url: str, **options: object) -> SendFailed:
    with pytest.raises(SendFailed) as caught:
        await post(outbound, url, **options)
    return caught.value


@pytest.mark.parametrize(
    "addresses",
    [
        ["127.0.0.1"],
        ["10.0.0.7"],
        ["169.254.169.254"],
        ["fe80::1%lo"],
        ["::ffff:127.0.0.1"],
        ["64:ff9b::7f00:1"],
        ["224.0.0.1"],
        ["0.0.0.0"],
        ["8.8.8.8", "127.0.0.1"],
        ["2606:4700::1111", "fd00::1"],
    ],
)
async def test_a_name_with_an_address_inside_is_refused_for_good(addresses: list[str]) -> None:
    outbound = Outbound(resolve=Names(addresses))

    error = await failure(outbound, "https://hooks.example.com/secret")

    assert error.permanent
    assert not error.address_is_dead
    assert error.reason == "hooks.example.com is not on the public Internet"
    await outbound.close()


@pytest.mark.parametrize("host", ["127.1", "0x7f.1", "2130706433", "localhost"])
async def test_spellings_of_this_machine_are_seen_through(host: str, stand_in: StandIn) -> None:
    outbound = Outbound()

    error = await failure(outbound, f"https://{host}:8443/")

    assert error.permanent
    assert "public Internet" in error.reason
    await outbound.close()


async def test_an_allowed_address_is_reached_and_answers(stand_in: StandIn, outbound: Outbound) -> None:
    stand_in.usual = Reply(201, b"taken")

    answer = await outbound.post(f"{stand_in.url}/hook?x=1", content=b"hello", headers={"X-Plain": "1"})

    assert (answer.status, answer.body) == (201, b"taken")
    [request] = stand_in.received
    assert (request.method, request.path, request.body) == ("POST", "/hook?x=1", b"hello")
    assert request.headers["host"] == f"127.0.0.1:{stand_in.port}"
    assert request.headers["x-plain"] == "1"


async def test_the_connection_goes_where_the_check_looked_although_the_name_has_moved(stand_in: StandIn) -> None:
    names = Names(["127.0.0.1"], ["10.9.9.9"])
    outbound = Outbound(allow=HERE, resolve=names)

    await post(outbound, f"http://rebinding.example.com:{stand_in.port}/")

    assert names.asked == [("rebinding.example.com", stand_in.port)]
    assert stand_in.received[0].headers["host"] == f"rebinding.example.com:{stand_in.port}"
    assert (await failure(outbound, f"http://rebinding.example.com:{stand_in.port}/")).permanent
    await outbound.close()


async def test_http_and_odd_ports_are_for_allowed_networks_only() -> None:
    outbound = Outbound(allow=HERE, resolve=Names(["8.8.8.8"]))

    plain = await failure(outbound, "http://hooks.example.com/")
    odd = await failure(outbound, "https://hooks.example.com:9000/")

    assert plain.permanent
    assert "https" in plain.reason
    assert odd.permanent
    assert "port" in odd.reason
    await outbound.close()


async def test_the_next_address_is_tried_when_the_first_takes_no_connection(stand_in: StandIn) -> None:
    outbound = Outbound(allow=[ip_network("127.0.0.0/8")], resolve=Names(["127.0.0.9", "127.0.0.1"]))

    await post(outbound, f"http://two.example.com:{stand_in.port}/")

    assert len(stand_in.received) == 1
    await outbound.close()


async def test_the_certificate_must_be_of_the_name_and_not_of_the_address() -> None:
    authority = trustme.CA()
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    authority.issue_cert("hooks.example.com").configure_cert(server)
    authority.configure_trust(client)
    with serving(server) as secure:
        outbound = Outbound(allow=HERE, resolve=Names(["127.0.0.1"]), tls=client)

        await post(outbound, f"https://hooks.example.com:{secure.port}/")
        other = await failure(outbound, f"https://other.example.com:{secure.port}/")

        assert [request.headers["host"] for request in secure.received] == [f"hooks.example.com:{secure.port}"]
        assert not other.permanent
        await outbound.close()


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_a_redirect_stays_a_post_with_its_body(stand_in: StandIn, outbound: Outbound, status: int) -> None:
    stand_in.replies.append(Reply(status, headers={"Location": "/there"}))

    await outbound.post(stand_in.url, content=b"hello", headers={}, secret_headers={"Authorization": "Bearer x"})

    first, second = stand_in.received
    assert (second.method, second.path, second.body) == ("POST", "/there", b"hello")
    assert second.headers["authorization"] == first.headers["authorization"] == "Bearer x"


async def test_a_redirect_to_another_host_carries_no_secret(stand_in: StandIn, outbound: Outbound) -> None:
    with serving() as other:
        stand_in.replies.append(Reply(307, headers={"Location": f"{other.url}/"}))

        await post(outbound, stand_in.url, secret_headers={"Authorization": "Bearer x"})

        assert "authorization" in stand_in.received[0].headers
        assert "authorization" not in other.received[0].headers
        assert other.received[0].headers["x-plain"] == "1"


@pytest.mark.parametrize(
    "location", ["https://169.254.169.254/latest", "http://10.0.0.1/", "file:///etc/passwd", "https://a:b@8.8.8.8/"]
)
async def test_a_redirect_to_the_inside_is_refused(stand_in: StandIn, outbound: Outbound, location: str) -> None:
    stand_in.replies.append(Reply(307, headers={"Location": location}))

    error = await failure(outbound, stand_in.url)

    assert error.permanent
    assert "redirects to where nothing may be sent" in error.reason


async def test_a_redirect_to_a_name_that_resolves_to_the_inside_is_refused(stand_in: StandIn) -> None:
    names = Names(["127.0.0.1"], ["192.168.0.1"])
    outbound = Outbound(allow=HERE, resolve=names)
    stand_in.replies.append(Reply(308, headers={"Location": "https://inside.example.com/"}))

    error = await failure(outbound, f"http://first.example.com:{stand_in.port}/")

    assert error.permanent
    assert error.reason == "inside.example.com is not on the public Internet"
    await outbound.close()


async def test_going_in_circles_ends(stand_in: StandIn, outbound: Outbound) -> None:
    stand_in.usual = Reply(302, headers={"Location": "/again"})

    error = await failure(outbound, stand_in.url)

    assert error.permanent
    assert len(stand_in.received) == 4


async def test_who_does_not_answer_is_left_after_a_while(stand_in: StandIn) -> None:
    outbound = Outbound(allow=HERE, total_seconds=0.1)
    stand_in.replies.append(stand_in.never())

    error = await failure(outbound, stand_in.url)

    assert not error.permanent
    assert "in time" in error.reason
    await outbound.close()


async def test_a_resolver_that_hangs_is_left_after_a_while() -> None:
    async def hang(host: str, port: int) -> list[str]:
        await asyncio.Event().wait()
        return []

    outbound = Outbound(resolve=hang, total_seconds=0.05)

    assert not (await failure(outbound, "https://hooks.example.com/")).permanent
    await outbound.close()


async def test_of_a_long_answer_only_the_start_is_read(stand_in: StandIn, outbound: Outbound) -> None:
    stand_in.usual = Reply(200, b"x" * (20 * MOST_BYTES))

    answer = await outbound.post(stand_in.url, content=b"", headers={})

    assert answer.body == b"x" * MOST_BYTES


async def test_a_body_that_does_not_come_changes_nothing_about_the_status(stand_in: StandIn) -> None:
    outbound = Outbound(allow=HERE, total_seconds=0.2)
    stand_in.usual = Reply(200, b"short", headers={"Content-Length": "5000"})

    answer = await outbound.post(stand_in.url, content=b"", headers={})

    assert answer.status == 200
    await outbound.close()


@pytest.mark.parametrize(
    ("status", "is_permanent"),
    [(400, True), (403, True), (404, True), (303, True), (408, False), (425, False), (429, False), (500, False)],
)
async def test_statuses_tell_what_may_pass(
    stand_in: StandIn, outbound: Outbound, status: int, is_permanent: bool
) -> None:
    stand_in.usual = Reply(status, b"a secret")

    error = await failure(outbound, f"{stand_in.url}/secret")

    assert error.permanent is is_permanent
    assert not error.address_is_dead
    assert error.reason == f"127.0.0.1 answered {status}"


async def test_a_status_that_means_gone_makes_the_address_dead(stand_in: StandIn, outbound: Outbound) -> None:
    stand_in.usual = Reply(410)

    error = await failure(outbound, stand_in.url, dead=(410,))

    assert error.permanent
    assert error.address_is_dead


async def test_a_server_that_asks_for_time_gets_it(stand_in: StandIn, outbound: Outbound) -> None:
    stand_in.usual = Reply(429, headers={"Retry-After": "120"})

    assert (await failure(outbound, stand_in.url)).retry_after == timedelta(seconds=120)


async def test_nobody_there_is_no_reason_to_give_up(outbound: Outbound) -> None:
    with serving() as gone:
        url = gone.url

    assert not (await failure(outbound, url)).permanent


async def test_cookies_are_not_kept(stand_in: StandIn, outbound: Outbound) -> None:
    stand_in.usual = Reply(200, headers={"Set-Cookie": "who=you; Path=/"})

    for _ in range(2):
        await post(outbound, stand_in.url)

    assert [request.headers.get("cookie") for request in stand_in.received] == [None, None]


async def test_proxies_of_the_environment_are_not_asked(
    stand_in: StandIn, outbound: Outbound, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving() as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("ALL_PROXY", proxy.url)

        await post(outbound, stand_in.url)

        assert (len(stand_in.received), proxy.received) == (1, [])


@pytest.mark.parametrize(
    ("value", "wait"),
    [
        (None, None),
        ("", None),
        ("soon", None),
        ("30", timedelta(seconds=30)),
        ("-5", timedelta()),
        ("99999999999", timedelta(days=1)),
        ("9" * 400, timedelta(days=1)),
        ("Mon, 01 Jun 2026 12:01:00 GMT", timedelta(minutes=1)),
        ("Mon, 01 Jun 2026 11:00:00 GMT", timedelta()),
    ],
)
def test_retry_after_is_seconds_or_a_date_and_a_day_at_most(value: str | None, wait: timedelta | None) -> None:
    assert retry_after(value, now=NOW) == wait


async def test_names_are_looked_up_while_all_the_loops_own_threads_are_taken(stand_in: StandIn) -> None:
    loop, release = asyncio.get_running_loop(), threading.Event()
    own = ThreadPoolExecutor(1)
    loop.set_default_executor(own)
    taken = loop.run_in_executor(None, release.wait)
    outbound = Outbound(allow=HERE)
    try:
        answer = await outbound.post(stand_in.url.replace("127.0.0.1", "localhost"), content=b"hello", headers={})
    finally:
        release.set()
        await taken
        await outbound.close()

    assert answer.status == 200
