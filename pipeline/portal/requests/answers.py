"""What a client gets: the portal's body verbatim where it has one, else an error body in the portal's own form.

Our own errors, as `{"error": CODE, "error_description": text}`:

    BUS_BAD_REQUEST      the message is wrong; nothing was sent to the portal
    BUS_UNAUTHORIZED     no credential, or one that may not do this; nothing was sent to the portal
    BUS_REFUSED          the portal refused for good, without an answer in JSON
    BUS_ANSWER_TOO_LONG  executed, but its answer is longer than a topic carries; it will not be executed again
    BUS_UNKNOWN_OUTCOME  sent, and nobody knows whether it was executed; it will not be repeated
    BUS_PORTAL_BLOCKED   the portal is closed to us as a whole
    BUS_UNAVAILABLE      the portal could not be reached, or was too busy
"""

from __future__ import annotations

from dataclasses import dataclass

import orjson

from pipeline.delivery.errors import (
    Auth,
    BadInput,
    Blocked,
    Oversize,
    Permanent,
    PipelineError,
    Throttled,
    Transient,
    Unknown,
)
from pipeline.delivery.records import Record
from pipeline.portal.wire.faults import Answer, PortalFault
from pipeline.topology import RESULTS

__all__ = ["Reply", "code_of", "error_body", "failed", "succeeded", "to_record"]

#: The first class that fits decides.
_CODES: tuple[tuple[type[PipelineError], str], ...] = (
    (BadInput, "BUS_BAD_REQUEST"),
    (Oversize, "BUS_ANSWER_TOO_LONG"),
    (Permanent, "BUS_REFUSED"),
    (Auth, "BUS_UNAUTHORIZED"),
    (Unknown, "BUS_UNKNOWN_OUTCOME"),
    (Blocked, "BUS_PORTAL_BLOCKED"),
    (Throttled, "BUS_UNAVAILABLE"),
    (Transient, "BUS_UNAVAILABLE"),
)


@dataclass(frozen=True, slots=True)
class Reply:
    """The content of an answer. `status`: the portal's HTTP status, 0 = it gave none; `error_class`: None = done."""

    status: int
    body: bytes
    error_class: str | None = None


def error_body(code: str, text: str) -> bytes:
    """`{"error": CODE, "error_description": text}`."""
    return orjson.dumps({"error": code, "error_description": text})


def code_of(error: PipelineError) -> str:
    """Our code for an error that no JSON answer of the portal stands for."""
    return next((code for kind, code in _CODES if isinstance(error, kind)), "BUS_REFUSED")


def succeeded(answer: Answer) -> Reply:
    """The portal's answer, verbatim."""
    return Reply(answer.status, answer.body)


def failed(error: PipelineError) -> Reply:
    """The portal's error body verbatim when it is a JSON object, else ours: HTML would break a client's parser."""
    answer = error.answer if isinstance(error, PortalFault) else None
    status = answer.status if answer is not None else 0
    if answer is not None and not isinstance(error, Oversize) and _is_json_object(answer.body):
        return Reply(status, answer.body, error.error_class)
    return Reply(status, error_body(code_of(error), str(error)), error.error_class)


def to_record(
    reply: Reply,
    *,
    answer_id: str,
    message_id: str,
    reply_to: str | None,
    correlation_id: str | None,
    portal: str,
    attempts: int,
    source: str,
) -> Record:
    """The record for topic portal.results; built twice from the same input it is the same byte for byte.

    Headers: `answer-id`, `message-id`, `reply-to` and `correlation-id` (where the request had them), `status`,
    `attempts` (calls made to the portal), `portal`, `source`, `error-class` (only when it failed).
    """
    headers = {
        "answer-id": answer_id,
        "message-id": message_id,
        "reply-to": reply_to,
        "correlation-id": correlation_id,
        "status": str(reply.status),
        "attempts": str(attempts),
        "portal": portal,
        "source": source,
        "error-class": reply.error_class,
    }
    given = {name: text for name, text in headers.items() if text is not None}
    return Record(RESULTS, reply.body, key=portal.encode(), headers=given)


def _is_json_object(body: bytes) -> bool:
    try:
        return isinstance(orjson.loads(body), dict)
    except orjson.JSONDecodeError:
        return False
