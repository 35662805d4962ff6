"""The pages for people, over HTTP."""

from __future__ import annotations

import re

import pytest

from tests.simulator.conftest import PARK_AVENUE, Guest, SendMail

AS_FORM = {"content-type": "application/x-www-form-urlencoded"}
ATTACK = "<script>alert('x')</script>"


async def test_a_slot_is_opened_and_closed_by_form(guest: Guest) -> None:
    form = {
        "merchant_id": str(PARK_AVENUE),
        "date": "2026-08-14",
        "times": "18:30, 19:00",
        "min_party_size": "2",
        "max_party_size": "",
        "tables": "1",
    }

    opened = await guest.http.post("/control/slots/open", data=form)
    page = (await guest.http.get("/")).text
    closed = await guest.http.post(
        "/control/slots/close", data={"merchant_id": str(PARK_AVENUE), "times": "18:30", "date": ""}
    )

    assert (opened.status_code, opened.headers["location"]) == (303, "/")
    assert "What is open (2)" in page
    assert "6:30 PM" in page
    assert closed.status_code == 303
    assert await guest.times() == ["7:00 PM"]


async def test_a_form_with_a_mistake_shows_the_page_with_a_sentence(guest: Guest) -> None:
    form = {"merchant_id": str(PARK_AVENUE), "date": "2026-08-14", "times": ATTACK}

    response = await guest.http.post("/control/slots/open", data=form)

    assert response.status_code == 400
    assert "is not a time like 18:30." in response.text
    assert "<script" not in response.text


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("/control/trouble", {"kind": "503", "count": "", "operation": ""}),
        ("/control/trouble/clear", {}),
        ("/control/turnover", {"on": "true", "speed": "2"}),
        ("/control/turnover", {"on": "false"}),
        ("/control/statistics/reset", {}),
        ("/control/mailbox/trouble", {"kind": "slow", "seconds": "0.1"}),
        ("/control/mailbox/trouble/clear", {}),
        ("/control/reset", {}),
    ],
)
async def test_every_form_leads_back_to_the_page(guest: Guest, path: str, form: dict[str, str]) -> None:
    response = await guest.http.post(path, data=form, headers=AS_FORM)

    assert (response.status_code, response.headers["location"]) == (303, "/")
    assert (await guest.http.get("/")).status_code == 200


async def test_the_control_page_shows_bookings_trouble_and_statistics(guest: Guest) -> None:
    await guest.open("19:00")
    await guest.book("2026-08-14T19:00", name=ATTACK)
    await guest.book("2026-08-14T19:00")
    await guest.order("trouble", kind="429", count=3, merchant_id=PARK_AVENUE)
    await guest.order("mailbox/trouble", kind="refuse", stage="rcpt", recipient="bob@example.com")

    page = (await guest.http.get("/")).text

    assert "Bookings (1)" in page
    assert "Refused (1)" in page
    assert "429, Hillstone - Park Avenue: 3" in page
    assert "mail refuse at rcpt for bob@example.com: until cleared" in page
    assert "&lt;script&gt;" in page
    assert "<script" not in page


async def test_the_mailbox_lists_mails_and_looks_again_by_itself(guest: Guest, send_mail: SendMail) -> None:
    await send_mail(subject=f"A table {ATTACK}")

    response = await guest.http.get("/mailbox")

    assert '<meta http-equiv="refresh" content="5">' in response.text
    assert "A table &lt;script&gt;" in response.text
    assert "alice@example.com" in response.text
    assert "<script" not in response.text


async def test_a_mail_is_shown_with_its_html_in_a_sandbox(guest: Guest, send_mail: SendMail) -> None:
    await send_mail(subject="Hello", html=f"<html><head></head><body><b>two</b>{ATTACK}</body></html>")
    number = (await guest.http.get("/mailbox.json")).json()[0]["n"]

    page = await guest.http.get(f"/mailbox/{number}")
    html = await guest.http.get(f"/mailbox/{number}/html")
    raw = await guest.http.get(f"/mailbox/{number}/raw")

    frame = re.search(r"<iframe[^>]*>", page.text)
    assert frame is not None
    assert "sandbox=" in frame[0]
    assert "allow-scripts" not in frame[0]
    assert "<script" not in page.text
    assert "Dinner for two." in page.text
    assert html.text.startswith('<html><head><base target="_blank"></head>')
    assert "sandbox" in html.headers["content-security-policy"]
    assert "default-src 'none'" in html.headers["content-security-policy"]
    assert raw.headers["content-type"].startswith("text/plain")
    assert raw.content.startswith(b"To: alice@example.com\r\n")


async def test_a_mail_that_is_not_there_is_not_found(guest: Guest) -> None:
    for path in ("/mailbox/99999", "/mailbox/99999/html", "/mailbox/99999/raw"):
        response = await guest.http.get(path)

        assert response.status_code == 404
        assert "There is no mail 99999." in response.text


async def test_the_mailbox_is_emptied_by_form(guest: Guest, send_mail: SendMail) -> None:
    await send_mail()

    response = await guest.http.post("/mailbox/clear", headers=AS_FORM)

    assert response.headers["location"] == "/mailbox"
    assert "No mail yet." in (await guest.http.get("/mailbox")).text


@pytest.mark.parametrize("path", ["/", "/mailbox", "/mailbox/99999"])
async def test_pages_allow_no_scripts_and_carry_no_styles_of_their_own(guest: Guest, path: str) -> None:
    response = await guest.http.get(path)

    assert response.headers["content-security-policy"].startswith("default-src 'none'; style-src 'self'")
    assert not re.search(r"<style|\sstyle=|<script|\son[a-z]+=", response.text)
    assert 'href="/style.css"' in response.text


async def test_the_style_sheet_is_served(guest: Guest) -> None:
    response = await guest.http.get("/style.css")

    assert response.headers["content-type"].startswith("text/css")
    assert "prefers-color-scheme: dark" in response.text
