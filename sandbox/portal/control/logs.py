"""`/_sandbox/executions`, `requests`, `overlap`: what ran when, and for whom."""

from dataclasses import asdict

from aiohttp import web

from sandbox.portal.control.common import answer, one_portal, whole, wrong
from sandbox.portal.requests import KEYS, overlap

_ALL = 100_000


def routes() -> list[web.RouteDef]:
    """The routes of this file."""
    return [
        web.get("/_sandbox/executions", _executions),
        web.get("/_sandbox/requests", _requests),
        web.get("/_sandbox/overlap", _overlap),
    ]


async def _executions(request: web.Request) -> web.Response:
    portal = one_portal(request, request.query.get("portal"))
    since = whole(request, "since", 0)
    journal = portal.journal
    log = journal.log(request.query.get("method"), since, whole(request, "limit", _ALL))
    numbers = dict.fromkeys(entry.request for entry in log)
    spans = {str(number): found for number in numbers if (found := journal.request_log.of(number)) is not None}
    return answer({"portal": portal.name, "executions": log, "next": log[-1].seq if log else since, "requests": spans})


async def _requests(request: web.Request) -> web.Response:
    portal = one_portal(request, request.query.get("portal"))
    since = whole(request, "since", 0)
    log = portal.journal.request_log.since(since, whole(request, "limit", _ALL))
    shown = [{**asdict(entry), "caller": entry.caller} for entry in log]
    return answer({"portal": portal.name, "requests": shown, "next": log[-1].number if log else since})


async def _overlap(request: web.Request) -> web.Response:
    portal = one_portal(request, request.query.get("portal"))
    by = request.query.get("by", "caller")
    if by not in KEYS:
        raise wrong(f"by is {by!r}; known: {', '.join(KEYS)}")
    since = whole(request, "since", 0)
    entries = (entry for entry in portal.journal.request_log if entry.number > since)
    return answer({"portal": portal.name, **overlap(entries, by, portal.clock.now())})
