"""What reports look like on their way in. Older clients send numbers as text now and then; services read both."""

from typing import Annotated

import msgspec

from backend.api.schemas import Text

# Postgres keeps no NUL.
Short = Annotated[str, msgspec.Meta(max_length=100, pattern=r"^[^\x00]*$")]
Long = Annotated[str, msgspec.Meta(max_length=50_000, pattern=r"^[^\x00]*$")]
Message = Annotated[str, msgspec.Meta(max_length=5_000, pattern=r"^[^\x00]*$")]
Size = Annotated[int, msgspec.Meta(ge=1, le=20)]


class AlertIn(msgspec.Struct):
    name: Text = ""
    email: Text = ""
    party_size: int | Short | None = None
    preferred_date: Short | None = None
    preferred_time: Short | None = None
    location: Text | None = None


class WaitIn(msgspec.Struct):
    location: Text = ""
    wait_minutes: int | float | Short | None = None
    source: Short | None = None


class SlotIn(msgspec.Struct):
    """One slot as a machine saw it. `party_sizes` is a list, a number, or text such as `2,4`."""

    location: Text = ""
    scan_date: Short = ""
    time_slot: Short = ""
    available: bool | int | Short | None = None
    party_sizes: list[Size] | int | Short | None = None


class CallIn(msgspec.Struct):
    location: Text = ""
    phone: Short | None = None
    call_id: Text | None = None
    wait_count: int | float | Short | None = None
    wait_minutes: int | float | Short | None = None
    transcript: Long | None = None
    summary: Message | None = None
    recording_url: Annotated[str, msgspec.Meta(max_length=2_000, pattern=r"^[^\x00]*$")] | None = None
    call_duration: Annotated[float, msgspec.Meta(ge=0, le=86_400)] | None = None
    answered_by: Short | None = None
    status: Short | None = None
    called_at: Short | float | None = None


class FeedbackIn(msgspec.Struct):
    message: Message = ""
    contact: Text | None = None
