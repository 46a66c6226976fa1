"""The one place that decides what a portal's answer means: done, or which error of the taxonomy.

The code decides first, whatever the HTTP status (OVERLOAD_LIMIT was seen with 503 and with 401); an answer without
a known code is judged by its status. Source: Bitrix24's `_includes/system-errors.md` and the pages of its methods.
`result_error` inside the answer of a `batch` is not judged here: it belongs to the commands.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from enum import Enum, auto
from typing import Any

import orjson

from pipeline.portal.wire.faults import (
    Answer,
    Moved,
    PortalAuth,
    PortalBlocked,
    PortalFault,
    PortalPermanent,
    PortalThrottled,
    PortalUnknown,
)

__all__ = ["is_about_tariff", "judge"]


class _Means(Enum):
    BUSY = auto()  # the portal's intensity limit; not executed
    METHOD_BUSY = auto()  # this method's operating limit for this credential; not executed
    BLOCKED = auto()  # the portal is closed to us
    DEAD = auto()  # the credential can do nothing any more
    RIGHTS = auto()  # the credential may not do this
    PERMANENT = auto()  # looked at and refused
    UNKNOWN = auto()  # executed or not: nobody knows


#: Codes in capitals. What is not listed is judged by the status.
_CODES: dict[str, _Means] = {
    "QUERY_LIMIT_EXCEEDED": _Means.BUSY,
    "OPERATION_TIME_LIMIT": _Means.METHOD_BUSY,
    "OVERLOAD_LIMIT": _Means.BLOCKED,
    "PORTAL_DELETED": _Means.BLOCKED,
    "NO_AUTH_FOUND": _Means.DEAD,
    "INVALID_CREDENTIALS": _Means.DEAD,
    "EXPIRED_TOKEN": _Means.DEAD,
    "INVALID_TOKEN": _Means.DEAD,
    "AUTHORIZATION_ERROR": _Means.DEAD,
    "APPLICATION_NOT_FOUND": _Means.DEAD,
    "ERROR_OAUTH": _Means.DEAD,
    "PAYMENT_REQUIRED": _Means.DEAD,
    "USER_ACCESS_ERROR": _Means.RIGHTS,
    "INSUFFICIENT_SCOPE": _Means.RIGHTS,
    "ALLOWED_ONLY_INTRANET_USER": _Means.RIGHTS,
    "WRONG_AUTH_TYPE": _Means.RIGHTS,
    "METHOD_CONFIRM_WAITING": _Means.RIGHTS,
    "METHOD_CONFIRM_DENIED": _Means.RIGHTS,
    "ERROR_METHOD_NOT_FOUND": _Means.PERMANENT,
    "ERROR_MANIFEST_IS_NOT_AVAILABLE": _Means.PERMANENT,
    "ERROR_BATCH_METHOD_NOT_ALLOWED": _Means.PERMANENT,
    "ERROR_BATCH_LENGTH_EXCEEDED": _Means.PERMANENT,
    "INVALID_REQUEST": _Means.PERMANENT,
    "INTERNAL_SERVER_ERROR": _Means.UNKNOWN,
    "ERROR_UNEXPECTED_ANSWER": _Means.UNKNOWN,
}

#: Codes of an object that is not there: crm.item, sale.order, catalog.product.
_MISSING = frozenset({"NOT_FOUND", "ERROR_NOT_FOUND", "200540400001"})
#: an information block that is not there, not the object
_NOT_THE_OBJECT = frozenset({"200040300000"})
_ABSENT = re.compile(r"\bnot found\b|\bdoes not exist|не найден|не существует", re.IGNORECASE)

#: ACCESS_DENIED with HTTP 403 and one of these: no tariff, so no REST at all for anybody.
_NO_TARIFF = ("commercial plan", "коммерческ")
_REDIRECTS = frozenset({301, 302, 307, 308})
_TEXT_LIMIT = 500


def judge(status: int, headers: Mapping[str, str], body: bytes, now: float) -> Answer:
    """The answer of a call that was executed.

    Args:
        status: HTTP status.
        headers: of the HTTP answer; names in any case.
        body: decompressed.
        now: unix time in seconds, to make `Retry-After` a time.

    Raises:
        PortalThrottled, PortalAuth, PortalBlocked, PortalPermanent, PortalUnknown, Moved: see faults.py; each
        carries the answer and the portal's code.
    """
    answer = Answer(status, body)
    if status in _REDIRECTS and (location := _header(headers, "location")):
        raise Moved(f"HTTP {status}: the portal has another address", location=location, answer=answer)
    content = _parse(body)
    if not isinstance(content, dict) or content.get("error") is None:
        if 200 <= status < 300:
            if isinstance(content, dict):
                return answer
            raise PortalUnknown(f"HTTP {status}, but the answer is not in JSON", answer=answer)
        raise _by_status(status, f"HTTP {status} without an error code", "", answer, headers, now)
    code, description = _error(content)
    text = f"HTTP {status} {code}: {description}" if code else f"HTTP {status}: {description}"
    means = _meaning(status, code, description)
    if means is None:
        raise _by_status(status, text, code, answer, headers, now)
    raise _FAULTS[means](text, code, answer, _retry_after(headers, now))


def is_about_tariff(description: str) -> bool:
    """Does the text of an ACCESS_DENIED say that the portal's tariff has no REST, so that nothing will work?"""
    return any(words in description.lower() for words in _NO_TARIFF)


def is_missing(error: BaseException) -> bool:
    """Was a call refused because its object is not there (any more)?

    Old methods say so in words alone, newer ones by NOT_FOUND or a number of their own (pages of the methods).
    """
    if not isinstance(error, PortalPermanent):
        return False
    code = error.code.upper()
    if code in _MISSING or code in _NOT_THE_OBJECT:
        return code in _MISSING
    return (code in ("", "0", "ERROR_CORE", "100") or code.isdigit()) and _ABSENT.search(str(error)) is not None


def _meaning(status: int, code: str, description: str) -> _Means | None:
    if code.upper() == "ACCESS_DENIED" and status == 403:
        # the same code with 400 is about one entity
        return _Means.BLOCKED if is_about_tariff(description) else _Means.RIGHTS
    return _CODES.get(code.upper())


_Maker = Callable[[str, str, Answer, float | None], PortalFault]
_FAULTS: dict[_Means, _Maker] = {
    _Means.BUSY: lambda text, code, answer, until: PortalThrottled(text, code=code, answer=answer, until=until),
    _Means.METHOD_BUSY: lambda text, code, answer, until: PortalThrottled(
        text, code=code, answer=answer, until=until, method_only=True
    ),
    _Means.BLOCKED: lambda text, code, answer, _: PortalBlocked(text, code=code, answer=answer),
    _Means.DEAD: lambda text, code, answer, _: PortalAuth(text, code=code, answer=answer, credential_dead=True),
    _Means.RIGHTS: lambda text, code, answer, _: PortalAuth(text, code=code, answer=answer),
    _Means.PERMANENT: lambda text, code, answer, _: PortalPermanent(text, code=code, answer=answer),
    _Means.UNKNOWN: lambda text, code, answer, _: PortalUnknown(text, code=code, answer=answer),
}


def _by_status(
    status: int, text: str, code: str, answer: Answer, headers: Mapping[str, str], now: float
) -> PortalFault:
    """Without a code that we know: a business error of some method, or a page of something before the portal."""
    if status == 429:
        means = _Means.BUSY
    elif status == 410:
        means = _Means.BLOCKED
    elif status in (401, 403):
        # one request that a firewall dislikes must neither stop the portal nor its credential
        means = _Means.RIGHTS
    elif status == 408 or status >= 500:
        means = _Means.UNKNOWN
    else:
        means = _Means.PERMANENT
    return _FAULTS[means](text, code, answer, _retry_after(headers, now))


def _error(content: dict[str, Any]) -> tuple[str, str]:
    """Code and text. Codes come as text, "" and integers; REST 3.0 wraps both into an object."""
    error = content["error"]
    if isinstance(error, dict):
        code, description = error.get("code", ""), error.get("message", "")
    else:
        code, description = error, content.get("error_description", "")
    return str(code), str(description)[:_TEXT_LIMIT]


def _parse(body: bytes) -> Any:
    try:
        return orjson.loads(body.removeprefix(b"\xef\xbb\xbf"))
    except orjson.JSONDecodeError:
        return None


def _header(headers: Mapping[str, str], wanted: str) -> str | None:
    return next((text for name, text in headers.items() if name.lower() == wanted), None)


def _retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Unix time of a `Retry-After`, in either of its two forms; no portal was seen to send one (bitrix24.md 1.1)."""
    text = (_header(headers, "retry-after") or "").strip()
    if not text:
        return None
    if text.isascii() and text.isdigit():
        return now + min(int(text), 86_400)
    try:
        return min(max(parsedate_to_datetime(text).timestamp(), now), now + 86_400)
    except ValueError:
        return None
