"""Who may see the pages: a token (setting web_token), or anybody while they listen on loopback only.

The token comes as `Authorization: Bearer …`, or once as `?token=…`, which sets a cookie and leads to the same address
without it. The cookie holds a value derived from the token, not the token. /healthz and /readyz answer everybody.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
from collections.abc import Awaitable, Callable

from aiohttp import web
from pydantic import SecretStr

__all__ = ["AUTHORISED", "COOKIE", "OPEN_PATHS", "Guard", "Refuse"]

COOKIE = "pipeline_session"
COOKIE_SECONDS = 30 * 86_400
OPEN_PATHS = frozenset({"/healthz", "/readyz"})

#: Set on every request: may this visitor see more than states?
AUTHORISED: web.RequestKey[bool] = web.RequestKey("authorised", bool)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Middleware = Callable[[web.Request, Handler], Awaitable[web.StreamResponse]]
Refuse = Callable[[web.Request, int], web.StreamResponse]


class Guard:
    """The check of every request. `bind` says where the pages listen, which the command line may have changed."""

    def __init__(self, token: SecretStr | None, bind: Callable[[], str | None], refuse: Refuse) -> None:
        self._token = None if token is None else token.get_secret_value()
        self._bind = bind
        self._refuse = refuse

    @property
    def middleware(self) -> Middleware:
        """For aiohttp's Application.middlewares."""

        @web.middleware
        async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
            return await self._check(request, handler)

        return guard

    async def _check(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Pass it on, set the cookie, or refuse: 401 = token missing or wrong, 403 = no token is set at all."""
        allowed = self._allowed(request)
        request[AUTHORISED] = allowed
        if request.path in OPEN_PATHS:
            return await handler(request)
        if self._token is None:
            return await handler(request) if allowed else self._refuse(request, 403)
        if request.method == "GET" and "token" in request.query:
            return self._enter(request)
        return await handler(request) if allowed else self._refuse(request, 401)

    def _allowed(self, request: web.Request) -> bool:
        if self._token is None:
            return _is_loopback(self._bind())
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() == "bearer" and _same(given.strip(), self._token):
            return True
        return _same(request.cookies.get(COOKIE, ""), _session(self._token))

    def _enter(self, request: web.Request) -> web.StreamResponse:
        assert self._token is not None
        if not _same(request.query["token"], self._token):
            return self._refuse(request, 401)
        clean = request.rel_url.without_query_params("token")
        # One slash exactly: `//host` would lead to another server.
        response = web.Response(status=303, headers={"Location": "/" + str(clean).lstrip("/\\")})
        response.set_cookie(
            COOKIE,
            _session(self._token),
            max_age=COOKIE_SECONDS,
            path="/",
            httponly=True,
            samesite="Lax",
            secure=request.secure,
        )
        return response


def _session(token: str) -> str:
    return hmac.new(token.encode(), b"pipeline pages", hashlib.sha256).hexdigest()


def _same(given: str, wanted: str) -> bool:
    """Compare in constant time."""
    return hmac.compare_digest(given.encode("utf-8", "replace"), wanted.encode())


def _is_loopback(host: str | None) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False
