"""The restaurants, open to anyone."""

import httpx


async def test_all_restaurants_are_listed_with_what_their_guests_need(client: httpx.AsyncClient) -> None:
    answer = await client.get("/api/locations")

    restaurants = {row["key"]: row for row in answer.json()["locations"]}
    assert len(restaurants) == 30
    assert restaurants["peachtree"]["timezone"] == "America/New_York"
    assert restaurants["peachtree"]["auto_book_allowed"] is True
    assert restaurants["hillstone_park_avenue"]["auto_book_allowed"] is False
