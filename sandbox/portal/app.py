"""The HTTP server: addresses to portals, limits before execution, faults in between."""

import logging
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from aiohttp import web

from sandbox.portal import control
from sandbox.portal.breakage import Cut, broken, html, json_body
from sandbox.portal.clock import Clock
from sandbox.portal.control.common import FAULTS, PORTALS, STORE
from sandbox.portal.envelope import success
from sandbox.portal.errors import (
    HTTPS_REQUIRED,
    INTERNAL_SERVER_ERROR,
    QUERY_LIMIT_EXCEEDED,
    GatewayTimeout,
    RestError,
)
from sandbox.portal.faults import FaultBook
from sandbox.portal.log import CallLog
from sandbox.portal.methods import registry
from sandbox.portal.methods.spec import Call
from sandbox.portal.oauth import server as token_server
from sandbox.portal.options import DEFAULT_PORTAL, Options
from sandbox.portal.portal import Portal
from sandbox.portal.requests import Request
from sandbox.portal.status import page
from sandbox.portal.wire import Address, read_address, read_body, read_params, take_token

MAX_BODY = 256 * 2**20
_LOG: web.AppKey[CallLog] = web.AppKey("log", CallLog)

_log = logging.getLogger("sandbox.portal")


def make_app(
    options: Mapping[str, Options], *, scale: float = 1.0, log: CallLog | None = None, store: Path | None = None
) -> web.Application:
    """The server for portals by name; `default` is served under `/rest/`, every one under `/{name}/rest/`.

    `scale` shrinks every constant of the portals: at 60, ten minutes of theirs pass in ten seconds. `store` is the
    file that `/_sandbox/save` writes; the rest of `persistence.py` is the caller's.
    """
    app = web.Application(client_max_size=MAX_BODY)
    faults = FaultBook(scale=scale)
    clock = Clock(scale)
    methods = registry()
    app[FAULTS] = faults
    app[PORTALS] = {name: Portal(name, choice, methods, clock, faults) for name, choice in options.items()}
    app[STORE] = store
    app[_LOG] = log or CallLog()
    for portal in app[PORTALS].values():
        portal.journal.watch = partial(app[_LOG].command, portal.name)
    app.router.add_routes(control.routes())
    app.router.add_routes(control.other_routes())
    app.router.add_routes(token_server.routes())
    app.router.add_routes(page.routes())
    app.router.add_route("*", "/{path:.*}", _rest)
    app.on_shutdown.append(_release)
    app.on_cleanup.append(_close)
    return app


async def _release(app: web.Application) -> None:
    # A hanging request must not hold up the end of the server.
    app[FAULTS].clear()


async def _close(app: web.Application) -> None:
    for portal in app[PORTALS].values():
        await portal.close()


async def _rest(request: web.Request) -> web.StreamResponse:
    address = read_address(request.path)
    portal = request.app[PORTALS].get(address.portal or DEFAULT_PORTAL) if address else None
    if address is None or portal is None:
        return html(404)
    portal.base = f"{request.scheme}://{request.host}" + (f"/{address.portal}" if address.portal else "")
    entry = _arrived(portal, address, request)
    status: int | None = None
    try:
        response = await _guarded(portal, address, request, entry)
        status = response.status
        return response
    except Cut:
        # Nothing of this reaches the client; the connection is gone.
        return web.Response(status=499)
    finally:
        gone = status is not None and request.transport is None
        portal.journal.answered(entry, portal.clock.now(), status, gone=gone)
        request.app[_LOG].request(portal.name, entry, known=address.method in portal.methods)


def _arrived(portal: Portal, address: Address, request: web.Request) -> Request:
    headers = request.headers
    peer = request.transport.get_extra_info("peername") if request.transport is not None else None
    return portal.journal.arrived(
        portal.clock.now(),
        address.method,
        request.remote or "",
        f"{peer[0]}:{peer[1]}" if peer else "",
        headers.get("User-Agent", ""),
        headers.get("X-Worker", ""),
    )


async def _guarded(portal: Portal, address: Address, request: web.Request, entry: Request) -> web.StreamResponse:
    """Errors as a portal words them, in the order of checks of bitrix24.md section 9."""
    try:
        body, pairs = await read_body(request)
        if request.method not in ("GET", "POST"):
            return html(405)
        if portal.options.https_required and not request.secure:
            raise RestError(HTTPS_REQUIRED)
        query = request.rel_url.raw_query_string
        params: dict[str, Any] | None = None
        if address.is_app:
            # An application shows its token among the parameters, so they are read before it is checked.
            params = read_params(query, request.content_type, body, pairs)
            credential = portal.apps.check(take_token(params, request.headers.get("Authorization", "")))
        else:
            credential = portal.auth.check(address.user, address.token)
        portal.overload.check(credential)
        if not portal.bucket.take(entry.source, portal.clock.now()):
            raise RestError(QUERY_LIMIT_EXCEEDED)

        async def run() -> web.Response:
            given = read_params(query, request.content_type, body, pairs) if params is None else params
            call = Call(address.method, given, credential, entry.source, entry.number, pace=portal.pace())
            return await _executed(portal, call)

        rule = portal.faults.pick(portal.name, address.method)
        if rule is None:
            return await run()
        portal.journal.faults[rule.kind] += 1
        return await broken(rule, request, run)
    except RestError as error:
        portal.journal.errors[str(error.problem.code)] += 1
        return json_body(error.problem.body(), error.problem.status)
    except GatewayTimeout:
        portal.journal.errors["GATEWAY_TIMEOUT"] += 1
        return html(504)
    except Cut:
        raise
    except web.HTTPException as error:
        # A body over the size limit or one that breaks HTTP.
        return html(error.status)
    except Exception:
        _log.exception("%s failed", address.method)
        portal.journal.errors["INTERNAL_SERVER_ERROR"] += 1
        return json_body(INTERNAL_SERVER_ERROR.body(), 500)


async def _executed(portal: Portal, call: Call) -> web.Response:
    try:
        outcome = await portal.execute(call)
    finally:
        if call.pace is not None:
            call.pace.close()
    reply = outcome.reply
    return json_body(success(reply.result, reply.next, reply.total, outcome.time))
