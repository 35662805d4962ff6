"""An address that nobody has proven to be theirs hears of nothing but the link that proves it."""

from datetime import timedelta
from typing import Any

from sqlalchemy import text

from backend.services import accounts, credentials
from backend.services.sessions import Client
from tests.services.conftest import Loop


async def stranger(loop: Loop) -> Any:
    signed_in, _ = await accounts.sign_up(
        loop.r.sessions,
        name="Mallory",
        email="somebody@guests.test",
        password="correct horse",
        client=Client(timedelta(days=1)),
    )
    return signed_in.user


async def kinds(loop: Loop) -> list[str]:
    return [row.kind for row in await loop.rows("SELECT kind FROM notification_log ORDER BY id")]


async def prove(loop: Loop, user: Any) -> None:
    async with loop.r.sessions.begin() as session:
        await credentials.prove(session, user.id, address=user.email, admin_email=None)


async def test_a_table_is_not_told_to_an_unproven_address(loop: Loop) -> None:
    await loop.watch(await stranger(loop))
    loop.open("19:15")

    await loop.look()
    await loop.send_all()

    assert await kinds(loop) == ["verify_email"]
    assert [mail["subject"] for mail in loop.simulator.mails] == ["Please confirm your address"]


async def test_a_booking_is_not_told_to_an_unproven_address(loop: Loop) -> None:
    await loop.watch(await stranger(loop), auto_book=True)
    loop.open("19:15")

    found = await loop.look()
    await loop.book_all(found.work.bookings)

    assert len(loop.simulator.bookings) == 1
    assert await kinds(loop) == ["verify_email"]


async def test_what_is_still_open_is_told_once_the_address_is_proven(loop: Loop) -> None:
    user = await stranger(loop)
    await loop.watch(user)
    loop.open("19:15")
    await loop.look()

    await prove(loop, user)
    await loop.look()
    await loop.look()

    assert await kinds(loop) == ["verify_email", "table_open"]


async def test_a_mail_with_a_link_that_failed_is_sent_again_with_another_link(loop: Loop) -> None:
    await stranger(loop)
    loop.simulator.send("POST", "/control/mailbox/trouble", {"kind": "refuse", "code": 451, "count": 1})
    row = await loop.one("SELECT id FROM notification_log")

    first = await loop.send(row.id)
    async with loop.r.sessions.begin() as session:
        await session.execute(text("UPDATE notification_log SET next_attempt_at = now()"))
    second = await loop.send(row.id)

    assert (first.status, second.status) == ("queued", "sent")
    assert len(loop.simulator.mails) == 1
    assert (await loop.one("SELECT count(*) AS n FROM one_time_tokens")).n == 2


async def test_without_mail_the_link_is_suppressed_and_none_is_made(loop: Loop) -> None:
    await stranger(loop)
    row = await loop.one("SELECT id FROM notification_log")

    delivery = await loop.send(row.id, senders={})

    assert delivery.status == "suppressed"
    assert (await loop.one("SELECT count(*) AS n FROM one_time_tokens")).n == 0
