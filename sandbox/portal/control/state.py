"""`/_sandbox/health`, `reset`, `save`, `seed`: whether it runs, back to the beginning, and what it holds."""

from pathlib import Path

from aiohttp import web

from sandbox.portal import persistence, sample
from sandbox.portal.control.common import FAULTS, PORTALS, STORE, answer, given_object, number, some_portals, wrong

PARTS = ("store", "limits", "journal", "faults")


def routes() -> list[web.RouteDef]:
    """The routes of this file."""
    return [
        web.get("/_sandbox/health", _health),
        web.post("/_sandbox/reset", _reset),
        web.post("/_sandbox/save", _save),
        web.post("/_sandbox/seed", _seed),
    ]


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


async def _save(request: web.Request) -> web.Response:
    path: Path | None = request.app[STORE]
    if path is None:
        raise wrong("there is no file to save to; --store FILE names one")
    return answer({"file": str(path), "bytes": persistence.save(path, request.app[PORTALS])})


async def _seed(request: web.Request) -> web.Response:
    given = await given_object(request, "a seed", ("portal", "count"))
    count = int(number(given, "count", sample.SIZES["small"]))
    portals = some_portals(request, given.get("portal"))
    for portal in portals:
        await sample.fill(portal, count)
    return answer({"seeded": [portal.name for portal in portals], "count": count})
