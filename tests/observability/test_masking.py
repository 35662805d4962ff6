"""Nothing of a person stands in the log."""

import pytest

from observability.masking import hide_people, mask


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("550 no such user bob.smith+x@mail.example.com here", "550 no such user b…@… here"),
        ("to +14045550123 failed", "to …23 failed"),
        ("call (404) 555-0123", "call …23"),
        ("run 1234567890 of 2026-11-25", "run 1234567890 of 2026-11-25"),
        ("scanned=3 skipped=0", "scanned=3 skipped=0"),
    ],
)
def test_addresses_and_numbers_are_hidden_and_the_rest_stays(text: str, shown: str) -> None:
    assert hide_people(text) == shown


def test_secrets_are_hidden_by_their_names() -> None:
    event = {"event": "x", "session_token": "abc", "Authorization": "Bearer abc", "body": "Dear Bob", "count": 3}

    shown = mask(None, "info", event)

    assert shown == {
        "event": "x",
        "session_token": "(hidden)",
        "Authorization": "(hidden)",
        "body": "(hidden)",
        "count": 3,
    }


def test_what_is_inside_of_other_values_is_hidden_as_well() -> None:
    event = {"event": "x", "rows": [{"to": "bob@guests.test", "token": "abc"}, ("+14045550123", 7)]}

    assert mask(None, "info", event) == {"event": "x", "rows": [{"to": "b…@…", "token": "(hidden)"}, ["…23", 7]]}
