"""Opinions."""

import httpx
import pytest

from tests.api.conftest import refusal


async def test_anyone_may_leave_one_and_an_administrator_reads_it(
    client: httpx.AsyncClient, admin: httpx.AsyncClient
) -> None:
    answer = await client.post("/api/feedback", json={"message": " Lovely 🎉 ", "contact": "dora@guests.test"})

    (row,) = (await admin.get("/api/admin/feedback")).json()["feedback"]
    assert (answer.status_code, answer.json()) == (200, {"success": True})
    assert row.pop("created_at").endswith("Z")
    assert row == {"id": 1, "message": "Lovely 🎉", "contact": "dora@guests.test", "ip": "127.0.0.1"}


async def test_strangers_and_users_do_not_read_it(client: httpx.AsyncClient, alice: httpx.AsyncClient) -> None:
    assert refusal(await client.get("/api/admin/feedback")) == (401, None)
    assert refusal(await alice.get("/api/admin/feedback")) == (403, None)


@pytest.mark.parametrize("body", [{}, {"message": "  "}, {"message": "x" * 5001}, {"message": None}])
async def test_a_message_is_needed(client: httpx.AsyncClient, body: dict[str, object]) -> None:
    assert refusal(await client.post("/api/feedback", json=body)) == (400, "message")
