"""The `/_sandbox` API: health, counters, executions, faults, reset (docs/sandbox-portal.md)."""

from typing import Any

import orjson
from aiohttp import web

from sandbox.portal.faults import KINDS, FaultBook
from sandbox.portal.options import DEFAULT_PORTAL
from sandbox.portal.portal import Portal

PORTALS: web.AppKey[dict[str, Portal]] = web.AppKey("portals")
FAULTS: web.AppKey[FaultBook] = web.AppKey("faults", FaultBook)
PARTS = ("store", "limits", "journal", "faults")


def routes() -> list[web.RouteDef]:
    """The control routes; all answers are JSON, a wrong request is 400 with `{"problem": text}`."""
    return [
        web.get("/_sandbox/health", _health),
        web.get("/_sandbox/counters", _counters),
        web.get("/_sandbox/executions", _executions),
        web.get("/_sandbox/faults", _faults),
        web.post("/_sandbox/faults", _add_faults),
        web.delete("/_sandbox/faults", _clear_faults),
        web.post("/_sandbox/reset", _reset),
    ]


def _json(body: object, status: int = 200) -> web.Response:
    return web.Response(status=status, body=orjson.dumps(body), content_type="application/json")


def _wrong(text: str) -> web.HTTPBadRequest:
    return web.HTTPBadRequest(text=orjson.dumps({"problem": text}).decode(), content_type="application/json")


def _portal(request: web.Request, name: str | None) -> Portal:
    portals = request.app[PORTALS]
    portal = portals.get(name or DEFAULT_PORTAL)
    if portal is None:
        raise _wrong(f"no portal {name!r}; there are: {', '.join(portals)}")
    return portal


async def _object(request: web.Request) -> Any:
    body = await request.read()
    try:
        return orjson.loads(body) if body.strip() else {}
    except orjson.JSONDecodeError as error:
        raise _wrong(f"the body is no JSON: {error}") from error


def _integer(request: web.Request, name: str, default: int) -> int:
    text = request.query.get(name)
    if text is None:
        return default
    try:
        return int(text)
    except ValueError as error:
        raise _wrong(f"{name} is {text!r}; it must be a whole number") from error


async def _health(request: web.Request) -> web.Response:
    portals = request.app[PORTALS]
    return _json({"status": "ok", "portals": list(portals)})


async def _counters(request: web.Request) -> web.Response:
    detail = request.query.get("detail") != "0"
    name = request.query.get("portal")
    if name == "*":
        portals = request.app[PORTALS]
        return _json({"portals": {name: _counted(portal, detail) for name, portal in portals.items()}})
    return _json(_counted(_portal(request, name), detail))


def _counted(portal: Portal, detail: bool) -> dict[str, Any]:
    journal = portal.journal
    now = portal.clock.now()
    counters: dict[str, Any] = {
        "portal": portal.name,
        "requests": journal.requests,
        "in_flight": journal.in_flight,
        "max_in_flight": journal.max_in_flight,
        "refused": journal.errors["QUERY_LIMIT_EXCEEDED"] + journal.errors["OPERATION_TIME_LIMIT"],
        "statuses": journal.statuses,
        "errors": journal.errors,
        "faults": journal.faults,
        "max_level": portal.bucket.max_level,
        "levels": portal.bucket.levels(now),
        "operating": portal.meter.states(now),
        "executions": journal.executions,
        "failed": journal.failed,
        "executed_more_than_once": journal.repeated(),
        "objects": {name: len(table.rows) for name, table in portal.store.tables.items()},
    }
    if detail:
        counters["adds"] = {"by_origin": journal.by_origin, "by_title": journal.by_title}
    return counters


async def _executions(request: web.Request) -> web.Response:
    portal = _portal(request, request.query.get("portal"))
    since = _integer(request, "since", 0)
    limit = _integer(request, "limit", 100_000)
    log = portal.journal.log(request.query.get("method"), since, limit)
    return _json({"portal": portal.name, "executions": log, "next": log[-1].seq if log else since})


async def _faults(request: web.Request) -> web.Response:
    rules = [rule.shown() for rule in request.app[FAULTS].rules()]
    return _json({"faults": rules, "kinds": {name: kind.about for name, kind in KINDS.items()}})


async def _add_faults(request: web.Request) -> web.Response:
    given = await _object(request)
    if not isinstance(given, dict):
        raise _wrong("a fault is a JSON object with kind")
    if given.get("portal") is not None:
        _portal(request, given["portal"])
    try:
        rule = request.app[FAULTS].add(given)
    except ValueError as error:
        raise _wrong(str(error)) from error
    return _json(rule.shown(), 201)


async def _clear_faults(request: web.Request) -> web.Response:
    rule_id = _integer(request, "id", 0) or None
    return _json({"cleared": request.app[FAULTS].clear(request.query.get("portal"), rule_id)})


async def _reset(request: web.Request) -> web.Response:
    given = await _object(request)
    if not isinstance(given, dict):
        raise _wrong("reset takes a JSON object: portal, parts")
    parts = frozenset(given.get("parts") or PARTS)
    if parts - set(PARTS):
        raise _wrong(f"parts are: {', '.join(PARTS)}")
    name = given.get("portal")
    portals = request.app[PORTALS].values() if name is None else [_portal(request, name)]
    for portal in portals:
        portal.reset(parts)
    if "faults" in parts:
        request.app[FAULTS].clear(name)
    return _json({"reset": [portal.name for portal in portals], "parts": sorted(parts)})
