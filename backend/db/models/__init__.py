"""The registry of all tables; importing it fills `Base.metadata`."""

from backend.db.models.accounts import Channel, OneTimeToken, Session, User
from backend.db.models.bookings import Booking
from backend.db.models.locations import Location, Switch
from backend.db.models.notifications import Notification, NotificationAttempt, NotificationItem
from backend.db.models.openings import LookExposure, ScanHistory, SlotDrop
from backend.db.models.watches import ScanGroup, ScanRun, Watch

__all__ = [
    "Booking",
    "Channel",
    "Location",
    "LookExposure",
    "Notification",
    "NotificationAttempt",
    "NotificationItem",
    "OneTimeToken",
    "ScanGroup",
    "ScanHistory",
    "ScanRun",
    "Session",
    "SlotDrop",
    "Switch",
    "User",
    "Watch",
]
