"""Applications that a portal knows, and the tokens that they hold (bitrix24.md, section 4)."""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from sandbox.portal.auth import SCOPES, Credential
from sandbox.portal.clock import Clock
from sandbox.portal.errors import EXPIRED_TOKEN, INVALID_TOKEN, NO_AUTH_FOUND, Problem, RestError

ACCESS_LIFETIME = 3600.0
REFRESH_LIFETIME = 180 * 86400.0
CODE_LIFETIME = 30.0
"""The portal's seconds."""

INVALID_REQUEST = Problem(400, "invalid_request", "An incorrectly formatted authorization request was provided")
INVALID_CLIENT = Problem(401, "invalid_client", "Invalid client data was provided")
INVALID_GRANT = Problem(400, "invalid_grant", "Invalid authorization tokens were provided")


@dataclass(frozen=True, slots=True)
class App:
    """An installed application; `refresh_token` is the one that it holds from the start, "" = made up."""

    client_id: str
    client_secret: str = field(repr=False)
    refresh_token: str = field(default="", repr=False)
    user: str = "1"
    scopes: frozenset[str] = SCOPES


@dataclass(slots=True)
class _Grant:
    """A token or a code: whose it is, and until when it counts (unix seconds)."""

    app: App
    user: str
    until: float
    used: bool = False


@dataclass(frozen=True, slots=True)
class Pair:
    """A new access and refresh token; `until` is when the access token expires, unix seconds."""

    app: App
    user: str
    access: str = field(repr=False)
    refresh: str = field(repr=False)
    until: float


class Apps:
    """The applications of one portal.

    A refresh token counts once: `grace` is for how many of the portal's seconds it goes on to count after that.
    Access tokens live `lifetime` of the portal's seconds, whatever becomes of the refresh token.
    """

    def __init__(
        self, apps: Iterable[App], clock: Clock, *, grace: float = 0.0, lifetime: float = ACCESS_LIFETIME
    ) -> None:
        self._apps = {app.client_id: app for app in apps}
        self._clock = clock
        self._grace = grace
        self.lifetime = lifetime
        self.reset()

    def reset(self) -> None:
        """Forget all tokens but those from the start, and the counters."""
        self._access: dict[str, _Grant] = {}
        self._refresh: dict[str, _Grant] = {}
        self._codes: dict[str, _Grant] = {}
        self.refreshes = dict.fromkeys(self._apps, 0)
        self.refused: dict[str, int] = {}
        for app in self._apps.values():
            if app.refresh_token:
                self._refresh[app.refresh_token] = _Grant(app, app.user, self._after(REFRESH_LIFETIME))

    def known(self) -> Iterable[App]:
        """The applications."""
        return tuple(self._apps.values())

    def check(self, token: str | None) -> Credential:
        """Who calls with this access token; raises `RestError` 401 NO_AUTH_FOUND, invalid_token or expired_token."""
        if not token:
            raise RestError(NO_AUTH_FOUND)
        grant = self._access.get(token)
        if grant is None:
            raise RestError(INVALID_TOKEN)
        if grant.until <= self._clock.now():
            raise RestError(EXPIRED_TOKEN)
        return Credential(grant.user, token, grant.app.scopes, grant.app.client_id)

    def app(self, client_id: str, client_secret: str) -> App:
        """The application of this id and secret; raises `RestError` 401 invalid_client."""
        app = self._apps.get(client_id)
        if app is None or not secrets.compare_digest(app.client_secret.encode(), client_secret.encode()):
            raise RestError(INVALID_CLIENT)
        return app

    def holds(self, token: str) -> bool:
        """Whether this is a refresh token or a code of this portal, valid or not."""
        return token in self._refresh or token in self._codes

    def refresh(self, app: App, token: str) -> Pair:
        """A new pair for a refresh token, which is used up; raises `RestError` 400 invalid_grant."""
        grant = self._granted(self._refresh, app, token)
        if not grant.used:
            grant.used = True
            grant.until = min(grant.until, self._after(self._grace))
        self.refreshes[app.client_id] += 1
        return self.issue(app, grant.user)

    def exchange(self, app: App, code: str) -> Pair:
        """A pair for an authorization code, which is used up; raises `RestError` 400 invalid_grant."""
        grant = self._granted(self._codes, app, code)
        del self._codes[code]
        return self.issue(app, grant.user)

    def issue(self, app: App, user: str) -> Pair:
        """A pair as after an installation."""
        pair = Pair(app, user, secrets.token_hex(35), secrets.token_hex(35), self._after(self.lifetime))
        self._access[pair.access] = _Grant(app, user, pair.until)
        self._refresh[pair.refresh] = _Grant(app, user, self._after(REFRESH_LIFETIME))
        return pair

    def code(self, app: App, user: str) -> str:
        """A code as a portal's page of consent gives it; it counts for 30 seconds."""
        code = secrets.token_hex(35)
        self._codes[code] = _Grant(app, user, self._after(CODE_LIFETIME))
        return code

    def expire(self, client_id: str | None = None, *, refresh: bool = False) -> int:
        """End the access tokens (and refresh tokens) of one application or all; returns how many still counted."""
        now = self._clock.now()
        ended = 0
        for grants in (self._access, self._refresh) if refresh else (self._access,):
            for grant in grants.values():
                if grant.until > now and client_id in (None, grant.app.client_id):
                    grant.until = now
                    ended += 1
        return ended

    def count_refusal(self, code: str | int) -> None:
        """Count a refusal of the token server."""
        self.refused[str(code)] = self.refused.get(str(code), 0) + 1

    def shown(self) -> list[dict[str, Any]]:
        """The applications with counters; no token."""
        now = self._clock.now()
        return [
            {
                "client_id": app.client_id,
                "user": app.user,
                "refreshes": self.refreshes[app.client_id],
                "access_tokens": _alive(self._access, app, now),
                "refresh_tokens": _alive(self._refresh, app, now),
            }
            for app in self._apps.values()
        ]

    def dump(self) -> dict[str, Any]:
        """The tokens as JSON values, for `load`."""
        kept = {"access": self._access, "refresh": self._refresh}
        return {
            kind: {token: [grant.app.client_id, grant.user, grant.until, grant.used] for token, grant in grants.items()}
            for kind, grants in kept.items()
        }

    def load(self, state: dict[str, Any]) -> None:
        """Take over what `dump` gave, for the applications that are still known."""
        for kind, grants in (("access", self._access), ("refresh", self._refresh)):
            for token, (client_id, user, until, used) in state.get(kind, {}).items():
                if client_id in self._apps:
                    grants[token] = _Grant(self._apps[client_id], user, until, used)

    def _granted(self, grants: dict[str, _Grant], app: App, token: str) -> _Grant:
        grant = grants.get(token)
        if grant is None or grant.app is not app or grant.until <= self._clock.now():
            raise RestError(INVALID_GRANT)
        return grant

    def _after(self, seconds: float) -> float:
        return self._clock.now() + self._clock.scaled(seconds)


def _alive(grants: dict[str, _Grant], app: App, now: float) -> int:
    return sum(grant.app is app and grant.until > now for grant in grants.values())
