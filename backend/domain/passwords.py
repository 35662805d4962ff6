"""Which passwords are too weak. Length does most; what everybody tries first is refused whatever its length."""

from collections.abc import Iterable

SHORTEST, LONGEST = 8, 200
FEWEST_DIFFERENT = 5

# What guessing starts with, of those that are long enough; digits and signs at the end do not help.
_WORDS = """
    password passw0rd p@ssword p@ssw0rd passwort motdepasse contrasena iloveyou princess sunshine football
    baseball basketball superman starwars whatever trustno welcome letmein qwertyuiop qwerty qwertz azerty
    asdfghjkl asdfgh zxcvbnm zxcvbn q1w2e3r4 1q2w3e4r 1qaz2wsx qazwsx qwer1234 abcdefgh abcdefghij abcdefg
    abcd1234 abc123 admin administrator changeme default dragon monkey shadow master michael jennifer hunter
    killer computer internet samsung google facebook linkedin dropbox houston houstons hillstone restaurant
    reservation secret
"""
_FIRST_GUESSES = frozenset(_WORDS.split())
_RUNS = ("01234567890123456789", "abcdefghijklmnopqrstuvwxyz", "qwertyuiopasdfghjklzxcvbnm")


def weakness(password: str, *, about: Iterable[str] = ()) -> str | None:
    """Why a password is refused, as a sentence; None when it is good. `about`: the person's name and address."""
    if not SHORTEST <= len(password) <= LONGEST:
        return f"The password must have {SHORTEST} to {LONGEST} characters"
    word = password.casefold()
    if len(set(word)) < FEWEST_DIFFERENT:
        return "The password repeats too few characters"
    stem = word.rstrip("0123456789!?.*#$@_-")
    if word in _FIRST_GUESSES or stem in _FIRST_GUESSES or any(word in run or word[::-1] in run for run in _RUNS):
        return "That password is among the first that are guessed"
    own = {part for text in about for part in (text.casefold(), text.casefold().partition("@")[0]) if part}
    if word in own or (stem and stem in own):
        return "The password must not be your name or address"
    return None
