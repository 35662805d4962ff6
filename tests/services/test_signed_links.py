"""Links that do one thing without signing in."""

from datetime import timedelta
from typing import get_args

import pytest

from backend.services.errors import AppError
from backend.services.signed_links import Purpose, read, sign

pytestmark = pytest.mark.fast

KEY, OLDER = b"k" * 32, b"o" * 32
MONTH = timedelta(days=30)


@pytest.mark.parametrize("purpose", get_args(Purpose))
def test_a_link_leads_back_to_what_it_was_made_for(purpose: Purpose) -> None:
    assert read([KEY], sign(KEY, purpose, 4711), purpose=purpose, max_age=MONTH) == 4711


def test_a_link_that_an_older_key_signed_still_works() -> None:
    token = sign(OLDER, "pause", 1)

    assert read([OLDER, KEY], token, purpose="pause", max_age=MONTH) == 1
    assert read([KEY, OLDER], token, purpose="pause", max_age=MONTH) == 1


@pytest.mark.parametrize(
    ("token", "sentence"),
    [
        (sign(KEY, "unsubscribe", 1), "does not work"),
        (sign(OLDER, "pause", 1), "does not work"),
        (sign(KEY, "pause", 1)[:-1], "does not work"),
        ("", "does not work"),
        ("ünsinn", "does not work"),
    ],
    ids=["another purpose", "another key", "cut off", "nothing", "nonsense"],
)
def test_a_link_that_is_not_ours_is_refused_in_words(token: str, sentence: str) -> None:
    with pytest.raises(AppError, match=sentence) as refused:
        read([KEY], token, purpose="pause", max_age=MONTH)

    assert (refused.value.status, refused.value.field) == (400, "token")


def test_a_link_has_its_time() -> None:
    with pytest.raises(AppError, match="too old"):
        read([KEY], sign(KEY, "pause", 1), purpose="pause", max_age=timedelta(seconds=-1))


def test_a_token_fits_into_an_address_as_it_is() -> None:
    token = sign(KEY, "unsubscribe", 2**62)

    assert set(token) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.")
    assert len(token) < 90
