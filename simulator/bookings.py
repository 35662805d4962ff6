"""Takes tables for guests and remembers every attempt with its whole body."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from simulator.inventory import Search, open_slots
from simulator.local_time import is_instant, iso_utc
from simulator.manners import Manners
from simulator.restaurants import RESTAURANTS, Restaurant
from simulator.world import Slot, World

TEXT_FIELDS = ("name", "first_name", "last_name", "email", "phone", "country_code", "source")
NUMBER_FIELDS = ("merchant_id", "party_size", "reserved_ts", "reservation_type_id")
REQUIRED_FIELDS = (*NUMBER_FIELDS, *TEXT_FIELDS, "marketing_opt_in")
US_PHONE_DIGITS = 10


class Refused(Exception):
    """A booking that Wisely declines, with the HTTP status and the sentence for the guest."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


@dataclass(frozen=True, slots=True)
class Booking:
    number: int
    at: str
    merchant_id: int
    restaurant: str
    reserved_ts: int
    local: str
    party_size: int
    reservation_type_id: int
    body: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Refusal:
    at: str
    status: int
    message: str
    body: Any


class BookingDesk:
    """The restaurants' book. A slot's last table closes it."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.bookings: list[Booking] = []
        self.refusals: list[Refusal] = []

    def book(self, body: Any, *, manners: Manners, now: float) -> Booking:
        """Take a table, or raise Refused. `now` is epoch seconds."""
        try:
            restaurant = _checked(body)
            slot = self._slot(body, restaurant, manners, now)
        except Refused as refused:
            self.note_refusal(body, status=refused.status, message=refused.message, now=now)
            raise
        self._world.take_table(slot)
        booking = Booking(
            number=len(self.bookings) + 1,
            at=iso_utc(now),
            merchant_id=restaurant.merchant_id,
            restaurant=restaurant.name,
            reserved_ts=slot.reserved_ts,
            local=slot.local,
            party_size=body["party_size"],
            reservation_type_id=slot.type_id,
            body=body,
        )
        self.bookings.append(booking)
        return booking

    def note_refusal(self, body: Any, *, status: int, message: str, now: float) -> None:
        """Remember an attempt that was declined. `now` is epoch seconds."""
        self.refusals.append(Refusal(iso_utc(now), status, message, body))

    def clear(self) -> None:
        self.bookings.clear()
        self.refusals.clear()

    def _slot(self, body: dict[str, Any], restaurant: Restaurant, manners: Manners, now: float) -> Slot:
        search = Search(
            restaurant,
            party_size=body["party_size"],
            search_ts=body["reserved_ts"],
            limit=1,
            type_id=body["reservation_type_id"],
        )
        earliest = int(now * 1000) + manners.cut_off_minutes * 60_000
        for slot in open_slots(self._world, search, earliest=earliest):
            if slot.reserved_ts == body["reserved_ts"]:
                return slot
        raise Refused(409, "This time is no longer available. Please choose another time.")


def party_of(booking: Booking) -> dict[str, Any]:
    """The body of a success. Of the real one only `party` is known; the rest is made up."""
    return {
        "party": {
            "merchant_id": booking.merchant_id,
            "party_size": booking.party_size,
            "reserved_ts": booking.reserved_ts,
            "reservation_type_id": booking.reservation_type_id,
            "name": booking.body["name"],
            "state": "reserved",
            "local_time": booking.local,
        }
    }


def _checked(body: Any) -> Restaurant:
    if not isinstance(body, dict):
        raise Refused(400, "The body must be a JSON object.")
    missing = [field for field in REQUIRED_FIELDS if body.get(field) in (None, "")]
    if missing:
        raise Refused(422, f"Missing: {', '.join(missing)}.")
    for field in NUMBER_FIELDS:
        if not isinstance(body[field], int) or isinstance(body[field], bool):
            raise Refused(422, f"{field} must be a number.")
    for field in TEXT_FIELDS:
        if not isinstance(body[field], str):
            raise Refused(422, f"{field} must be text.")
    if not isinstance(body["marketing_opt_in"], bool):
        raise Refused(422, "marketing_opt_in must be true or false.")
    if not is_instant(body["reserved_ts"]):
        raise Refused(422, "reserved_ts must be epoch milliseconds.")
    _check_guest(body)
    restaurant = RESTAURANTS.get(body["merchant_id"])
    if restaurant is None:
        raise Refused(404, "Merchant not found.")
    return restaurant


def _check_guest(body: dict[str, Any]) -> None:
    digits = body["phone"].isascii() and body["phone"].isdigit()
    if not digits or (body["country_code"] == "US" and len(body["phone"]) != US_PHONE_DIGITS):
        raise Refused(422, "Please enter a valid phone number: digits only, ten for the US.")
    if "@" not in body["email"]:
        raise Refused(422, "Please enter a valid email address.")
