"""The `/_sandbox` API: counters, logs, faults, limits, tokens, reset (docs/sandbox-portal.md)."""

from aiohttp import web

from sandbox.portal.control import counters, events, faults, limits, logs, oauth, state


def routes() -> list[web.RouteDef]:
    """The control routes; all answers are JSON, a wrong request is 400 with `{"problem": text}`."""
    return [route for part in (counters, logs, faults, events, limits, oauth, state) for route in part.routes()]
