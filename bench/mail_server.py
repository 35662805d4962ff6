"""A mail server that accepts everything over STARTTLS, keeps nothing, and says when: `bench.mail_server PORT CA_FILE`.

Lighter than the simulator's mailbox, which takes each mail apart: here only what comes before it is measured. For each
mail it says a line, recipient and epoch seconds.
"""

import asyncio
import sys
import time
from pathlib import Path

import uvloop
from aiosmtpd.smtp import SMTP, Envelope, Session

from simulator.certificate import server_context


class Accepting:
    """What aiosmtpd asks for."""

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        at = time.time()
        assert session.ssl is not None
        print(envelope.rcpt_tos[0], at, flush=True)
        return "250 2.0.0 OK"


async def serve(port: int, ca_file: Path) -> None:
    context = server_context(ca_file)
    loop = asyncio.get_running_loop()

    def connection() -> SMTP:
        return SMTP(Accepting(), hostname="localhost", tls_context=context, require_starttls=True, loop=loop)

    server = await loop.create_server(connection, "127.0.0.1", port)
    print("ready", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1]), Path(sys.argv[2])))
