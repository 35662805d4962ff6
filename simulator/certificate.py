"""A certificate for 127.0.0.1 and localhost, signed by an authority that lives as long as the process."""

from __future__ import annotations

import ssl
from pathlib import Path

import trustme


def server_context(ca_file: Path) -> ssl.SSLContext:
    """A server's TLS context. The authority is written to `ca_file`, for clients to trust."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", "::1", "localhost").configure_cert(context)
    authority.cert_pem.write_to_path(str(ca_file))
    return context
