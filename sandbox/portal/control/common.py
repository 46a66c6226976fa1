"""What the parts of the control API share: the app's keys, JSON in and out, wrong requests."""

from pathlib import Path
from typing import Any

import orjson
from aiohttp import web

from sandbox.portal.faults import FaultBook
from sandbox.portal.options import DEFAULT_PORTAL
from sandbox.portal.portal import Portal

PORTALS: web.AppKey[dict[str, Portal]] = web.AppKey("portals")
FAULTS: web.AppKey[FaultBook] = web.AppKey("faults", FaultBook)
STORE: web.AppKey[Path | None] = web.AppKey("store")
"""The file of `persistence.py`, None = nothing is kept."""


def answer(body: object, status: int = 200) -> web.Response:
    """A JSON answer."""
    return web.Response(status=status, body=orjson.dumps(body), content_type="application/json")


def wrong(text: str) -> web.HTTPBadRequest:
    """The exception for a wrong request: 400 with `{"problem": text}`."""
    return web.HTTPBadRequest(text=orjson.dumps({"problem": text}).decode(), content_type="application/json")


def one_portal(request: web.Request, name: Any) -> Portal:
    """The portal of this name, None = `default`; raises 400 when there is none."""
    portals = request.app[PORTALS]
    portal = portals.get(DEFAULT_PORTAL if name is None or name == "" else str(name))
    if portal is None:
        raise wrong(f"no portal {name!r}; there are: {', '.join(portals)}")
    return portal


def some_portals(request: web.Request, name: Any) -> list[Portal]:
    """The portal of this name, None = all of them; raises 400 when there is none."""
    return list(request.app[PORTALS].values()) if name is None else [one_portal(request, name)]


async def given_object(request: web.Request, what: str, known: tuple[str, ...] | None = None) -> dict[str, Any]:
    """The body as a JSON object, `{}` when empty; raises 400 for anything else and for names not `known`."""
    body = await request.read()
    try:
        given = orjson.loads(body) if body.strip() else {}
    except orjson.JSONDecodeError as error:
        raise wrong(f"the body is no JSON: {error}") from error
    if not isinstance(given, dict):
        raise wrong(f"{what} is a JSON object")
    unknown = set(given) - set(known or given)
    if unknown:
        raise wrong(f"unknown: {', '.join(sorted(unknown))}; known: {', '.join(known or ())}")
    return given


def number(given: dict[str, Any], name: str, default: float) -> float:
    """A number of the body, not negative."""
    value = given.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        raise wrong(f"{name} is {value!r}; it must be a number")
    return value


def whole(request: web.Request, name: str, default: int) -> int:
    """A whole number of the query."""
    text = request.query.get(name)
    if text is None:
        return default
    try:
        return int(text)
    except ValueError as error:
        raise wrong(f"{name} is {text!r}; it must be a whole number") from error
