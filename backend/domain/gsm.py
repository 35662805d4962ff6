"""The alphabet of text messages (GSM 03.38): what counts how much, and how other characters are written in it.

A message of this alphabet holds 160 septets; one character outside it, and it holds 70.
"""

from unicodedata import normalize

SINGLE = 160

_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENDED = frozenset("\f^{}\\[~]|€")
_PLAIN = str.maketrans(
    {
        **dict.fromkeys("‘’‚‛′´`ʼ", "'"),
        **dict.fromkeys("“”„‟″«»", '"'),
        **dict.fromkeys("‐‑‒–—―−·•", "-"),
        **dict.fromkeys(
            "\t\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u3000", " "
        ),
        **{"…": "...", "×": "x", "÷": "/", "⁄": "/", "‹": "<", "›": ">", "¢": "c", "°": " "},
        **{"Ł": "L", "ł": "l", "Đ": "D", "đ": "d", "ð": "d", "Ð": "D", "Þ": "Th", "þ": "th", "ı": "i"},
        **{"Œ": "OE", "œ": "oe", "ẞ": "SS"},
    }
)


def is_gsm(text: str) -> bool:
    """True when a text message can carry it in seven bits a character."""
    return all(c in _BASIC or c in _EXTENDED for c in text)


def septets(text: str) -> int:
    """How much of a text message it takes. Raises ValueError for what is not in the alphabet."""
    if not is_gsm(text):
        raise ValueError(f"{text!r} is not in the alphabet of text messages")
    return len(text) + sum(c in _EXTENDED for c in text)


def to_gsm(text: str) -> str:
    """The same in the alphabet of text messages: typographic characters become plain, letters lose accents that it does
    not have, and what has no plain form (pictures, other scripts) is left out.
    """
    if is_gsm(text):
        return text
    return "".join(c if c in _BASIC or c in _EXTENDED else _plain(c) for c in text.translate(_PLAIN))


def _plain(character: str) -> str:
    return "".join(c for c in normalize("NFKD", character).translate(_PLAIN) if c in _BASIC or c in _EXTENDED)
