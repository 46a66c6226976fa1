"""A request as a row of the table `requests`, and the keys of that table.

    r/<lane>/<epoch>/<offset>   the request: a state letter, JSON, a line feed, the body (gone when it is done)
    a/<lane>                    {"epoch", "offset", "low"}: every record up to that offset has had its row,
                                every request before the key `low` is done
    b/<portal>                  {"empty_at"}: when the portal's bucket, as we fill it, will be empty
    m/<hash>                    key of the newest request with that message id and content

States (design, section 5): waiting -> sent -> done. `sent` is written before a call that changes something; what a
crash leaves as `sent` has an unknown outcome, and is settled. Lanes are `i` (interactive) and `b` (bulk).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, fields, replace
from typing import Any

import orjson

from pipeline.delivery.runs import passed_on
from pipeline.portal.requests.inspect import Request
from pipeline.portal.requests.lanes import Lane
from pipeline.portal.requests.soft_keys import place_of

__all__ = [
    "DONE",
    "SENT",
    "WAITING",
    "Row",
    "applied_key",
    "bucket_key",
    "decode",
    "encode",
    "is_done",
    "new_row",
    "request_prefix",
    "seen_key",
]

WAITING, SENT, DONE = "w", "s", "d"

_WIDTH = 20
_EPOCH_WIDTH = 6


@dataclass(slots=True)
class Row:
    """One request. Times are unix seconds; `sent_at` is set with state `sent`, `done_at` with `done`.

    `keys`: its order keys (order.py). `plan`: the body is a plan, else the parameters of `method`; `progress`: how far
    a plan has come (steps/course.py); `throttle`: the name of its route throttle; `watch`: the token of the watch that
    has sent it again (portal/watches); `run`: the headers of the run that it belongs to (delivery/runs.py).
    """

    lane: Lane
    partition: int
    epoch: int
    offset: int
    state: str
    portal: str
    method: str
    source: str
    accepted: float
    user: str = ""
    credential: str | None = None
    credential_id: str = ""
    sealed: str | None = None
    message_id: str | None = None
    reply_to: str | None = None
    correlation_id: str | None = None
    keys: tuple[str, ...] = ()
    plan: bool = False
    throttle: str | None = None
    progress: dict[str, Any] | None = None
    watch: str | None = None
    run: dict[str, str] | None = None
    attempts: int = 0
    seen: str = ""
    sent_at: float = 0.0
    done_at: float = 0.0
    body: bytes = b""

    @property
    def key(self) -> bytes:
        """Its key in the table."""
        return f"{request_prefix(self.lane)}{self.epoch:0{_EPOCH_WIDTH}d}/{self.offset:0{_WIDTH}d}".encode()

    @property
    def identity(self) -> str:
        """Identity of the request (topic's lane, partition, offset): the `answer-id` of its answer."""
        return f"{self.lane}-{self.partition}-{self.epoch}-{self.offset}"

    def as_done(self, now: float) -> Row:
        """The same, finished: without body and credential, so that a cold restore stays short."""
        return replace(self, state=DONE, done_at=now, body=b"", sealed=None, keys=(), progress=None, run=None)


_FIELDS = tuple(field.name for field in fields(Row) if field.name != "body")
#: values that need not be written: those that a row has anyway
_EMPTY: tuple[Any, ...] = (None, "", ())


def new_row(
    request: Request, lane: Lane, partition: int, epoch: int, offset: int, *, accepted: float, seen: str, strict: bool
) -> Row:
    """The row of a request that has just been accepted. `strict`: its queue keeps its order as a whole."""
    return Row(
        lane=lane,
        partition=partition,
        epoch=epoch,
        offset=offset,
        state=WAITING,
        portal=request.portal,
        method=request.method,
        source=request.source,
        accepted=accepted,
        user=request.user,
        credential=request.credential,
        credential_id=request.credential_id,
        sealed=request.sealed,
        message_id=request.message_id,
        reply_to=request.reply_to,
        correlation_id=request.headers.get("amqp-correlation-id"),
        keys=(f"queue:{request.source}", *_shared(request.keys)) if strict else request.keys,
        plan=request.plan,
        throttle=request.throttle,
        watch=request.watch,
        run=passed_on(request.headers) or None,
        seen=seen,
        body=request.body,
    )


def _shared(keys: tuple[str, ...]) -> tuple[str, ...]:
    """Keys that hold in both lanes."""
    return tuple(key for key in keys if place_of(key).startswith("="))


def encode(row: Row) -> bytes:
    """Bytes of a row."""
    fields = {name: value for name in _FIELDS if (value := getattr(row, name)) not in _EMPTY}
    return row.state.encode() + orjson.dumps(fields) + b"\n" + row.body


def decode(stored: bytes) -> Row:
    """A row from its bytes."""
    line, _, body = stored.partition(b"\n")
    given: dict[str, Any] = {"portal": "", "method": "", "source": "", **orjson.loads(line[1:])}
    # rows of the release before: one order key, whether a repeat does no harm, the limiter's state
    order, _, _ = given.pop("order", None), given.pop("repeatable", None), given.pop("limiter", None)
    given["keys"] = tuple(given.get("keys") or ((order,) if order else ()))
    return Row(body=body, **given)


def is_done(stored: bytes) -> bool:
    """Without decoding: take-over looks at every row."""
    return stored[:1] == DONE.encode()


def request_prefix(lane: Lane | None = None) -> str:
    """Prefix of the keys of requests, of one lane or all."""
    return "r/" if lane is None else f"r/{lane}/"


def bucket_key(portal: str) -> bytes:
    """Key of the state of a portal's intensity limiter."""
    return f"b/{portal}".encode()


def applied_key(lane: Lane) -> bytes:
    """Key of the offset applied through."""
    return f"a/{lane}".encode()


def seen_key(message_id: str | None, fingerprint: str) -> str:
    """Key under which a redelivered copy finds the earlier one: same message id and same content."""
    return "m/" + hashlib.sha256(f"{message_id or ''}\0{fingerprint}".encode()).hexdigest()[:32]
