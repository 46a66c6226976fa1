"""What a client sees of a fault: the broken answers and cut connections of `faults.py`."""

import socket
import struct
from collections.abc import Awaitable, Callable
from typing import Any

import orjson
from aiohttp import web

from sandbox.portal.faults import KINDS, Rule
from sandbox.portal.php import as_map, php_map

Run = Callable[[], Awaitable[web.Response]]
_HTML = """<html>\r\n<head><title>{0}</title></head>\r\n<body>\r\n<center><h1>{0}</h1></center>
<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"""
_PIECES = 20
"""Into so many pieces a slow answer comes."""
_REASONS = {
    404: "404 Not Found",
    405: "405 Not Allowed",
    413: "413 Request Entity Too Large",
    502: "502 Bad Gateway",
    504: "504 Gateway Time-out",
}


class Cut(Exception):
    """The connection was reset instead of an answer."""


def html(status: int) -> web.Response:
    """The page that a portal's front server gives instead of JSON."""
    reason = _REASONS.get(status, str(status))
    return web.Response(status=status, text=_HTML.format(reason), content_type="text/html")


def json_body(body: object, status: int = 200) -> web.Response:
    """A JSON answer as a portal writes it."""
    data = orjson.dumps(body)
    return web.Response(status=status, body=data, content_type="application/json", charset="utf-8")


def reset(request: web.Request) -> Cut:
    """Close the connection with RST, at once; returns the exception to raise."""
    transport = request.transport
    if transport is not None:
        connection = transport.get_extra_info("socket")
        if connection is not None:
            # Linger of 0 makes close() send RST instead of FIN.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
    return Cut()


async def broken(rule: Rule, request: web.Request, run: Run) -> web.StreamResponse:
    """The answer of a request that `rule` hit; `run` executes it rightly. Raises `Cut` after a reset."""
    if rule.delay is not None and not rule.kind.startswith(("hang", "slow")):
        await rule.wait(rule.delay)
    if rule.kind == "delay":
        return await run()
    if rule.kind == "hang_before":
        await rule.wait(rule.delay)
        raise reset(request)
    real = await run() if rule.after else None
    if rule.kind == "hang_after" and real is not None:
        await rule.wait(rule.delay)
        return real
    if rule.kind == "slow" and real is not None:
        return await _trickle(rule, request, real)
    if rule.kind.startswith("reset"):
        raise reset(request)
    return _spoilt(rule, request, real)


async def _trickle(rule: Rule, request: web.Request, real: web.Response) -> web.StreamResponse:
    """The answer's body in pieces; the client is told its length at once."""
    body = real.body if isinstance(real.body, bytes) else b""
    answer = web.StreamResponse(status=real.status, headers={"Content-Type": real.headers["Content-Type"]})
    answer.content_length = len(body)
    await answer.prepare(request)
    step = max(1, -(-len(body) // _PIECES))
    try:
        for start in range(0, len(body), step):
            await rule.wait((rule.delay or 0.0) / _PIECES)
            await answer.write(body[start : start + step])
        await answer.write_eof()
    except ConnectionError as error:
        # The client did not wait for the end.
        raise Cut from error
    return answer


def _spoilt(rule: Rule, request: web.Request, real: web.Response | None) -> web.Response:
    if rule.kind == "302":
        return web.Response(status=302, headers={"Location": rule.location.rstrip("/") + request.path_qs})
    status = KINDS[rule.kind].html_status
    if status is not None:
        return html(status)
    body = real.body if real is not None and isinstance(real.body, bytes) else b'{"result":null}'
    if rule.kind in _REWRITES:
        return _rewritten(body, real.status if real is not None else 200, _REWRITES[rule.kind])
    if rule.kind == "malformed":
        return web.Response(body=body[: len(body) // 2], content_type="application/json", charset="utf-8")
    if rule.kind == "big":
        padding = b',"sandbox_padding":"' + b"x" * rule.size + b'"}'
        return web.Response(body=body[:-1] + padding, content_type="application/json", charset="utf-8")
    problem = rule.problem()
    return json_body(problem.body(), problem.status)


def _rewritten(body: bytes, status: int, rewrite: Callable[[dict[str, Any], dict[str, Any]], None]) -> web.Response:
    answer = orjson.loads(body)
    if isinstance(answer, dict):
        result = answer.get("result")
        rewrite(answer, result if isinstance(result, dict) and "result_time" in result else {})
    return json_body(answer, status)


def _without_operating(answer: dict[str, Any], batch: dict[str, Any]) -> None:
    times = as_map(batch.get("result_time")) or {}
    for time in (answer.get("time"), *times.values()):
        if isinstance(time, dict):
            time.pop("operating", None)
            time.pop("operating_reset_at", None)


def _text_numbers(answer: dict[str, Any], batch: dict[str, Any]) -> None:
    for name in ("total", "next"):
        if name in answer:
            answer[name] = str(answer[name])
        counts = as_map(batch.get(f"result_{name}"))
        if counts:
            batch[f"result_{name}"] = php_map({key: str(count) for key, count in counts.items()})


_REWRITES = {"no_operating": _without_operating, "text_numbers": _text_numbers}
