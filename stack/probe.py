"""Small HTTP questions to services on the loopback address; no proxy, no dependency."""

import http.client
import json
from typing import Any

from stack.ports import HOST


def answers_200(port: int, path: str, timeout: float = 2) -> bool:
    """True when GET `path` on `port` is answered with status 200 within `timeout` seconds."""
    return _get(port, path, timeout)[0] == 200


def get_json(port: int, path: str, timeout: float = 5) -> Any:
    """The decoded body of GET `path`. Raises OSError when there is no answer, ValueError for no JSON."""
    status, body = _get(port, path, timeout)
    if status == 0:
        raise OSError(f"no answer from http://{HOST}:{port}{path}")
    return json.loads(body)


def _get(port: int, path: str, timeout: float) -> tuple[int, bytes]:
    """Status and body; status 0 when there is no answer."""
    connection = http.client.HTTPConnection(HOST, port, timeout=timeout)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read()
    except (OSError, http.client.HTTPException):
        return 0, b""
    finally:
        connection.close()
