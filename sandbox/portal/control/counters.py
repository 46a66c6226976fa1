"""`/_sandbox/counters`: what a portal did, in numbers."""

from typing import Any

from aiohttp import web

from sandbox.portal.control.common import PORTALS, answer, one_portal
from sandbox.portal.portal import Portal


def routes() -> list[web.RouteDef]:
    """The routes of this file."""
    return [web.get("/_sandbox/counters", _counters)]


async def _counters(request: web.Request) -> web.Response:
    detail = request.query.get("detail") != "0"
    name = request.query.get("portal")
    if name == "*":
        portals = request.app[PORTALS]
        return answer({"portals": {name: counted(portal, detail=detail) for name, portal in portals.items()}})
    return answer(counted(one_portal(request, name), detail=detail))


def counted(portal: Portal, *, detail: bool) -> dict[str, Any]:
    """All counters of a portal; without `detail` those that grow with the number of objects are left out."""
    journal = portal.journal
    now = portal.clock.now()
    counters: dict[str, Any] = {
        "portal": portal.name,
        "scale": portal.clock.scale,
        "requests": journal.requests,
        "in_flight": journal.in_flight,
        "max_in_flight": journal.max_in_flight,
        "refused": journal.errors["QUERY_LIMIT_EXCEEDED"] + journal.errors["OPERATION_TIME_LIMIT"],
        "refused_by": {
            "intensity": portal.bucket.refused,
            "operating": portal.meter.refused,
            "overload": portal.overload.refused,
        },
        "statuses": journal.statuses,
        "errors": journal.errors,
        "command_errors": journal.command_errors,
        "faults": journal.faults,
        "max_level": portal.bucket.max_level,
        "levels": portal.bucket.levels(now),
        "operating": portal.meter.states(now),
        "max_operating": portal.meter.peaks(),
        "operating_limit": portal.meter.limit,
        "executions": journal.executions,
        "failed": journal.failed,
        "writes": journal.written,
        "executed_more_than_once": journal.repeated(),
        "objects": {name: len(table.rows) for name, table in portal.store.tables.items()},
    }
    if detail:
        counters["adds"] = {"by_origin": journal.by_origin, "by_title": journal.by_title}
        counters["external"] = journal.external
    return counters
