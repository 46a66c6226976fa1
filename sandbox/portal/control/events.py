"""`/_sandbox/events`: outgoing webhooks, what was delivered, and what goes wrong on the way."""

from typing import Any

from aiohttp import web

from sandbox.portal.control.common import answer, given_object, number, one_portal, some_portals, whole, wrong
from sandbox.portal.events.model import Handler
from sandbox.portal.events.troubles import KINDS
from sandbox.portal.faults import share

_SETTINGS = ("latency", "timeout", "slow", "pause")


def routes() -> list[web.RouteDef]:
    """The routes of this file."""
    return [
        web.get("/_sandbox/events", _events),
        web.post("/_sandbox/events/webhooks", _add_webhook),
        web.delete("/_sandbox/events/webhooks", _remove_webhook),
        web.post("/_sandbox/events/faults", _add_fault),
        web.delete("/_sandbox/events/faults", _clear_faults),
        web.post("/_sandbox/events/settings", _set),
    ]


def _handler(handler: Handler) -> dict[str, Any]:
    names = ("id", "url", "events", "app", "pause")
    return {name: getattr(handler, name) for name in names}


async def _events(request: web.Request) -> web.Response:
    events = one_portal(request, request.query.get("portal")).events
    since, limit = whole(request, "since", 0), whole(request, "limit", 1000)
    log = [item.shown() for item in events.queue.log if item.id > since][: max(limit, 0)]
    return answer(
        {
            "handlers": [_handler(handler) for handler in events.handlers.values()],
            "waiting": events.queue.waiting,
            "outcomes": events.queue.outcomes,
            "deliveries": log,
            "faults": [rule.shown() for rule in events.troubles.rules],
            "settings": {name: getattr(events.settings, name) for name in (*_SETTINGS, "comment_data")},
        }
    )


def _names(given: dict[str, Any], name: str) -> tuple[str, ...]:
    value = given.get(name, [])
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise wrong(f"{name} is a list of texts")
    return tuple(value)


async def _add_webhook(request: web.Request) -> web.Response:
    """The token is shown here alone, as a portal's page shows it to who makes the webhook."""
    given = await given_object(request, "a webhook", ("portal", "url", "events", "token"))
    url = given.get("url")
    if not isinstance(url, str) or not url.startswith(("http://", "https://")):
        raise wrong("url is the address that is called")
    token = given.get("token", "")
    if not isinstance(token, str):
        raise wrong("token is a text")
    events = _names(given, "events") or ("*",)
    handler = one_portal(request, given.get("portal")).events.add(url, events, token=token)
    return answer({**_handler(handler), "application_token": handler.token}, 201)


async def _remove_webhook(request: web.Request) -> web.Response:
    events = one_portal(request, request.query.get("portal")).events
    wanted = whole(request, "id", 0)
    gone = [key for key, item in events.handlers.items() if not item.app and wanted in (0, key)]
    for key in gone:
        del events.handlers[key]
    return answer({"removed": len(gone)})


async def _add_fault(request: web.Request) -> web.Response:
    given = await given_object(request, "a fault", ("portal", "kind", "events", "probability", "count"))
    kind = given.get("kind")
    if kind not in KINDS:
        raise wrong(f"kind is one of: {', '.join(KINDS)}")
    count = None if given.get("count") is None else int(number(given, "count", 0))
    try:
        probability = share(given, "probability", 1.0)
    except ValueError as error:
        raise wrong(str(error)) from error
    troubles = one_portal(request, given.get("portal")).events.troubles
    rule = troubles.add(kind, _names(given, "events"), probability, count)
    return answer(rule.shown(), 201)


async def _clear_faults(request: web.Request) -> web.Response:
    portals = some_portals(request, request.query.get("portal"))
    return answer({"cleared": sum(portal.events.troubles.clear() for portal in portals)})


async def _set(request: web.Request) -> web.Response:
    given = await given_object(request, "settings", ("portal", *_SETTINGS, "comment_data"))
    settings = one_portal(request, given.get("portal")).events.settings
    for name in _SETTINGS:
        setattr(settings, name, float(number(given, name, getattr(settings, name))))
    where = given.get("comment_data", settings.comment_data)
    if where not in ("FIELDS", "ID"):
        raise wrong("comment_data is FIELDS or ID")
    settings.comment_data = where
    return answer({name: getattr(settings, name) for name in (*_SETTINGS, "comment_data")})
