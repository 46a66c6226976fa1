"""HTTP to a portal: one POST a call, an answer or a fault of the taxonomy, and never a token in any text.

What happens to the connection is told apart by one question: had the request begun to leave this machine? If not,
it is safe to repeat (Transient); if so, nobody knows (Unknown). Answers are judged in outcomes.py.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import Any
from urllib.parse import unquote, urlsplit

import aiohttp
from yarl import URL

from pipeline.portal.wire.access import Access
from pipeline.portal.wire.faults import Answer, Moved, PortalFault, PortalOversize, PortalTransient, PortalUnknown
from pipeline.portal.wire.outcomes import judge

__all__ = ["PortalClient"]

log = logging.getLogger(__name__)

#: Seconds; below the idle limit of usual servers (5 and more), so that a call seldom meets a closing connection.
KEEP_ALIVE = 4.0
#: An answer that is too long is read on up to here, to say how long it was; bytes.
COUNT_BOUND = 256 * 1024 * 1024
#: Bytes of one header line of an answer; proxies of big installations write long ones.
LONGEST_HEADER = 65_536
_ADDRESS = re.compile(r"https?://[^\s'\"]+")
_LONGEST_REASON = 500
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
#: Shorter tokens are no secrets, and would be found in any text.
SHORTEST_SECRET = 6

try:
    _VERSION = version("pipeline-bus")
except PackageNotFoundError:  # run from a source tree
    _VERSION = "0"
_HEADERS = {
    "Content-Type": "application/json",
    "Accept": "application/json",
    "User-Agent": f"pipeline-bus/{_VERSION} (aiohttp/{aiohttp.__version__})",
}


@dataclass(slots=True)
class _Reading:
    """How far a call has come."""

    sent: bool = False
    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytearray = field(default_factory=bytearray)
    length: int = 0
    exact: bool = False


async def _mark_sent(session: object, context: Any, params: object) -> None:
    """Hook of aiohttp, called when the headers are about to be written; a proxy's CONNECT has none."""
    context.trace_request_ctx.sent = True


class PortalClient:
    """Connections to portals, of one or of many. Closed with `close()`."""

    def __init__(self, *, request_timeout: float, connect_timeout: float, answer_limit: int) -> None:
        """Seconds; `answer_limit`: longest answer that is passed on, in bytes.

        `HTTPS_PROXY`, `NO_PROXY` and `SSL_CERT_FILE` of the environment are heeded; loopback needs no proxy.
        """
        self._total = connect_timeout + request_timeout
        self._limit = answer_limit
        self._moved: dict[str, str] = {}
        self._timeout = aiohttp.ClientTimeout(
            total=None, sock_connect=connect_timeout, connect=connect_timeout, sock_read=request_timeout
        )
        #: by: is the portal on this machine?
        self._sessions: dict[bool, aiohttp.ClientSession] = {}

    async def close(self) -> None:
        """Close the connections; a call in flight ends as unknown."""
        for session in self._sessions.values():
            await session.close()

    def _session(self, local: bool) -> aiohttp.ClientSession:
        session = self._sessions.get(local)
        if session is None:
            trace = aiohttp.TraceConfig()
            trace.on_request_headers_sent.append(_mark_sent)
            session = self._sessions[local] = aiohttp.ClientSession(
                headers=_HEADERS,
                timeout=self._timeout,
                # How many connections are in use is the callers' business (executor.py): a limit here would be shared
                # by all portals, and one that hangs would hold up the others.
                connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=KEEP_ALIVE),
                # a session cookie of one credential must not go with the calls of another
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=not local,
                trace_configs=[trace],
                max_line_size=LONGEST_HEADER,
                max_field_size=LONGEST_HEADER,
            )
        return session

    @property
    def moved(self) -> dict[str, str]:
        """Address of the settings -> host (and port) that the portal is called at instead, since this process runs."""
        return {address: _host(new) for address, new in self._moved.items()}

    async def call(self, address: str, access: Access, method: str, body: bytes) -> Answer:
        """POST the body (JSON; empty = no parameters) to the method, once, with this access.

        `address` is that of the settings, up to /rest/. A portal that says it moved (302) is called again at its new
        host, once; from then on it is called there (Bitrix24: change-domen.md).

        Raises:
            PortalFault: always one of its subclasses in faults.py; `sent` tells whether anything left.
        """
        try:
            return await self._follow(address, access, method, access.body(body))
        except PortalFault as fault:
            if len(access.token) >= SHORTEST_SECRET:
                fault.redact(access.token)
            raise

    async def _follow(self, address: str, access: Access, method: str, body: bytes) -> Answer:
        base = self._moved.get(address, address)
        tail = access.path(method)
        try:
            return await self._post(base, tail, body)
        except Moved as moved:
            new = _new_base(base, tail, moved.location, same_path=access.is_oauth)
            if new is None:
                raise
        except PortalTransient:
            self._moved.pop(address, None)
            raise
        log.warning("portal %s has moved: calls go to %s now; change the settings", _host(address), _host(new))
        self._moved[address] = new
        return await self._post(new, tail, body)

    async def _post(self, base: str, tail: str, body: bytes) -> Answer:
        reading = _Reading()
        failure: Exception | None = None
        try:
            async with asyncio.timeout(self._total):
                await self._exchange(f"{base.rstrip('/')}/{tail}", body, reading)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            failure = error
        # raised out here, so that no chained exception carries the address along
        executed = 200 <= reading.status < 300
        if reading.length > self._limit and executed and reading.content.lstrip()[:1] == b"{":
            raise _oversize(reading)
        if failure is not None:
            raise _fault(failure, reading, _host(base))
        return judge(reading.status, reading.headers, bytes(reading.content), time.time())

    async def _exchange(self, url: str, body: bytes, reading: _Reading) -> None:
        address = URL(url, encoded=True)
        # two turns of the loop: a connection that the portal has closed meanwhile is noticed before it is used again
        for _ in range(2):
            await asyncio.sleep(0)
        session = self._session((address.host or "") in _LOOPBACK)
        async with session.post(address, data=body, allow_redirects=False, trace_request_ctx=reading) as response:
            reading.status, reading.headers = response.status, response.headers
            async for chunk in response.content.iter_any():
                room = self._limit - len(reading.content)
                reading.content += chunk[: max(room, 0)]
                reading.length += len(chunk)
                if reading.length > self._limit:
                    told = response.headers.get("content-length", "")
                    if told.isdigit() and "content-encoding" not in response.headers:
                        reading.length, reading.exact = int(told), True
                        response.close()
                        return
                    if reading.length > COUNT_BOUND:
                        response.close()
                        return
            reading.exact = True


def _oversize(reading: _Reading) -> PortalOversize:
    length = f"{reading.length} bytes long" if reading.exact else f"longer than {reading.length} bytes"
    return PortalOversize(
        f"executed (HTTP {reading.status}), but the answer is {length}; it will not be executed again",
        length=reading.length,
        exact=reading.exact,
        answer=Answer(reading.status, b""),
    )


def _fault(error: Exception, reading: _Reading, host: str) -> PortalFault:
    # some of aiohttp's texts hold the address, some a picture of the bad line: one line, no address
    reason = " ".join(_ADDRESS.sub(host, str(error)).split())[:_LONGEST_REASON] or type(error).__name__
    if isinstance(error, TimeoutError):
        reason = "no answer in time" if reading.sent else "no connection in time"
    if not reading.sent:
        return PortalTransient(f"{host}: {reason}; nothing was sent", sent=False)
    if reading.status:
        reason = f"the answer (HTTP {reading.status}) broke off: {reason}"
    answer = Answer(reading.status, b"") if reading.status else None
    return PortalUnknown(f"{host}: {reason}; nobody knows whether it was executed", answer=answer)


def _new_base(base: str, tail: str, location: str, *, same_path: bool) -> str | None:
    """The address up to /rest/ that a Location stands for; None when it is no renamed portal.

    It is one when the path still ends in our call: a log-in or maintenance page gets no token. A call by OAuth has
    only its method there, so that its path must not change at all.
    """
    new, old = urlsplit(location), urlsplit(base)
    path, call = unquote(new.path).rstrip("/"), unquote(tail)
    if not new.hostname or not path.endswith(f"/{call}"):
        return None
    if new.scheme != "https" and new.scheme != old.scheme:
        return None
    prefix = path.removesuffix(call)
    if same_path and prefix.rstrip("/") != unquote(old.path).rstrip("/"):
        return None
    found = f"{new.scheme}://{_host(location)}{prefix}"
    return None if found == base else found


def _host(address: str) -> str:
    """Host and port of an address, without login, path and token."""
    return urlsplit(address).netloc.rpartition("@")[2]
