"""Placeholder."""


async def test_locations_are_listed(client) -> None:
    answer = await client.get("/api/locations")
    assert answer.status_code == 200
    assert len(answer.json()["locations"]) == 30
