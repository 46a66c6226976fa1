"""What an answer of Elasticsearch means, decided here alone.

| answer | meaning |
|---|---|
| 2xx | written |
| 409 | a newer version is there: as good as written |
| 404 on an alias | MissingIndex: it is made, then tried again |
| index or cluster read-only (flood stage, a write block) | Blocked: waits, health tells it |
| 401, 403 | Auth: waits, health tells it |
| 429 | Throttled: tried again |
| 413 | TooLarge, Permanent |
| other 4xx (a mapping conflict, an impossible id) | Permanent: dead letter with Elasticsearch's reason |
| Permanent for a whole request | sent again in halves, until it is one document's |
| another product, a proxy that knows no such address | Blocked |
| 5xx, no connection, no answer in time | Transient: tried again; a repeat is harmless because of the versions |
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from elastic_transport import ApiError, ConnectionTimeout, TlsError, TransportError

from pipeline.delivery.errors import Auth, Blocked, Permanent, PipelineError, Throttled, Transient

__all__ = ["AlreadyThere", "MissingIndex", "TooLarge", "of_exception", "of_item"]

_LONGEST = 1000
#: a reason may quote a value of any length, and the cause below it tells what is wrong
_LONGEST_CAUSE = 250


#: answers that mean the same whoever gives them
_OF_ANYBODY = frozenset({401, 403, 408, 413, 429})


class MissingIndex(Transient):
    """The alias is not there."""


class AlreadyThere(Permanent):
    """The index that was to be made exists."""


class TooLarge(Permanent):
    """The request is longer than Elasticsearch takes."""


def of_item(status: int, error: Any) -> PipelineError | None:
    """The meaning of one line of a bulk answer; None = the document, or a newer one, is in the index."""
    if status < 300 or status == 409:
        return None
    return _error(status, *_reason(error))


def of_exception(error: Exception) -> PipelineError:
    """The meaning of a request that failed as a whole."""
    if isinstance(error, ApiError):
        body = error.body
        cause = body.get("error") if isinstance(body, Mapping) else None
        status = error.meta.status
        if not isinstance(cause, Mapping) and (status < 300 or 400 <= status < 500) and status not in _OF_ANYBODY:
            # a proxy, another product: nothing that is said about a document
            return Blocked(f"what answers at ES_URL is no Elasticsearch ({status}): {_cut(error.message)}")
        return _error(status, *_reason(cause if cause is not None else str(error.message)))
    if isinstance(error, TlsError):
        return Transient(f"Elasticsearch's certificate is not accepted: {_cut(error.message)}")
    if isinstance(error, ConnectionTimeout):
        return Transient("Elasticsearch did not answer in time")
    if isinstance(error, TransportError):
        return Transient(f"Elasticsearch cannot be reached: {_cut(error.message)}")
    raise error


def _error(status: int, kind: str, reason: str) -> PipelineError:
    if kind == "cluster_block_exception":
        return Blocked(f"Elasticsearch takes no documents: {reason}")
    if status == 404 and kind in ("index_not_found_exception", "aliases_not_found_exception"):
        return MissingIndex(reason)
    if kind == "resource_already_exists_exception":
        return AlreadyThere(reason)
    if status in (401, 403):
        return Auth(f"Elasticsearch refuses our login or its rights ({status}): {reason}")
    if status == 413:
        return TooLarge("the document is longer than Elasticsearch takes in one request")
    if status == 429:
        return Throttled(f"Elasticsearch is overloaded: {reason}")
    if status >= 500 or status == 408:
        return Transient(f"Elasticsearch answers {status}: {reason}")
    return Permanent(f"Elasticsearch refuses the document: {reason}")


def _reason(error: Any) -> tuple[str, str]:
    """Type and reason, with the causes below."""
    if not isinstance(error, Mapping):
        return "", _cut(str(error))
    texts: list[str] = []
    cause: Any = error
    while isinstance(cause, Mapping) and len(texts) < 4:
        text = f"{cause.get('type', '')}: {cause.get('reason') or ''}".removesuffix(": ")[:_LONGEST_CAUSE]
        if text not in texts:
            texts.append(text)
        cause = cause.get("caused_by")
    return str(error.get("type", "")), _cut("; ".join(texts))


def _cut(text: object) -> str:
    return str(text)[:_LONGEST]
