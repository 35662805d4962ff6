"""What the demo does and checks, from outside: over HTTP, at the simulated restaurant and in the mailbox."""

import asyncio
import contextlib
import itertools
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx

ADDRESS = "guest@demo.test"
MATCHED_WITHIN = 15.0
# A new system first waits as long as one call may take: the budget knows nothing of the moment before.
FIRST_LOOK_WITHIN = 30.0


class MissingStep(Exception):
    """Something that must be seen was not."""


@dataclass(frozen=True, slots=True)
class Places:
    """Where everything is, and the demo guest's password."""

    web: str
    upstream: str
    password: str
    log: Path


class Story:
    """Plays a guest, and a restaurant that opens tables."""

    def __init__(self, places: Places, echo: Callable[[str], None]) -> None:
        self._places = places
        self._echo = echo
        self._began = time.monotonic()
        self._restaurants: dict[str, dict[str, Any]] = {}
        self._token = ""
        self._tomorrow = ""
        self._first_watch = 0

    async def tell(self, *, once: bool) -> None:
        """The story. Raises MissingStep naming what was not seen. Without `once` it goes on until stopped."""
        async with httpx.AsyncClient(timeout=10) as self._http:
            await self._sign_up()
            await self._confirm()
            await self._alert()
            await self._book()
            await self._metrics()
            if once:
                self._say("everything was seen")
                return
            await self._go_on()

    async def _sign_up(self) -> None:
        await self._until("the web server answers", 30, self._is_ready)
        listed = await self._http.get(f"{self._places.web}/api/locations")
        self._restaurants = {row["key"]: row for row in listed.json()["locations"]}
        self._tomorrow = (
            (datetime.now(UTC).astimezone(ZoneInfo("America/New_York")) + timedelta(days=1)).date().isoformat()
        )
        answer = await self._post_web(
            "/api/auth/signup", {"name": "Demo Guest", "email": ADDRESS, "password": self._places.password}
        )
        self._token = answer["token"]
        for line in (
            f"The web app       {self._places.web}   sign in: {ADDRESS} / {self._places.password}",
            f"The mailbox       {self._places.upstream}/mailbox",
            f"The restaurants   {self._places.upstream}   open and close tables here",
            f"Numbers           {self._places.web}/metrics",
            f"The log           {self._places.log}",
            "",
        ):
            self._echo(line)

    async def _confirm(self) -> None:
        await self._until("the mail with the link", MATCHED_WITHIN, lambda: self._has_mails("confirm your address", 1))
        [mail] = await self._mails()
        found = re.search(r"#verify=([\w-]+)", mail["text"])
        if found is None:
            raise MissingStep(f"the mail must have a link that confirms the address: {mail['text']}")
        await self._post_web("/api/auth/verify", {"token": found[1]})
        self._say("a guest has signed up, and followed the link in the mail to confirm the address")

    async def _alert(self) -> None:
        place = self._restaurants["peachtree"]
        self._first_watch = await self._watch("peachtree", party_size=2)
        self._say(f"a guest watches {place['name']}, tomorrow 18:00–20:00, party of 2")
        await self._until("the first look at the new watch", FIRST_LOOK_WITHIN, lambda: self._looks_at(place, 1))
        self._say("looked: nothing open yet")
        opened = time.monotonic()
        await self._open(place, ["19:15"])
        self._say("a table opens at 7:15 PM")
        await self._until("the mail about 7:15 PM", MATCHED_WITHIN, lambda: self._has_mails("7:15 PM", 1))
        self._say(f"seen, matched, and the mail has arrived, {time.monotonic() - opened:.1f} s after the table opened")
        looks = await self._looks(place)
        await self._until("two more looks at the same table", 30, lambda: self._looks_at(place, looks + 2))
        if not await self._has_mails("7:15 PM", 1):
            raise MissingStep("a second look at the same open table must send nothing again")
        self._say("looked twice more at the same open table: nothing was sent again")

    async def _book(self) -> None:
        place = self._restaurants["houston_s_pasadena"]
        await self._watch(
            "houston_s_pasadena",
            party_size=4,
            auto_book=True,
            book_first_name="Demo",
            book_last_name="Guest",
            book_phone="(404) 555-0123",
        )
        self._say(f"a guest watches {place['name']} and asks to have it booked, party of 4")
        await self._until("the first look at the second watch", MATCHED_WITHIN, lambda: self._looks_at(place, 1))
        await self._open(place, ["18:30", "19:00", "19:30"])
        self._say("three tables open at once")
        await self._until("a booking", MATCHED_WITHIN, lambda: self._has_bookings(1))
        await self._until("the confirmation mail", MATCHED_WITHIN, lambda: self._has_mails("Booked for you", 1))
        # Whoever has a table for that dinner waits for no other, until they say so.
        await self._until("the pause of the other watch", MATCHED_WITHIN, self._is_paused)
        await self._post_web(f"/api/watches/{self._first_watch}/resume", {})
        # A second booking, if one were made, would come with the next looks: give them their time.
        looks = await self._looks(self._restaurants["peachtree"])
        await self._until("more looks", 30, lambda: self._looks_at(self._restaurants["peachtree"], looks + 2))
        if not await self._has_bookings(1):
            raise MissingStep("an auto-book watch with several open tables must be booked exactly once")
        self._say("booked exactly once, the confirmation has arrived, and the guest's other watch had been paused")

    async def _metrics(self) -> None:
        text = (await self._http.get(f"{self._places.web}/metrics")).text
        wanted = {
            "scanned": "houstons_watches_scanned_total",
            "skipped": "houstons_watches_skipped_total",
            "matches": "houstons_matches_total",
            "booked": "houstons_booked_total",
        }
        values = {}
        for word, name in wanted.items():
            samples = [line.rsplit(" ", 1)[1] for line in text.splitlines() if line.startswith(name + "{")]
            if not samples:
                raise MissingStep(f"/metrics does not show {name}")
            values[word] = round(sum(map(float, samples)))
        if not values["scanned"] or values["matches"] < 4 or values["booked"] != 1:
            raise MissingStep(f"/metrics does not tell what happened: {values}")
        ledger = [line for line in text.splitlines() if line.startswith("houstons_notifications{")]
        sent = [line for line in ledger if 'status="sent"' in line]
        # The alert about the table that was booked goes out, or comes too late to be of use: either is right.
        mails = len(await self._mails())
        if not sent or mails not in (3, 4) or float(sent[0].rsplit(" ", 1)[1]) != mails:
            raise MissingStep(
                f"the ledger must hold the three or four mails that arrived, and no others: {sent}, {mails}"
            )
        self._say("/metrics: " + " ".join(f"{word}={value}" for word, value in values.items()))

    async def _go_on(self) -> None:
        self._say("tables open now and then from here on; open some yourself on the restaurants' page (Ctrl-C ends it)")
        place = self._restaurants["peachtree"]
        seen = len(await self._mails())
        for number in itertools.count():
            clock = f"{18 + number % 8 // 4}:{number % 4 * 15:02d}"
            with contextlib.suppress(httpx.HTTPError):  # Being stopped, or started again: the supervisor says which.
                await self._open(place, [clock])
                self._say(f"a table opens at {clock}")
                for _ in range(20):
                    await asyncio.sleep(1)
                    mails = await self._mails()
                    for mail in sorted(mails, key=lambda mail: str(mail["received_at"]))[seen:]:
                        self._say(f"mail: {mail['subject']}")
                    seen = len(mails)
                body = {"merchant_id": place["merchant_id"], "date": self._tomorrow, "times": [clock]}
                await self._post(f"{self._places.upstream}/control/slots/close", body)
                self._say(f"the table at {clock} is gone")
            await asyncio.sleep(10)

    async def _is_ready(self) -> bool:
        return (await self._http.get(f"{self._places.web}/health/ready")).status_code == 200

    async def _is_paused(self) -> bool:
        headers = {"Authorization": f"Bearer {self._token}"}
        answer = (await self._http.get(f"{self._places.web}/api/watches", headers=headers)).json()
        return any(watch["id"] == self._first_watch and watch["status"] == "paused" for watch in answer["watches"])

    async def _watch(self, location_key: str, **fields: Any) -> int:
        body = {"location_key": location_key, "target_date": self._tomorrow, "time_start": "18:00", "time_end": "20:00"}
        return int((await self._post_web("/api/watches", {**body, **fields}))["watch_id"])

    async def _open(self, place: dict[str, Any], times: list[str]) -> None:
        body = {"merchant_id": place["merchant_id"], "date": self._tomorrow, "times": times, "party_sizes": [2, 4]}
        await self._post(f"{self._places.upstream}/control/slots/open", body)

    async def _mails(self) -> list[dict[str, Any]]:
        mails: list[dict[str, Any]] = (await self._http.get(f"{self._places.upstream}/mailbox.json")).json()
        return mails

    async def _has_mails(self, words: str, count: int) -> bool:
        return len([mail for mail in await self._mails() if words in mail["subject"]]) == count

    async def _has_bookings(self, count: int) -> bool:
        answer = (await self._http.get(f"{self._places.upstream}/control/bookings")).json()
        return len(answer["bookings"]) == count

    async def _looks(self, place: dict[str, Any]) -> int:
        statistics = (await self._http.get(f"{self._places.upstream}/control/statistics")).json()
        return int(statistics["requests_by_merchant"].get(str(place["merchant_id"]), 0))

    async def _looks_at(self, place: dict[str, Any], count: int) -> bool:
        return await self._looks(place) >= count

    async def _post_web(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        return await self._post(f"{self._places.web}{path}", body, headers=headers)

    async def _post(self, url: str, body: dict[str, Any], *, headers: dict[str, str] | None = None) -> dict[str, Any]:
        response = await self._http.post(url, json=body, headers=headers)
        if response.is_error:
            raise MissingStep(f"POST {url} answered {response.status_code}: {response.text[:300]}")
        answer: dict[str, Any] = response.json()
        return answer

    async def _until(self, what: str, seconds: float, is_true: Callable[[], Awaitable[bool]]) -> None:
        deadline = time.monotonic() + seconds
        while True:
            try:
                if await is_true():
                    return
            except (httpx.HTTPError, ValueError):
                pass  # Not up yet; the deadline decides.
            if time.monotonic() > deadline:
                raise MissingStep(f"{what}, within {seconds:g} s")
            await asyncio.sleep(0.1)

    def _say(self, line: str) -> None:
        self._echo(f"{time.monotonic() - self._began:6.1f} s  {line}")
