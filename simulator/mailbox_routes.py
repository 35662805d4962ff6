"""The routes of the mailbox: for programs JSON, for people pages, and orders to misbehave."""

from __future__ import annotations

import re

from simulator import rendering
from simulator.http import HTML, NOT_FOUND, TEXT, Reply, Request, json_reply, see_other
from simulator.mail_trouble import MailTrouble, MailTroubles, complaint
from simulator.mailbox import Mailbox
from simulator.orders import BadOrder, read

_MAIL = re.compile(r"/mailbox/(\d{1,9})(/html|/raw)?")
_HEAD = re.compile(rb"<head[^>]*>", re.IGNORECASE)
_OPEN_LINKS_APART = b'<base target="_blank">'
_SANDBOX = "sandbox allow-popups allow-popups-to-escape-sandbox"
_MAIL_POLICY = f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; {_SANDBOX}"


def respond(mailbox: Mailbox, troubles: MailTroubles, request: Request) -> Reply | None:
    """The reply to a request about the mailbox, or None if it is about something else. Raises BadOrder."""
    match request.method, request.path:
        case "GET", "/mailbox":
            return rendering.page("mailbox.html", mails=list(mailbox))
        case "GET", "/mailbox.json":
            to = request.query.get("to")
            return json_reply([mail.summary() for mail in mailbox if to is None or to in mail.to])
        case ("DELETE", "/mailbox") | ("POST", "/mailbox/clear"):
            mailbox.clear()
            return see_other("/mailbox") if request.is_form else json_reply([])
        case "GET", "/control/mailbox/trouble":
            return _listed(troubles)
        case "POST", "/control/mailbox/trouble":
            return _add(troubles, request)
        case ("DELETE", "/control/mailbox/trouble") | ("POST", "/control/mailbox/trouble/clear"):
            troubles.standing.clear()
            return see_other("/") if request.is_form else _listed(troubles)
    found = _MAIL.fullmatch(request.path)
    if found is None or request.method != "GET":
        return None
    return _mail(mailbox, int(found[1]), found[2] or "")


def _add(troubles: MailTroubles, request: Request) -> Reply:
    trouble = read(request, MailTrouble)
    reason = complaint(trouble)
    if reason is not None:
        raise BadOrder(reason)
    troubles.standing.append(trouble)
    return see_other("/") if request.is_form else _listed(troubles)


def _listed(troubles: MailTroubles) -> Reply:
    return json_reply({"trouble": troubles.standing})


def _mail(mailbox: Mailbox, number: int, part: str) -> Reply:
    mail = mailbox.find(number)
    if mail is None:
        return rendering.page("missing.html", status=NOT_FOUND, text=f"There is no mail {number}.")
    if part == "/raw":
        return Reply(200, mail.raw, TEXT, {"x-content-type-options": "nosniff"})
    if part == "/html":
        return Reply(200, _with_links_apart(mail.html), HTML, {"content-security-policy": _MAIL_POLICY})
    return rendering.page("mail.html", mail=mail)


def _with_links_apart(html: str) -> bytes:
    """A mail's HTML whose links open in a window of their own, as they do in a mail program."""
    body = html.encode("utf-8", "replace")
    head = _HEAD.search(body)
    position = head.end() if head else 0
    return body[:position] + _OPEN_LINKS_APART + body[position:]
