"""`event.*` and `event.offline.*`: for applications alone (bitrix24.md, section 5)."""

from collections.abc import Iterator
from typing import Any

from sandbox.portal.errors import Problem, RestError
from sandbox.portal.events.events import Subscription
from sandbox.portal.events.offline import RESERVED, Record
from sandbox.portal.fields import integer
from sandbox.portal.fields.casts import scalar
from sandbox.portal.listing.tests import split
from sandbox.portal.methods.spec import Call, Method, Reply, read_params
from sandbox.portal.php import as_map
from sandbox.portal.portal import Portal

_LIMIT = 50
_TEST = "ONAPPTEST"


def methods() -> Iterator[Method]:
    """The methods of this file."""
    yield Method("events", _events, result="rows")
    for verb, run, params, result in (
        ("bind", _bind, "", "true"),
        ("unbind", _unbind, "", "{count}"),
        ("get", _get, "", "rows"),
        ("test", _test, "", "true"),
        ("offline.get", _offline_get, "", "{process_id,events}"),
        ("offline.list", _offline_list, "", "rows"),
        ("offline.clear", _offline_clear, "process_id string", "true"),
        ("offline.error", _offline_error, "process_id string", "true"),
    ):
        yield Method(f"event.{verb}", run, needs_app=True, params=read_params(params), result=result)


_WRITES = ("ADD", "UPDATE", "DELETE")
_CRM = (
    *("DEAL", "COMPANY", "CONTACT", "LEAD", "QUOTE"),
    *("REQUISITE", "BANKDETAIL", "TIMELINECOMMENT", "DYNAMICITEM", "TYPE"),
)
_KNOWN = (
    *(f"ONCRM{name}{verb}" for name in _CRM for verb in _WRITES),
    *("ONCRMDEALMOVETOCATEGORY", "ONCRMADDRESSREGISTER", "ONCRMADDRESSUNREGISTER"),
    *(f"CATALOG.{name}.ON.{verb}" for name in ("PRODUCT", "SECTION", "PRICE") for verb in _WRITES),
    *("ONORDERENTITYSAVED", "ONORDERDELETED", "ONOFFLINEEVENT", _TEST),
)


async def _events(portal: Portal, call: Call) -> Reply:
    return Reply(list(_KNOWN))


def _event(call: Call) -> str:
    event = (scalar(call.param("event")) or "").upper()
    if not event:
        raise RestError(Problem(400, "ERROR_ARGUMENT", "Argument 'EVENT' is null or empty"))
    return event


def _connector(call: Call) -> str:
    return scalar(call.param("auth_connector")) or ""


def _is_offline(call: Call) -> bool:
    return (scalar(call.param("event_type")) or "").lower() == "offline"


async def _bind(portal: Portal, call: Call) -> Reply:
    event, app = _event(call), call.credential.app
    if event not in _KNOWN and not event.startswith("ONCRMDYNAMICITEM"):
        raise RestError(Problem(400, "ERROR_EVENT_NOT_FOUND", "Event not found!"))
    events = portal.events
    if _is_offline(call):
        wish = Subscription(app, event, _connector(call))
        if wish in events.subscriptions:
            raise RestError(_bound_already())
        events.subscriptions.append(wish)
        return Reply(True)
    url = scalar(call.param("handler")) or ""
    if not url:
        raise RestError(Problem(400, "ERROR_ARGUMENT", "Argument 'HANDLER' is null or empty"))
    auth_type = str(integer(call.param("auth_type")) or 0)
    for handler in events.handlers.values():
        if (handler.app, handler.url, handler.events, handler.auth_type) == (app, url, (event,), auth_type):
            raise RestError(_bound_already())
    options = as_map(call.param("options")) or {}
    limit = integer(options.get("minTimeout"))
    known = {} if limit is None else {"minTimeout": max(limit, 0)}
    events.add(url, (event,), app=app, user=call.credential.user, auth_type=auth_type, options=known)
    return Reply(True)


def _bound_already() -> Problem:
    return Problem(400, "ERROR_CORE", "Unable to set event handler: Handler already binded")


async def _unbind(portal: Portal, call: Call) -> Reply:
    event, app = _event(call), call.credential.app
    events = portal.events
    if _is_offline(call):
        wish = Subscription(app, event, _connector(call))
        kept = [item for item in events.subscriptions if item != wish]
        count = len(events.subscriptions) - len(kept)
        events.subscriptions = kept
        return Reply({"count": count})
    url = scalar(call.param("handler")) or ""
    auth_type = call.param("auth_type")
    gone = [
        number
        for number, handler in events.handlers.items()
        if handler.app == app
        and handler.events == (event,)
        and (not url or handler.url == url)
        and (auth_type is None or handler.auth_type == str(integer(auth_type) or 0))
    ]
    for number in gone:
        del events.handlers[number]
    return Reply({"count": len(gone)})


async def _get(portal: Portal, call: Call) -> Reply:
    app = call.credential.app
    online = [
        {"event": name, "handler": handler.url, "auth_type": handler.auth_type, "offline": 0}
        for handler in portal.events.handlers.values()
        if handler.app == app
        for name in handler.events
    ]
    offline = [
        {"event": wish.event, "connector_id": wish.connector, "offline": 1}
        for wish in portal.events.subscriptions
        if wish.app == app
    ]
    return Reply([*online, *offline])


async def _test(portal: Portal, call: Call) -> Reply:
    for handler in portal.events.handlers.values():
        if handler.app == call.credential.app and _TEST in handler.events:
            query = {name: value for name, value in call.params.items() if name not in ("auth", "access_token")}
            portal.events.queue.send(handler, _TEST, {"QUERY": query}, call.credential.user)
    return Reply(True)


def _shown(portal: Portal, record: Record) -> dict[str, Any]:
    return {
        "ID": str(record.id),
        "TIMESTAMP_X": portal.stamps.iso(record.moment),
        "EVENT_NAME": record.event,
        "EVENT_DATA": record.data or False,
        "EVENT_ADDITIONAL": False,
        "MESSAGE_ID": record.message,
    }


def _chosen(portal: Portal, call: Call, records: list[Record]) -> list[Record]:
    """The rows that meet a `filter` on ID, EVENT_NAME or MESSAGE_ID, oldest change first."""
    for key, value in (as_map(call.param("filter")) or {}).items():
        prefix, name = split(key)
        wanted = {scalar(item) for item in (as_map(value) or {"0": value}).values()}
        if name == "ID" and prefix in (">", ">=", "<", "<="):
            bound = integer(value) or 0
            compared = {">": bound.__lt__, ">=": bound.__le__, "<": bound.__gt__, "<=": bound.__ge__}[prefix]
            records = [record for record in records if compared(record.id)]
        elif name in ("ID", "EVENT_NAME", "MESSAGE_ID"):
            negative = prefix.startswith("!")
            records = [record for record in records if (_shown(portal, record)[name] in wanted) != negative]
    order = {name.upper(): str(way).upper() for name, way in (as_map(call.param("order")) or {}).items()}
    if "ID" in order:
        return sorted(records, key=lambda record: record.id, reverse=order["ID"] == "DESC")
    return sorted(records, key=lambda record: record.moment, reverse=order.get("TIMESTAMP_X") == "DESC")


async def _offline_get(portal: Portal, call: Call) -> Reply:
    clock = portal.clock
    events = portal.events
    rows = events.offline.rows(call.credential.app, _connector(call), clock.now())
    process = scalar(call.param("process_id"))
    only_failed = scalar(call.param("error")) == "1"
    free = [item for item in rows if item.process == (process or None) and (item.error or not only_failed)]
    limit = integer(call.param("limit"))
    chosen = _chosen(portal, call, free)[: _LIMIT if limit is None or limit < 1 else limit]
    if process:
        return Reply({"process_id": process, "events": [_shown(portal, record) for record in chosen]})
    clear = scalar(call.param("clear")) != "0"
    taken = events.offline.take(chosen, clear=clear, until=clock.now() + clock.scaled(RESERVED))
    return Reply({"process_id": taken, "events": [_shown(portal, record) for record in chosen]})


async def _offline_list(portal: Portal, call: Call) -> Reply:
    rows = portal.events.offline.rows(call.credential.app, _connector(call), portal.clock.now())
    chosen = _chosen(portal, call, rows)
    first = max(integer(call.param("start")) or 0, 0) // _LIMIT * _LIMIT
    shown = [
        {**_shown(portal, record), "PROCESS_ID": record.process or "", "ERROR": "1" if record.error else "0"}
        for record in chosen[first : first + _LIMIT]
    ]
    return Reply(shown, len(chosen), first + _LIMIT if first + _LIMIT < len(chosen) else None)


def _texts(value: Any) -> set[str] | None:
    given = as_map(value)
    return None if given is None else {scalar(item) or "" for item in given.values()}


async def _offline_clear(portal: Portal, call: Call) -> Reply:
    ids = _texts(call.param("id"))
    numbers = None if ids is None else {integer(item) or 0 for item in ids}
    process = scalar(call.param("process_id")) or ""
    portal.events.offline.clear(call.credential.app, process, numbers, _texts(call.param("message_id")))
    return Reply(True)


async def _offline_error(portal: Portal, call: Call) -> Reply:
    process = scalar(call.param("process_id")) or ""
    portal.events.offline.fail(call.credential.app, process, _texts(call.param("message_id")))
    return Reply(True)
