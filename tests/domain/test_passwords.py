"""Which passwords are refused."""

import pytest

from backend.domain.passwords import weakness

pytestmark = pytest.mark.fast

ABOUT = ("Alice Adams", "alice.adams@guests.test")


@pytest.mark.parametrize(
    "password", ["correct horse", "hunter2 hunter3", "Tr0ub4dor&3", "ünïcödé-wört", "x9$kQ2!m", "houston we have"]
)
def test_a_sound_password_is_taken(password: str) -> None:
    assert weakness(password, about=ABOUT) is None


@pytest.mark.parametrize(
    ("password", "reason"),
    [
        ("seven77", "8 to 200"),
        ("p" * 201, "8 to 200"),
        ("aaaaaaaaaaaa", "repeats"),
        ("abababababab", "repeats"),
        ("password", "first that are guessed"),
        ("Password123!", "first that are guessed"),
        ("houstons2026", "first that are guessed"),
        ("12345678", "first that are guessed"),
        ("87654321", "first that are guessed"),
        ("qwertyuiop", "first that are guessed"),
        ("alice.adams@guests.test", "your name or address"),
        ("Alice.Adams1", "your name or address"),
        ("alice adams", "your name or address"),
    ],
)
def test_a_weak_password_is_refused_with_the_reason(password: str, reason: str) -> None:
    found = weakness(password, about=ABOUT)

    assert found is not None
    assert reason in found
