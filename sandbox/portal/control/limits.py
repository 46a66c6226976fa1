"""`/_sandbox/load`, `overload`: what others do to the limits, and the block by hand."""

from aiohttp import web

from sandbox.portal.control.common import answer, given_object, number, one_portal, some_portals, wrong

FOREIGN = "another"
"""The other application or webhook that foreign load stands for."""


def routes() -> list[web.RouteDef]:
    """The routes of this file."""
    return [web.post("/_sandbox/load", _load), web.post("/_sandbox/overload", _overload)]


async def _load(request: web.Request) -> web.Response:
    """Operating seconds of a method, and requests in the bucket, as if another program had caused them."""
    known = ("portal", "method", "seconds", "user", "requests", "source")
    given = await given_object(request, "a load", known)
    portal = one_portal(request, given.get("portal"))
    now = portal.clock.now()
    loaded: dict[str, object] = {}
    if "method" in given:
        method = portal.methods.get(str(given["method"]).lower())
        if method is None:
            raise wrong(f"no method {given['method']!r}")
        user = str(given.get("user", FOREIGN))
        budgets = [portal.budget(item, method.name) for item in portal.auth.known() if item.name == user]
        if not budgets and "user" in given:
            raise wrong(f"no webhook or application of {user!r} is known")
        seconds = portal.clock.scaled(number(given, "seconds", 0.0))
        for budget in budgets or [portal.foreign_budget(user, method.name)]:
            portal.meter.charge(budget, now, seconds)
        loaded["operating"] = portal.meter.states(now)
    if "requests" in given:
        source = str(given.get("source", request.remote or ""))
        loaded["level"] = portal.bucket.pour(source, number(given, "requests", 0.0), now)
    if not loaded:
        raise wrong("a load has method and seconds, or requests, or both")
    return answer(loaded)


async def _overload(request: web.Request) -> web.Response:
    """Blocks a portal by overload, or lifts the block."""
    given = await given_object(request, "a block", ("portal", "on", "status", "users"))
    status = given.get("status")
    if status not in (None, 401, 503):
        raise wrong(f"status is {status!r}; known: 503, 401")
    users = given.get("users") or []
    if not isinstance(users, list):
        raise wrong(f"users is {users!r}; it must be a list")
    portals = some_portals(request, given.get("portal"))
    for portal in portals:
        if given.get("on", True):
            portal.overload.block(frozenset(map(str, users)), status)
        else:
            portal.overload.lift()
    return answer({"on": bool(given.get("on", True)), "portals": [portal.name for portal in portals]})
