"""What is worth keeping of what other people's servers say, and harmless to keep."""

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

LONGEST_RETRY_AFTER = timedelta(days=1)


def provider_id(written: Any) -> str | None:
    """What a server calls a message, if that is something to keep: it is a stranger's, and goes into the ledger."""
    is_good = isinstance(written, str) and re.fullmatch(r"[\x21-\x7e]{1,500}", written) is not None
    return written if is_good else None


def retry_after(value: str | None, *, now: datetime) -> timedelta | None:
    """How long a server asks to be left alone, at most a day (RFC 9110, 10.2.3: seconds or a date)."""
    if not value:
        return None
    try:
        wait = timedelta(seconds=int(value))
    except OverflowError:
        return LONGEST_RETRY_AFTER
    except ValueError:
        try:
            until = parsedate_to_datetime(value)
        except ValueError:
            return None
        wait = (until if until.tzinfo else until.replace(tzinfo=UTC)) - now
    return min(max(wait, timedelta()), LONGEST_RETRY_AFTER)
