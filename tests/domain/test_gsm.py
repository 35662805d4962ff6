"""The alphabet of text messages."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.domain.gsm import is_gsm, septets, to_gsm

pytestmark = pytest.mark.fast


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 0),
        ("Houston's, 6:15 PM", 18),
        ("@£$¥èéùìòÇØøÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ¤¡ÄÖÑÜ§¿äöñüà", 42),
        ("\n\r", 2),
        ("€", 2),
        ("^{}\\[~]|", 16),
        ("a[b]c", 7),
    ],
)
def test_characters_of_the_alphabet_count_one_and_those_behind_an_escape_two(text: str, count: int) -> None:
    assert is_gsm(text)
    assert septets(text) == count


@pytest.mark.parametrize("text", ["’", "–", "…", "ç", "`", "\t", "\x1b", "ł", "🌿", "日", "\u00a0", "Á"])
def test_what_is_not_in_the_alphabet_is_known(text: str) -> None:
    assert not is_gsm(text)
    with pytest.raises(ValueError, match="alphabet"):
        septets(text)


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("Houston’s – “Peachtree”…", 'Houston\'s - "Peachtree"...'),
        ("Café Über Ñandú", "Café Über Ñandu"),
        ("façade, Łódź, œuvre, Å", "facade, Lodz, oeuvre, Å"),
        ("6:15\u202fPM\u00a0·\u00a0Patio", "6:15 PM - Patio"),
        ("½ ™ ﬁ ①", "1/2 TM fi 1"),
        ("Patio 🌿", "Patio "),
        ("日本", ""),
        ("e\u0301", "e"),
        ("`x`", "'x'"),
        ("[€]", "[€]"),
    ],
)
def test_other_characters_get_a_plain_form_where_they_have_one(text: str, plain: str) -> None:
    assert to_gsm(text) == plain


@given(st.text())
def test_whatever_is_said_can_be_sent_and_stays_as_it_is_once_it_is_plain(text: str) -> None:
    plain = to_gsm(text)

    assert is_gsm(plain)
    assert to_gsm(plain) == plain
