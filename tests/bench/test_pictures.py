"""The mails of which pictures are taken."""

import pytest

from backend.domain.types import ACCOUNT_KINDS, Kind
from bench.pictures import samples

pytestmark = pytest.mark.fast


def test_there_is_a_picture_of_each_kind_about_tables_and_accounts() -> None:
    shown = {name: mail for name, mail in samples()}

    wanted = {kind.value.replace("_", "-") for kind in (*ACCOUNT_KINDS, Kind.TABLE_OPEN, Kind.BOOKED)}
    wanted |= {"booking-refused", "booking-unknown", "booking-dry-run"}
    assert wanted - set(shown) == set()
    assert all(mail.html.endswith("</html>") and mail.subject for mail in shown.values())
