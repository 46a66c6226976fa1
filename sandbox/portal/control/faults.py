"""`/_sandbox/faults`: what is to break, and what did."""

from aiohttp import web

from sandbox.portal.control.common import FAULTS, answer, given_object, one_portal, whole, wrong
from sandbox.portal.faults import KINDS


def routes() -> list[web.RouteDef]:
    """The routes of this file."""
    return [
        web.get("/_sandbox/faults", _faults),
        web.post("/_sandbox/faults", _add),
        web.delete("/_sandbox/faults", _clear),
    ]


async def _faults(request: web.Request) -> web.Response:
    rules = [rule.shown() for rule in request.app[FAULTS].rules()]
    return answer({"faults": rules, "kinds": {name: kind.about for name, kind in KINDS.items()}})


async def _add(request: web.Request) -> web.Response:
    given = await given_object(request, "a fault, with kind,")
    if given.get("portal") is not None:
        one_portal(request, given["portal"])
    try:
        rule = request.app[FAULTS].add(given)
    except ValueError as error:
        raise wrong(str(error)) from error
    return answer(rule.shown(), 201)


async def _clear(request: web.Request) -> web.Response:
    rule_id = whole(request, "id", 0) or None
    return answer({"cleared": request.app[FAULTS].clear(request.query.get("portal"), rule_id)})
