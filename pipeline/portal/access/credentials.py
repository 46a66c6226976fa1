"""Which credential a request has, without its token ever entering Kafka (design, section 5, Credentials).

At the edge a token from AMQP headers becomes the name of a configured credential, or is sealed. Where the call is
made it becomes a token again; that of an OAuth app is kept valid by oauth.py.
"""

from __future__ import annotations

import hmac
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass

import orjson

from pipeline.delivery.errors import Auth
from pipeline.portal import methods
from pipeline.portal.access.oauth import OAuth, is_expiry
from pipeline.portal.access.seal import Sealer, identity
from pipeline.portal.wire.access import Access
from pipeline.portal.wire.faults import PortalAuth
from pipeline.settings import CredentialSettings, PortalSettings

__all__ = ["ABSENT", "FOREIGN", "MALFORMED", "Credentials", "Protected", "credential_id"]

#: Problems with the user and token of a request, as they stand in the Kafka header `auth-problem`.
ABSENT = "no-token"
MALFORMED = "bad-token"
FOREIGN = "unknown-token"

#: What may stand between two slashes of an address; all that a portal ever issued fits.
_SEGMENT = re.compile(r"(?!\.+\Z)[A-Za-z0-9._~+=-]{1,256}")


@dataclass(frozen=True, slots=True)
class Protected:
    """What goes into Kafka in a token's place: exactly one of the three is set.

    `credential`: name of a configured one; `sealed`: text of `Sealer.seal`; `problem`: `no-token`, `bad-token`
    (cannot stand in an address), `unknown-token` (not configured, and others are not allowed).
    """

    credential: str | None = None
    sealed: str | None = None
    problem: str | None = None


def credential_id(credential: str | None, sealed: str | None) -> str:
    """Stable and not secret: the same for all requests of a portal that use the same credential."""
    if credential is not None:
        return credential
    return f"sealed:{identity(sealed or '')}"


#: sealed texts kept for reuse, and for how many seconds
_SEALED_KEPT = 1000
_SEALED_FOR = 3600.0
#: Shorter tokens are no secrets, and would be found in any text.
_SHORTEST_SECRET = 6
_LONGEST_TEXT = 300


class Credentials:
    """Credentials of all portals. Portals are named as in the settings."""

    def __init__(
        self,
        portals: Mapping[str, PortalSettings],
        unknown_tokens: bool,
        sealer: Sealer,
        oauth: OAuth | None = None,
    ) -> None:
        """`unknown_tokens`: are tokens accepted that are not configured, where a portal does not say itself?

        `oauth` is needed where calls are made, if a portal has an OAuth app.
        """
        self._portals = dict(portals)
        self._unknown_tokens = unknown_tokens
        self._sealer = sealer
        self._oauth = oauth
        #: portal -> (name, `user/token`) of its configured webhooks
        self._known = {
            portal: [
                (name, f"{known.user}/{known.token.get_secret_value()}".encode())
                for name, known in settings.credentials.items()
                if not known.is_oauth
            ]
            for portal, settings in portals.items()
        }
        self._sealed: dict[tuple[str, str], tuple[float, str]] = {}
        self._opened: dict[str, tuple[str, str]] = {}

    @property
    def portals(self) -> Mapping[str, PortalSettings]:
        """The configured portals by name."""
        return self._portals

    def protect(self, portal: str, user: str | None, token: str | None) -> Protected:
        """What stands for this user and token in Kafka. Tokens are compared in constant time."""
        if not user or not token:
            return Protected(problem=ABSENT)
        if _SEGMENT.fullmatch(user) is None or _SEGMENT.fullmatch(token) is None:
            return Protected(problem=MALFORMED)
        found: str | None = None
        given = f"{user}/{token}".encode()
        for name, known in self._known.get(portal, ()):
            if hmac.compare_digest(given, known):
                found = found or name
        if found is not None:
            return Protected(credential=found)
        settings = self._portals.get(portal)
        if settings is None or not self._accepts_unknown(settings):
            return Protected(problem=FOREIGN)
        return Protected(sealed=self._seal(user, token))

    def _seal(self, user: str, token: str) -> str:
        """Sealing costs more than all the rest of an edge: the same token is sealed once an hour."""
        now = time.monotonic()
        held = self._sealed.get((user, token))
        if held is None or held[0] < now:
            if len(self._sealed) >= _SEALED_KEPT:
                self._sealed.clear()
            held = self._sealed[user, token] = (now + _SEALED_FOR, self._sealer.seal(user, token))
        return held[1]

    def _open(self, sealed: str) -> tuple[str, str]:
        opened = self._opened.get(sealed)
        if opened is None:
            if len(self._opened) >= _SEALED_KEPT:
                self._opened.clear()
            opened = self._opened[sealed] = self._sealer.open(sealed)
        return opened

    async def access(self, portal: str, credential: str | None, sealed: str | None) -> Access:
        """What a call with this credential is made with; an OAuth app's token is renewed first where it must be.

        Raises:
            Auth: no such portal or credential, unknown tokens are not accepted, or sealed with another key. A
                PortalAuth with `credential_dead` and not `sent`: the token server refuses to renew the token.
            Transient: the token server, or Kafka, is away; no PortalFault, as it says nothing about the portal.
            Lost: the portal is not ours any more.
        """
        settings = self._settings(portal)
        if credential is not None:
            known = self._configured(portal, credential)
            if not known.is_oauth:
                return Access.webhook(known.user, known.token.get_secret_value())
            assert self._oauth is not None, "this process makes no calls"
            return Access.oauth(await self._oauth.access(portal, credential))
        if sealed is None:
            raise Auth("the request names no credential")
        if not self._accepts_unknown(settings):
            raise Auth(f"portal {portal!r} takes no tokens that are not in the settings")
        return Access.webhook(*self._open(sealed))

    def refused(self, portal: str, credential: str | None, access: Access, fault: PortalAuth) -> bool:
        """The portal refused a call: is it to be made again, at once, with a new `access`? Nothing was executed.

        False: the fault stands (a webhook, another fault than a token's, a token that was got only just now).
        """
        if credential is None or not access.is_oauth or self._oauth is None or not is_expiry(fault):
            return False
        return self._oauth.expired(portal, credential, access.token)

    def without_secrets(self, portal: str, credential: str, access: Access | None, text: str) -> str:
        """A text about a configured credential that may be shown: one line of at most 300 characters.

        `access`: what the call was made with, None = none was made.
        """
        known = self._configured(portal, credential)
        secrets = [field.get_secret_value() for field in (known.token, known.client_secret, known.refresh_token)]
        secrets += [access.token] if access is not None else []
        for secret in sorted(secrets, key=len, reverse=True):
            if len(secret) >= _SHORTEST_SECRET:
                text = text.replace(secret, "********")
        return " ".join(text.split())[:_LONGEST_TEXT]

    def allowed(self, portal: str, credential: str | None, method: str, body: bytes) -> bool:
        """May this credential (None = a token that is not configured) call the method with this JSON body?

        A `batch` is allowed when every command in it is. Raises Auth: no such portal or credential.
        """
        settings = self._settings(portal)
        allow_list = settings.unknown_methods
        if credential is not None:
            allow_list = self._configured(portal, credential).methods
        params = orjson.loads(body or b"{}") if methods.canonical(method) == methods.BATCH else None
        return methods.is_allowed(method, params, allow_list)

    def _settings(self, portal: str) -> PortalSettings:
        settings = self._portals.get(portal)
        if settings is None:
            raise Auth(f"there is no portal {portal!r} in the settings")
        return settings

    def _configured(self, portal: str, credential: str) -> CredentialSettings:
        known = self._settings(portal).credentials.get(credential)
        if known is None:
            raise Auth(f"portal {portal!r} has no credential {credential!r} in the settings")
        return known

    def _accepts_unknown(self, settings: PortalSettings) -> bool:
        own = settings.unknown_tokens
        return self._unknown_tokens if own is None else own
