"""The yardstick: the same mails by the standard library's EmailMessage and smtplib, over one connection, one by one.

A process of its own: `bench.bare_mail PORT CA_FILE`. It reads a line of JSON (subject, text, html, messages) and
answers with one, the CPU seconds that they took.
"""

import json
import smtplib
import ssl
import sys
import time
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate, make_msgid
from typing import Any


def send(port: int, ca_file: str, order: dict[str, Any]) -> float:
    context = ssl.create_default_context(cafile=ca_file)
    with smtplib.SMTP("127.0.0.1", port) as server:
        server.starttls(context=context)
        server.ehlo()
        before = time.process_time()
        for number in range(order["messages"]):
            mail = EmailMessage(policy=SMTP)
            mail["From"] = "Tracker <tables@tracker.test>"
            mail["To"] = f"bare{number}@guests.test"
            mail["Subject"] = order["subject"]
            mail["Date"] = formatdate()
            mail["Message-ID"] = make_msgid(domain="tracker.test")
            mail.set_content(order["text"])
            mail.add_alternative(order["html"], subtype="html")
            server.send_message(mail)
        return time.process_time() - before


if __name__ == "__main__":
    print(json.dumps({"cpu_seconds": send(int(sys.argv[1]), sys.argv[2], json.loads(sys.stdin.readline()))}))
