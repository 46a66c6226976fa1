"""Renewing tokens at Bitrix24's OAuth server, and the one place that decides what its answers mean.

Asked by POST with a form, as Bitrix24's own CRest does: the documents show a GET, but an address with secrets in it
ends in access logs. Codes: reference: Bitrix24, section 4; RFC 6749, section 5.2.
"""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import orjson

from pipeline.delivery.errors import Transient
from pipeline.portal.wire.faults import PortalAuth
from pipeline.settings import CredentialSettings

__all__ = ["Renewed", "TokenServer"]

#: Seconds that an access token lives, if the server does not say.
LIFETIME = 3600.0
#: Seconds; below the 20 s that a worker has to give up its portals, so that a renewal is never cut off.
REQUEST_TIMEOUT = 12.0
#: Bytes; a real answer has 600.
_LONGEST = 65_536
_LONGEST_TEXT = 200
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})

#: Codes that pass by themselves, in capitals; every other one is about the app, its token or its portal.
_PASSING = frozenset(
    {
        "QUERY_LIMIT_EXCEEDED",
        "INTERNAL_SERVER_ERROR",
        "ERROR_UNEXPECTED_ANSWER",
        "SERVER_ERROR",
        "TEMPORARILY_UNAVAILABLE",
    }
)
_ANEW = "open or install the app in the portal anew and put its new refresh_token into the settings"
_ADVICE = {
    "INVALID_GRANT": f"the refresh token is used up, too old or another app's: {_ANEW}",
    "INVALID_CLIENT": "check client_id and client_secret in the settings",
    "PAYMENT_REQUIRED": "the portal's subscription has ended or does not cover the app",
    "INVALID_SCOPE": "check the rights of the app in the portal",
    "INSUFFICIENT_SCOPE": "check the rights of the app in the portal",
}


@dataclass(frozen=True, slots=True)
class Renewed:
    """A new pair. `lifetime` of the access token in the portal's seconds; `endpoint` "" when it was not told."""

    access: str = field(repr=False)
    refresh: str = field(repr=False)
    lifetime: float
    endpoint: str


class TokenServer:
    """Asks for new tokens, once each time: an hour lies between two renewals, so that no connection is kept."""

    def __init__(self, *, connect_timeout: float, request_timeout: float = REQUEST_TIMEOUT) -> None:
        """Seconds. `HTTPS_PROXY`, `NO_PROXY` and `SSL_CERT_FILE` of the environment are heeded."""
        self._total = connect_timeout + request_timeout
        self._connect = connect_timeout

    async def renew(self, settings: CredentialSettings, refresh: str) -> Renewed:
        """A new pair for a refresh token of the app in the settings; the token is used up by it.

        Raises:
            PortalAuth: with `credential_dead`: it is refused until somebody mends it; the text says how.
            Transient: no answer, or none that can be read; the server may have renewed it all the same. It is no
                PortalFault, as it says nothing about the portal.
        """
        form = {
            "grant_type": "refresh_token",
            "client_id": settings.client_id,
            "client_secret": settings.client_secret.get_secret_value(),
            "refresh_token": refresh,
        }
        address = settings.oauth_server
        server = f"token server {urlsplit(address).netloc.rpartition('@')[2]}"
        failure = ""
        try:
            async with asyncio.timeout(self._total):
                status, body = await self._post(address, form)
        except TimeoutError:
            failure = "no answer in time"
        except (aiohttp.ClientError, OSError, ValueError) as error:
            failure = type(error).__name__
        # raised out here, so that no chained exception carries the form along
        if failure:
            raise Transient(f"{server}: {failure}")
        return _judge(server, status, body, form)

    async def _post(self, address: str, form: dict[str, str]) -> tuple[int, bytes]:
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=self._connect)
        trust_env = urlsplit(address).hostname not in _LOOPBACK
        async with (
            aiohttp.ClientSession(timeout=timeout, trust_env=trust_env) as session,
            session.post(address, data=form, headers={"Accept": "application/json"}, allow_redirects=False) as response,
        ):
            content = bytearray()
            async for chunk in response.content.iter_any():
                content += chunk
                if len(content) > _LONGEST:
                    break
            return response.status, bytes(content)


def _judge(server: str, status: int, body: bytes, form: dict[str, str]) -> Renewed:
    """The new pair of an answer; raises as `renew`. The answer itself goes into no fault: it may hold tokens."""
    try:
        content: Any = orjson.loads(body)
    except orjson.JSONDecodeError:
        content = None
    if not isinstance(content, dict):
        raise Transient(f"{server}: HTTP {status}, and the answer cannot be read")
    if content.get("error") is None and 200 <= status < 300:
        access, following = content.get("access_token"), content.get("refresh_token") or form["refresh_token"]
        if not (isinstance(access, str) and access and isinstance(following, str)):
            raise Transient(f"{server}: HTTP {status}, and no token in the answer")
        endpoint = content.get("client_endpoint")
        return Renewed(access, following, _lifetime(content), endpoint if isinstance(endpoint, str) else "")
    code = _shown(content.get("error"), form)
    text = " ".join(f"{server}: HTTP {status} {code} {_shown(content.get('error_description'), form)}".split())
    if status >= 500 or status in (408, 429) or code.upper() in _PASSING or not code:
        raise Transient(text)
    advice = _ADVICE.get(code.upper(), f"mend it, or {_ANEW}")
    raise PortalAuth(f"{text}; {advice}", code=code, credential_dead=True, sent=False)


def _lifetime(content: dict[str, Any]) -> float:
    try:
        lifetime = float(content["expires_in"])
    except (KeyError, TypeError, ValueError):
        return LIFETIME
    return lifetime if math.isfinite(lifetime) and lifetime > 0 else LIFETIME


def _shown(value: Any, form: dict[str, str]) -> str:
    """Some of a text of the server, which may repeat what it was sent."""
    text = "" if value is None else str(value)
    for secret in (form["client_secret"], form["refresh_token"]):
        text = text.replace(secret, "********")
    return text[:_LONGEST_TEXT]
