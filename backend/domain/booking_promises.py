"""What a person is told about automatic booking before they rely on it: whether it happens, and if not, why."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Promise:
    """Whether a table will be booked when it opens, in a sentence for people."""

    will_book: bool
    sentence: str


def of_installation(auto_book: str, *, switched_on: bool) -> Promise:
    """`auto_book` is on, dry-run or off, as the installation was set up; an operator may have switched booking off."""
    if auto_book == "off":
        return Promise(False, "Automatic booking is off here: you are told of tables, and book them yourself.")
    if auto_book == "dry-run":
        return Promise(
            False,
            "Automatic booking is in a dry run here: everything is done but the booking itself, and you are told so.",
        )
    if not switched_on:
        return Promise(
            False, "Automatic booking is switched off at this moment: you are told of tables, and book them yourself."
        )
    return Promise(True, "We book the first table that fits, once, when you ask for it.")


def of_watch(auto_book: str, *, switched_on: bool, restaurant: str) -> Promise:
    """For a watch that asks for a booking, where the restaurant allows it."""
    general = of_installation(auto_book, switched_on=switched_on)
    if not general.will_book:
        return general
    return Promise(True, f"We book the first table at {restaurant} that fits, once, in your name.")


def refusal_of_restaurant(restaurant: str, reason: str | None) -> str:
    """Why a restaurant's tables are not booked automatically."""
    return f"Automatic booking is off for {restaurant}" + (f": {reason}" if reason else "")
