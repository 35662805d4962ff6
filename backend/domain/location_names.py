"""What people and older programs call a restaurant."""

from collections.abc import Mapping

_SHORT = {"peachtree": "peachtree", "west paces": "west_paces"}


def location_key(said: str, names: Mapping[str, str]) -> str | None:
    """The key of a restaurant given by key, name or short name; None for anything else. `names` is name by key."""
    wanted = " ".join(said.split()).casefold().replace("’", "'")
    if wanted in names:
        return wanted
    if _SHORT.get(wanted) in names:
        return _SHORT[wanted]
    return next((key for key, name in names.items() if name.casefold() == wanted), None)
