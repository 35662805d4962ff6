"""Ports on this machine: is a wanted one free, and which one is."""

import random
import socket

from backend.local.errors import LocalError

# Below the range that systems give to outgoing connections. In that range, a client that calls again and again while
# a server restarts can be given the server's own port as its source, connect to itself, and keep the server out.
_OURS = range(15_000, 32_000)


def free_port() -> int:
    """A port on loopback that nobody listens on at this moment."""
    for port in random.sample(_OURS, 200):
        if trouble_with("127.0.0.1", port) is None:
            return port
    raise LocalError("No free port was found on 127.0.0.1: stop some of the programs that listen there.")


def preferred_port(port: int) -> int:
    """The usual port, or a free one when somebody has it."""
    return free_port() if trouble_with("127.0.0.1", port) else port


def require_free_port(host: str, port: int, *, setting: str) -> None:
    """Raise LocalError, naming the setting to change, when nobody can listen there."""
    if trouble := trouble_with(host, port):
        raise LocalError(f"Port {port} on {host} cannot be used ({trouble}): stop what uses it, or change {setting}.")


def trouble_with(host: str, port: int) -> str | None:
    """Why nobody can listen there, or None."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            # As servers do: connections of an earlier one that linger are no obstacle.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            # On some systems two sockets may bind, and only one may listen.
            probe.listen(1)
    except OSError as error:
        return error.strerror or str(error)
    return None
