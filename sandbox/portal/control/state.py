"""`/_sandbox/health`, `reset`: whether it runs, and back to the beginning."""

from aiohttp import web

from sandbox.portal.control.common import FAULTS, PORTALS, answer, given_object, some_portals, wrong

PARTS = ("store", "limits", "journal", "faults")


def routes() -> list[web.RouteDef]:
    """The routes of this file."""
    return [web.get("/_sandbox/health", _health), web.post("/_sandbox/reset", _reset)]


async def _health(request: web.Request) -> web.Response:
    names = list(request.app[PORTALS].keys())
    return answer({"status": "ok", "portals": names})


async def _reset(request: web.Request) -> web.Response:
    given = await given_object(request, "a reset", ("portal", "parts"))
    parts = frozenset(given.get("parts") or PARTS)
    if parts - set(PARTS):
        raise wrong(f"parts are: {', '.join(PARTS)}")
    portals = some_portals(request, given.get("portal"))
    for portal in portals:
        portal.reset(parts)
    if "faults" in parts:
        request.app[FAULTS].clear(given.get("portal"))
    return answer({"reset": [portal.name for portal in portals], "parts": sorted(parts)})
