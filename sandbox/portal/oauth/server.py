"""`/oauth/token/`: new tokens for a refresh token or a code (bitrix24.md, section 4)."""

import hashlib
from typing import Any

from aiohttp import web

from sandbox.portal.breakage import json_body
from sandbox.portal.control.common import PORTALS
from sandbox.portal.errors import Problem, RestError
from sandbox.portal.oauth.apps import INVALID_GRANT, INVALID_REQUEST, Pair
from sandbox.portal.portal import Portal
from sandbox.portal.wire import read_body, read_params

_UNSUPPORTED = Problem(400, "invalid_request", "Unknown grant_type")


def routes() -> list[web.RouteDef]:
    """The token server of all portals, and one for each under `/{portal}/oauth/token/`."""
    paths = ("/oauth/token", "/oauth/token/", "/{portal}/oauth/token", "/{portal}/oauth/token/")
    return [web.route("*", path, _token) for path in paths]


async def _token(request: web.Request) -> web.Response:
    body, pairs = await read_body(request)
    try:
        params = read_params(request.rel_url.raw_query_string, request.content_type, body, pairs)
        portal, pair = _granted(request, {name: value for name, value in params.items() if isinstance(value, str)})
    except RestError as error:
        for portal in _portals(request):
            portal.apps.count_refusal(error.problem.code)
        return json_body(error.problem.body(), error.problem.status)
    return json_body(_answer(request, portal, pair))


def _portals(request: web.Request) -> list[Portal]:
    portals = request.app[PORTALS]
    name = request.match_info.get("portal")
    if name is None:
        return list(portals.values())
    return [portals[name]] if name in portals else []


def _granted(request: web.Request, params: dict[str, str]) -> tuple[Portal, Pair]:
    kind = params.get("grant_type", "")
    token = params.get("refresh_token" if kind == "refresh_token" else "code", "")
    if kind not in ("refresh_token", "authorization_code"):
        raise RestError(_UNSUPPORTED)
    if not (token and params.get("client_id")):
        raise RestError(INVALID_REQUEST)
    portals = _portals(request)
    # One application may be installed in several portals: the token tells which one is meant.
    portal = next((item for item in portals if item.apps.holds(token)), None)
    asked = [portal] if portal is not None else portals
    problem = INVALID_GRANT
    for item in asked:
        try:
            app = item.apps.app(params["client_id"], params.get("client_secret", ""))
        except RestError as error:
            problem = error.problem
            continue
        return item, item.apps.refresh(app, token) if kind == "refresh_token" else item.apps.exchange(app, token)
    raise RestError(problem)


def _answer(request: web.Request, portal: Portal, pair: Pair) -> dict[str, Any]:
    """The documented answer; `expires_in` is in the portal's seconds, `expires` the moment in real unix time."""
    root = f"{request.scheme}://{request.host}"
    place = "" if portal.is_default else f"/{portal.name}"
    return {
        "access_token": pair.access,
        "expires": int(pair.until),
        "expires_in": int(portal.apps.lifetime),
        "scope": ",".join(sorted(pair.app.scopes)),
        "domain": request.host,
        "server_endpoint": f"{root}/rest/",
        "status": "L",
        "client_endpoint": f"{root}{place}/rest/",
        "member_id": hashlib.md5(portal.name.encode(), usedforsecurity=False).hexdigest(),
        "user_id": int(pair.user) if pair.user.isdigit() else 1,
        "refresh_token": pair.refresh,
    }
