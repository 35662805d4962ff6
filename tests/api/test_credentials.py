"""Proving an address, and new passwords."""

import asyncio
import hashlib
import subprocess
import sys
from typing import Any

import httpx
import pytest

from backend.api.access import COOKIE
from backend.settings import Settings
from tests.api.conftest import PASSWORD, account, execute, mailed_token, refusal, scalar, send_mails
from tests.conftest import Simulator, eventually, serving
from workers.resources import Resources

NEW = "an even longer password"


async def sign_in(http: httpx.AsyncClient, password: str, email: str = "alice@guests.test") -> int:
    answer = await http.post("/api/auth/login", json={"email": email, "password": password})
    http.cookies.clear()
    return answer.status_code


async def forget(http: httpx.AsyncClient, resources: Resources, simulator: Simulator) -> str:
    """Ask for a new password; the token that arrives."""
    assert (await http.post("/api/auth/forgot", json={"email": "Alice@guests.test "})).json() == {"success": True}

    async def is_queued() -> bool:
        return bool(await scalar(resources, "SELECT count(*) FROM notification_log WHERE kind = 'password_reset'"))

    await eventually(is_queued)
    return await mailed_token(resources, simulator, "reset")


async def verified(http: httpx.AsyncClient) -> bool:
    answer: bool = (await http.get("/api/auth/me")).json()["user"]["email_verified"]
    return answer


async def test_the_mailed_link_confirms_the_address(
    alice: httpx.AsyncClient, client: httpx.AsyncClient, resources: Resources, simulator: Simulator
) -> None:
    token = await mailed_token(resources, simulator, "verify")
    before = await verified(alice)

    answer = await alice.post("/api/auth/verify", json={"token": token})
    again = await alice.post("/api/auth/verify", json={"token": token})

    assert (before, await verified(alice)) == (False, True)
    assert answer.json() == again.json() == {"success": True}
    assert await scalar(resources, "SELECT verified_at IS NOT NULL FROM channels")


async def test_whoever_has_the_mail_but_not_the_account_confirms_nothing(
    alice: httpx.AsyncClient, client: httpx.AsyncClient, resources: Resources, simulator: Simulator
) -> None:
    token = await mailed_token(resources, simulator, "verify")
    charlie = await client.post("/api/auth/signup", json=account("Charlie"))
    client.cookies.clear()
    headers = {"Authorization": f"Bearer {charlie.json()['token']}"}

    answers = [await client.post("/api/auth/verify", json={"token": token}, headers=h) for h in ({}, headers)]

    assert [refusal(answer) for answer in answers] == [(401, None)] * 2
    assert not await verified(alice)


async def test_the_links_token_is_in_the_mail_and_nowhere_else(
    alice: httpx.AsyncClient, resources: Resources, simulator: Simulator
) -> None:
    token = await mailed_token(resources, simulator, "verify")

    assert await scalar(resources, "SELECT token_hash FROM one_time_tokens") == hashlib.sha256(token.encode()).digest()
    rows = [
        await scalar(resources, f"SELECT string_agg(t::text, ' ') FROM {table} t")
        for table in ("one_time_tokens", "notification_log", "notification_items", "notification_attempts", "users")
    ]
    assert token not in " ".join(rows)
    assert "Confirm this address" in await scalar(resources, "SELECT body FROM notification_log")


async def test_a_confirmed_address_makes_the_watches_due_to_be_told(
    alice: httpx.AsyncClient, client: httpx.AsyncClient, resources: Resources, simulator: Simulator
) -> None:
    await alice.post("/api/watches", json={"location_key": "peachtree", "target_date": await tomorrow(resources)})
    await execute(resources, "UPDATE watches SET needs_match = false")
    await execute(resources, "UPDATE scan_groups SET next_scan_at = now() + interval '1 hour'")

    await alice.post("/api/auth/verify", json={"token": await mailed_token(resources, simulator, "verify")})

    assert await scalar(resources, "SELECT needs_match FROM watches")
    assert await scalar(resources, "SELECT next_scan_at <= now() FROM scan_groups")


@pytest.mark.parametrize("token", ["", "nonsense", "n" * 500, "é"])
async def test_a_link_that_nobody_got_is_400(client: httpx.AsyncClient, token: str) -> None:
    verify = await client.post("/api/auth/verify", json={"token": token})
    reset = await client.post("/api/auth/reset", json={"token": token, "password": NEW})

    assert refusal(verify) == refusal(reset) == (400, "token")


async def test_a_link_of_one_purpose_does_not_serve_another(
    alice: httpx.AsyncClient, client: httpx.AsyncClient, resources: Resources, simulator: Simulator
) -> None:
    token = await mailed_token(resources, simulator, "verify")

    answer = await client.post("/api/auth/reset", json={"token": token, "password": NEW})

    assert refusal(answer) == (400, "token")


async def test_a_link_has_its_time(
    alice: httpx.AsyncClient, client: httpx.AsyncClient, resources: Resources, simulator: Simulator
) -> None:
    token = await mailed_token(resources, simulator, "verify")
    await execute(resources, "UPDATE one_time_tokens SET expires_at = now()")

    assert refusal(await client.post("/api/auth/verify", json={"token": token})) == (400, "token")


async def test_the_mail_comes_again_when_asked_for(
    alice: httpx.AsyncClient, resources: Resources, simulator: Simulator
) -> None:
    await send_mails(resources)

    answer = await alice.post("/api/auth/verify/resend")

    assert answer.json() == {"success": True}
    await send_mails(resources)
    assert len(simulator.mails) == 2
    assert await scalar(resources, "SELECT count(*) FROM one_time_tokens") == 2


async def test_a_mail_that_waited_until_the_address_was_confirmed_is_not_sent(
    alice: httpx.AsyncClient, client: httpx.AsyncClient, resources: Resources, simulator: Simulator
) -> None:
    token = await mailed_token(resources, simulator, "verify")
    await alice.post("/api/auth/verify/resend")
    await alice.post("/api/auth/verify", json={"token": token})

    await send_mails(resources)

    assert len(simulator.mails) == 1
    assert refusal(await alice.post("/api/auth/verify/resend")) == (409, None)


async def test_a_new_password_by_mail_ends_every_session_and_proves_the_address(
    alice: httpx.AsyncClient, client: httpx.AsyncClient, resources: Resources, simulator: Simulator
) -> None:
    token = await forget(client, resources, simulator)

    answer = await client.post("/api/auth/reset", json={"token": token, "password": NEW})

    assert answer.json() == {"success": True}
    assert (await alice.get("/api/auth/me")).status_code == 401
    assert [await sign_in(client, PASSWORD), await sign_in(client, NEW)] == [401, 200]
    assert await scalar(resources, "SELECT email_verified_at IS NOT NULL FROM users")
    await send_mails(resources)
    assert "Your password was changed" in [mail["subject"] for mail in simulator.mails]


async def test_a_reset_link_works_once(
    alice: httpx.AsyncClient, client: httpx.AsyncClient, resources: Resources, simulator: Simulator
) -> None:
    token = await forget(client, resources, simulator)
    bodies = [{"token": token, "password": f"{NEW} {number}"} for number in range(4)]

    answers = await asyncio.gather(*(client.post("/api/auth/reset", json=body) for body in bodies))

    assert sorted(answer.status_code for answer in answers) == [200, 400, 400, 400]


async def test_a_weak_password_does_not_use_the_link_up(
    alice: httpx.AsyncClient, client: httpx.AsyncClient, resources: Resources, simulator: Simulator
) -> None:
    token = await forget(client, resources, simulator)

    weak = await client.post("/api/auth/reset", json={"token": token, "password": "password1"})

    assert refusal(weak) == (400, "password")
    assert (await client.post("/api/auth/reset", json={"token": token, "password": NEW})).status_code == 200


async def test_who_asks_for_an_unknown_address_learns_nothing(
    alice: httpx.AsyncClient, client: httpx.AsyncClient, resources: Resources
) -> None:
    known = await client.post("/api/auth/forgot", json={"email": "alice@guests.test"})
    unknown = await client.post("/api/auth/forgot", json={"email": "nobody@guests.test"})

    assert (known.status_code, known.json()) == (unknown.status_code, unknown.json()) == (200, {"success": True})


async def test_a_new_password_with_the_old_one_ends_every_session_and_begins_one(
    alice: httpx.AsyncClient, client: httpx.AsyncClient, resources: Resources
) -> None:
    body = {"current_password": PASSWORD, "new_password": NEW}

    answer = await alice.post("/api/auth/password", json=body)

    assert (await alice.get("/api/auth/me")).status_code == 401
    headers = {"Authorization": f"Bearer {answer.json()['token']}"}
    assert (await client.get("/api/auth/me", headers=headers)).json()["user"] == answer.json()["user"]
    assert [await sign_in(client, PASSWORD), await sign_in(client, NEW)] == [401, 200]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"current_password": "not hers at all"}, (403, "current_password")),
        ({"current_password": ""}, (403, "current_password")),
        ({"new_password": "short"}, (400, "new_password")),
        ({"new_password": "alice@guests.test"}, (400, "new_password")),
    ],
)
async def test_a_password_is_not_changed_without_the_old_one_or_to_a_weak_one(
    alice: httpx.AsyncClient, changes: dict[str, str], expected: tuple[int, str]
) -> None:
    answer = await alice.post("/api/auth/password", json={"current_password": PASSWORD, "new_password": NEW, **changes})

    assert refusal(answer) == expected
    assert (await alice.get("/api/auth/me")).status_code == 200


async def test_an_old_hash_signs_in_once_and_is_replaced(
    alice: httpx.AsyncClient, client: httpx.AsyncClient, resources: Resources
) -> None:
    old = "sha256$" + hashlib.sha256(b"pass\xc3\xa9").hexdigest()
    await execute(resources, f"UPDATE users SET password_hash = '{old}'")

    codes = [await sign_in(client, "wrong"), await sign_in(client, old), await sign_in(client, "passé")]

    assert codes == [401, 401, 200]
    assert str(await scalar(resources, "SELECT password_hash FROM users")).startswith("$argon2id$")
    assert await sign_in(client, "passé") == 200


@pytest.mark.parametrize("nothing", ["NULL", "''"])
async def test_an_account_without_a_password_has_no_password_that_works(
    alice: httpx.AsyncClient, client: httpx.AsyncClient, resources: Resources, nothing: str
) -> None:
    await execute(resources, f"UPDATE users SET password_hash = {nothing}")

    assert [await sign_in(client, "x"), await sign_in(client, PASSWORD)] == [401, 401]


async def test_sessions_are_listed_and_ended_one_by_one(
    alice: httpx.AsyncClient, charlie: httpx.AsyncClient, client: httpx.AsyncClient
) -> None:
    body = {"email": "alice@guests.test", "password": PASSWORD}
    await client.post("/api/auth/login", json=body, headers={"User-Agent": "Telephone"})
    sessions = (await alice.get("/api/auth/sessions")).json()["sessions"]
    [telephone] = [session for session in sessions if session["user_agent"] == "Telephone"]

    theirs = await charlie.delete(f"/api/auth/sessions/{telephone['id']}")
    own = await alice.delete(f"/api/auth/sessions/{telephone['id']}")

    assert len(sessions) == 2
    assert [session["current"] for session in sessions if session["id"] != telephone["id"]] == [True]
    assert refusal(theirs) == (404, None)
    assert own.json() == {"success": True}
    assert (await client.get("/api/auth/me")).status_code == 401
    assert (await alice.get("/api/auth/me")).status_code == 200


async def test_all_other_sessions_end_at_once(alice: httpx.AsyncClient, client: httpx.AsyncClient) -> None:
    await client.post("/api/auth/login", json={"email": "alice@guests.test", "password": PASSWORD})
    assert client.cookies[COOKIE]

    answer = await alice.delete("/api/auth/sessions")

    assert answer.json() == {"success": True, "ended": 1}
    assert (await client.get("/api/auth/me")).status_code == 401
    assert (await alice.get("/api/auth/me")).status_code == 200


async def test_the_address_of_admin_email_is_an_administrator_once_it_is_proven(
    settings: Settings, resources: Resources, simulator: Simulator
) -> None:
    with serving(settings.model_copy(update={"admin_email": "Boss@guests.test"})) as url:
        async with httpx.AsyncClient(base_url=url) as http:
            signed_up = await http.post("/api/auth/signup", json=account("Boss"))
            headers = {"Authorization": f"Bearer {signed_up.json()['token']}"}
            before = (await http.get("/api/auth/me", headers=headers)).json()["user"]["role"]
            token = await mailed_token(resources, simulator, "verify")
            await http.post("/api/auth/verify", json={"token": token}, headers=headers)
            after = (await http.get("/api/auth/me", headers=headers)).json()["user"]["role"]

    assert (before, after) == ("user", "admin")


async def run_houstons(settings: Settings, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {"DATABASE_URL": str(settings.database_url), "PUBLIC_URL": "http://tracker.test"}
    command = [sys.executable, "-m", "backend.cli", *arguments]
    return await asyncio.to_thread(
        subprocess.run, command, capture_output=True, text=True, env=environment, timeout=60, check=False
    )


async def test_create_admin_makes_an_account_whose_password_is_set_by_the_printed_link(
    client: httpx.AsyncClient, settings: Settings, resources: Resources
) -> None:
    shown = await run_houstons(settings, "create-admin", "Boss@guests.test", "--name", "The Boss")

    assert shown.returncode == 0, shown.stderr
    token = shown.stdout.split("/account#reset=")[1].strip()
    assert (await client.post("/api/auth/reset", json={"token": token, "password": NEW})).status_code == 200
    answer = await client.post("/api/auth/login", json={"email": "boss@guests.test", "password": NEW})
    assert answer.json()["user"].items() >= {"name": "The Boss", "role": "admin", "email_verified": True}.items()


async def test_create_admin_gives_nothing_to_a_stranger_who_took_the_address(
    alice: httpx.AsyncClient, client: httpx.AsyncClient, settings: Settings, resources: Resources
) -> None:
    shown = await run_houstons(settings, "create-admin", "alice@guests.test")

    assert "/account#reset=" in shown.stdout
    assert (await alice.get("/api/auth/me")).status_code == 401
    assert await sign_in(client, PASSWORD) == 401


async def test_create_admin_leaves_a_proven_account_its_password(
    alice: httpx.AsyncClient, settings: Settings, resources: Resources
) -> None:
    await execute(resources, "UPDATE users SET email_verified_at = now()")

    shown = await run_houstons(settings, "create-admin", "alice@guests.test")

    assert "#reset=" not in shown.stdout
    assert (await alice.get("/api/auth/me")).json()["user"]["role"] == "admin"


async def test_without_mail_the_operator_prints_the_link(
    alice: httpx.AsyncClient, client: httpx.AsyncClient, settings: Settings, resources: Resources
) -> None:
    shown = await run_houstons(settings, "link", "verify", "alice@guests.test")
    missing = await run_houstons(settings, "link", "reset", "nobody@guests.test")

    token = shown.stdout.split("/account#verify=")[1].strip()
    assert (await alice.post("/api/auth/verify", json={"token": token})).status_code == 200
    assert await verified(alice)
    assert (missing.returncode, missing.stdout) == (1, "")
    assert "no account" in missing.stderr


async def tomorrow(resources: Resources) -> Any:
    return (await scalar(resources, "SELECT (now() + interval '2 days')::date")).isoformat()
