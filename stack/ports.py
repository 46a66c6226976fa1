"""Free TCP ports on the loopback address."""

import random
import socket
from pathlib import Path

HOST = "127.0.0.1"
_LOWEST = 15000
_given: set[int] = set()


def is_free(port: int) -> bool:
    """True when nobody listens on `port` of the loopback address."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind((HOST, port))
        except OSError:
            return False
        return True


def free_port(preferred: int | None = None) -> int:
    """Return `preferred` when it is free, else a free port that this process was not given before.

    The port lies below the kernel's range for outgoing connections: a service that is stopped and
    started again must find its port free, also when many clients try to reconnect meanwhile.

    Raises OSError when no free port is found.
    """
    if preferred is not None and preferred not in _given and is_free(preferred):
        _given.add(preferred)
        return preferred
    highest = _first_ephemeral_port() - 1
    for _ in range(1000):
        port = random.randint(_LOWEST, highest)
        if port not in _given and is_free(port):
            _given.add(port)
            return port
    raise OSError(f"no free port between {_LOWEST} and {highest} on {HOST}")


def is_open(port: int) -> bool:
    """True when a TCP connection to `port` of the loopback address is accepted."""
    try:
        with socket.create_connection((HOST, port), timeout=1):
            return True
    except OSError:
        return False


def _first_ephemeral_port() -> int:
    """The first port the kernel gives to outgoing connections, from /proc; 32768 where that is unknown."""
    try:
        low = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    except (OSError, ValueError, IndexError):
        low = 32768
    return low if low > _LOWEST + 1000 else 65536
