"""`/_sandbox/oauth`: applications, codes and tokens without a page of consent, and their end."""

from aiohttp import web

from sandbox.portal.control.common import answer, given_object, one_portal, some_portals, wrong
from sandbox.portal.oauth.apps import App
from sandbox.portal.portal import Portal


def routes() -> list[web.RouteDef]:
    """The routes of this file."""
    return [
        web.get("/_sandbox/oauth", _shown),
        web.post("/_sandbox/oauth/code", _code),
        web.post("/_sandbox/oauth/tokens", _tokens),
        web.post("/_sandbox/oauth/expire", _expire),
    ]


async def _shown(request: web.Request) -> web.Response:
    portal = one_portal(request, request.query.get("portal"))
    return answer({"portal": portal.name, "apps": portal.apps.shown(), "refused": portal.apps.refused})


async def _code(request: web.Request) -> web.Response:
    """An authorization code, as the portal's page of consent hands it to the application."""
    portal, app, user = await _asked(request)
    return answer({"code": portal.apps.code(app, user)})


async def _tokens(request: web.Request) -> web.Response:
    """A pair of tokens, as an application gets it when it is installed."""
    portal, app, user = await _asked(request)
    pair = portal.apps.issue(app, user)
    return answer({"access_token": pair.access, "refresh_token": pair.refresh, "expires": pair.until})


async def _expire(request: web.Request) -> web.Response:
    given = await given_object(request, "an expiry", ("portal", "client_id", "refresh"))
    portals = some_portals(request, given.get("portal"))
    refresh = bool(given.get("refresh", False))
    return answer({"expired": sum(item.apps.expire(given.get("client_id"), refresh=refresh) for item in portals)})


async def _asked(request: web.Request) -> tuple[Portal, App, str]:
    given = await given_object(request, "an application", ("portal", "client_id", "user"))
    portal = one_portal(request, given.get("portal"))
    wanted = given.get("client_id")
    app = next((item for item in portal.apps.known() if wanted in (None, item.client_id)), None)
    if app is None:
        raise wrong(f"no application {wanted!r} is known to {portal.name}; --app makes it known")
    return portal, app, str(given.get("user", app.user))
