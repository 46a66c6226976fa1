"""From an AMQP message of the request queue to a record of the request topic. Pure.

Nothing is judged here and nothing refused: what is wrong is found at intake (inspect.py) and answered there. Only
the token must not get past this point: it becomes a credential's name, or is sealed.

Kafka headers, all text: `source` (amqp), `portal` (as asked for, else `default`), `method`, `user`, one of
`credential` | `sealed` | `auth-problem`, `amqp-exchange`, `amqp-routing-key`, `amqp-queue`, `amqp-message-id`,
`amqp-correlation-id`, `amqp-reply-to`, `amqp-content-type`, `amqp-timestamp` (unix seconds), `amqp-redelivered` (1),
`amqp-header-<name>` for other headers; `body-length` and `body-sha256` in place of a body that Kafka cannot take.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import orjson

from pipeline.delivery.records import Record
from pipeline.portal.access.credentials import MALFORMED, Credentials, Protected
from pipeline.settings import DEFAULT_PORTAL
from pipeline.topology import REQUESTS_INTERACTIVE

__all__ = ["HEADER_ROOM", "AmqpMessage", "to_record"]

#: Bytes of a record that headers and framing may need; the limits below keep well within it.
HEADER_ROOM = 128 * 1024
METHOD_LIMIT = 500
TEXT_LIMIT = 300
EXTRA_COUNT = 40
EXTRA_LIMIT = 1000

_OURS = frozenset({"method", "user", "token", "portal"})
#: Headers of such names are dropped: what they hold must not lie in a topic.
_SECRET_NAME = re.compile(r"token|secret|passw|authori[sz]ation|api-?key|cookie", re.IGNORECASE)


@dataclass(slots=True)  # frozen would cost 2 us a message
class AmqpMessage:
    """A delivery of RabbitMQ, in plain values. Properties that the message lacks are None. Nobody changes it."""

    exchange: str
    routing_key: str
    queue: str
    headers: Mapping[str, object]
    message_id: str | None
    correlation_id: str | None
    reply_to: str | None
    content_type: str | None
    timestamp: datetime | int | float | None
    redelivered: bool
    body: bytes


def to_record(message: AmqpMessage, credentials: Credentials, message_limit: int) -> Record:
    """The record for topic portal.requests.interactive; its key is the portal's name.

    `message_limit`: longest Kafka record, in bytes. A body that does not fit is replaced by length and hash.
    """
    token = _text(message.headers.get("token"))
    given = message.headers.get("portal")
    asked = "" if given is None else _any_text(given)
    portal = _cut(asked, TEXT_LIMIT) if asked else DEFAULT_PORTAL
    headers = {"source": "amqp", "portal": portal}
    _call(headers, message.headers, portal, token, credentials)
    _properties(headers, message)
    _extra(headers, message.headers, token)
    value = message.body
    if len(value) > message_limit - HEADER_ROOM:
        headers["body-length"] = str(len(value))
        headers["body-sha256"] = hashlib.sha256(value).hexdigest()
        value = b""
    return Record(REQUESTS_INTERACTIVE, value, key=portal.encode(), headers=headers)


def _call(
    headers: dict[str, str], given: Mapping[str, object], portal: str, token: str | None, credentials: Credentials
) -> None:
    method, user = _text(given.get("method")), _text(given.get("user"))
    if method is not None:
        headers["method"] = _cut(method, METHOD_LIMIT)
    if user is not None:
        headers["user"] = _cut(user, TEXT_LIMIT)
    protected = credentials.protect(portal, user, token)
    if (user is None and given.get("user") is not None) or (token is None and given.get("token") is not None):
        protected = Protected(problem=MALFORMED)
    if protected.credential is not None:
        headers["credential"] = protected.credential
    if protected.sealed is not None:
        headers["sealed"] = protected.sealed
    if protected.problem is not None:
        headers["auth-problem"] = protected.problem


def _properties(headers: dict[str, str], message: AmqpMessage) -> None:
    # no cut that could change an address or an id: AMQP limits these to 255 bytes itself
    for name, text in (
        ("amqp-exchange", message.exchange),
        ("amqp-routing-key", message.routing_key),
        ("amqp-queue", message.queue),
        ("amqp-message-id", message.message_id),
        ("amqp-correlation-id", message.correlation_id),
        ("amqp-reply-to", message.reply_to),
        ("amqp-content-type", message.content_type),
    ):
        if text is not None:
            headers[name] = _clean(text)
    timestamp = message.timestamp
    if timestamp is not None:
        headers["amqp-timestamp"] = f"{timestamp.timestamp() if isinstance(timestamp, datetime) else timestamp:.0f}"
    if message.redelivered:
        headers["amqp-redelivered"] = "1"


def _extra(headers: dict[str, str], given: Mapping[str, object], token: str | None) -> None:
    count = 0
    for name, value in given.items():
        if name.lower() in _OURS or _SECRET_NAME.search(name):
            continue
        text = _any_text(value)
        if token and len(token) > 3 and (token in text or token in name):
            continue
        headers[f"amqp-header-{_cut(name, 255)}"] = _cut(text, EXTRA_LIMIT)
        count += 1
        if count == EXTRA_COUNT:
            break


def _text(value: object) -> str | None:
    """A header that must be text; publishers also send bytes and integers. Anything else is None."""
    if isinstance(value, bytes | bytearray):
        return bytes(value).decode("utf-8", "backslashreplace")
    if isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool)):
        return _clean(str(value))
    return None


def _any_text(value: object) -> str:
    text = _text(value)
    if text is not None:
        return text
    try:
        return orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
    except (TypeError, ValueError):
        return _clean(str(value))


def _clean(text: str) -> str:
    """Text that UTF-8 can carry: lone surrogates are shown escaped."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"
