"""The `/_sandbox` API: counters, logs, faults, limits, tokens, reset (docs/sandbox-portal.md)."""

from aiohttp import web

from sandbox.portal.control import counters, events, faults, limits, logs, oauth, state
from sandbox.portal.control.common import answer


def routes() -> list[web.RouteDef]:
    """The control routes; all answers are JSON, a wrong request is 400 with `{"problem": text}`."""
    return [route for part in (counters, logs, faults, events, limits, oauth, state) for route in part.routes()]


def other_routes() -> list[web.RouteDef]:
    """All else under `/_sandbox`, to be added after `routes`: 404 with `{"problem": text}`."""
    return [web.route("*", path, _unknown) for path in ("/_sandbox", "/_sandbox/{path:.*}")]


async def _unknown(request: web.Request) -> web.Response:
    return answer({"problem": f"no request {request.method} {request.path}; docs/sandbox-portal.md lists them"}, 404)
