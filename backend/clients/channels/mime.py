"""A message as a mail's bytes.

By the standard library's plain messages (`compat32`): the structured headers of the newer ones cost more than all the
rest of a delivery.
"""

import base64
import binascii
import re
from email.generator import BytesGenerator
from email.header import Header
from email.message import Message
from email.policy import compat32
from email.utils import formatdate
from io import BytesIO

from backend.clients.channels.outgoing import Attachment, Outgoing

# RFC 5322, without the end of the line; and an encoded word of RFC 2047.
_LONGEST_LINE = 998
_LONGEST_WORD = 75
# Headers stay on one line where they may: some readers show the space of a folded one.
_POLICY = compat32.clone(max_line_length=_LONGEST_LINE, linesep="\r\n")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_NAME = re.compile(r"[!-9;-~]+\Z")


def compose(message: Outgoing, *, sender: str, message_id: str) -> bytes:
    """The mail. `sender` is a whole From header, `Name <address>`. Raises ValueError for what cannot be a mail."""
    if not message.to.isascii() or "@" not in message.to or any(character in message.to for character in " \t<>,;"):
        raise ValueError("not an address")
    mail = _body(message)
    for name, value in (
        ("MIME-Version", "1.0"),
        ("From", sender),
        ("To", message.to),
        ("Subject", message.subject),
        ("Date", formatdate()),
        ("Message-ID", message_id),
        ("Auto-Submitted", "auto-generated"),
        *message.headers.items(),
    ):
        _set(mail, name, value)
    written = BytesIO()
    BytesGenerator(written, mangle_from_=False, policy=_POLICY).flatten(mail)
    return written.getvalue()


def _body(message: Outgoing) -> Message:
    body = _text("plain", message.text)
    if message.html is not None:
        body = _multipart("alternative", message, body, _text("html", message.html))
    if message.attachments:
        body = _multipart("mixed", message, body, *map(_attached, message.attachments))
    return body


def _multipart(kind: str, message: Outgoing, *parts: Message) -> Message:
    whole = Message(policy=_POLICY)
    # No text that is encoded here can contain "=_".
    whole["Content-Type"] = f'multipart/{kind}; boundary="=_{kind}_{message.message_id.hex}"'
    whole.set_payload(list(parts))
    return whole


def _text(kind: str, text: str) -> Message:
    part = Message(policy=_POLICY)
    lines = text.splitlines()
    is_plain = text.isascii() and all(len(line) <= _LONGEST_LINE for line in lines)
    part["Content-Type"] = f"text/{kind}; charset={'us-ascii' if is_plain else 'utf-8'}"
    if is_plain:
        part["Content-Transfer-Encoding"] = "7bit"
        part.set_payload("\n".join(lines) + "\n")
    else:
        part["Content-Transfer-Encoding"] = "quoted-printable"
        encoded = binascii.b2a_qp(("\n".join(lines) + "\n").encode(), istext=True, quotetabs=False)
        part.set_payload(encoded.decode("ascii"))
    return part


def _attached(attachment: Attachment) -> Message:
    part = Message(policy=_POLICY)
    _set(part, "Content-Type", attachment.media_type)
    part["Content-Transfer-Encoding"] = "base64"
    name = attachment.filename
    if _CONTROL.search(name):
        raise ValueError("a control character in a file's name")
    part.add_header("Content-Disposition", "attachment", filename=name if name.isascii() else ("utf-8", "", name))
    part.set_payload(base64.encodebytes(attachment.content).decode("ascii"))
    return part


def _set(part: Message, name: str, value: str) -> None:
    """Set a header of ours. Raises ValueError for what would become another header."""
    if _CONTROL.search(value) or not _NAME.match(name):
        raise ValueError(f"a header that cannot be written: {name!r}")
    del part[name]
    # Encoded by hand: given a Header, the generator would take it apart and encode it anew.
    encoded = value if value.isascii() else Header(value, "utf-8", _LONGEST_WORD).encode(linesep="")
    part[name] = encoded
