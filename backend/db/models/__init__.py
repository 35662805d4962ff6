"""The registry of all tables; importing it fills `Base.metadata`."""

from backend.db.models.accounts import Channel, OneTimeToken, Preferences, Session, StoppedNumber, User
from backend.db.models.bookings import Booking
from backend.db.models.events import Event
from backend.db.models.heartbeats import Heartbeat
from backend.db.models.keys import Key
from backend.db.models.legacy import LegacyImport, ToldBefore
from backend.db.models.locations import Location, Switch
from backend.db.models.notifications import Notification, NotificationAttempt, NotificationItem
from backend.db.models.openings import LookExposure, ScanHistory, SlotDrop
from backend.db.models.records import Alert, CallLog, Feedback, WaitReport
from backend.db.models.watches import ScanGroup, ScanRun, Watch

__all__ = [
    "Alert",
    "Booking",
    "CallLog",
    "Channel",
    "Event",
    "Feedback",
    "Heartbeat",
    "Key",
    "LegacyImport",
    "Location",
    "LookExposure",
    "Notification",
    "NotificationAttempt",
    "NotificationItem",
    "OneTimeToken",
    "Preferences",
    "ScanGroup",
    "ScanHistory",
    "ScanRun",
    "Session",
    "SlotDrop",
    "StoppedNumber",
    "Switch",
    "ToldBefore",
    "User",
    "WaitReport",
    "Watch",
]
