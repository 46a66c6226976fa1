"""What a flow is: one business rule, declared with one decorator (docs/writing-a-flow.md).

    raw bytes -> decode -> keyed pool -> handler -> confirmed sends -> ack, last

A plain function is pure: event in, records out; it is run in order, thousands a second. An `async` function may have
effects of its own; events of one key then run one after another, others side by side. Either may raise the taxonomy's
errors (pipeline/delivery/errors.py); anything else ends the worker with un-acked work.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Hashable, Iterable
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import orjson
from pydantic import TypeAdapter, ValidationError

from pipeline.delivery.errors import BadInput
from pipeline.delivery.records import Record

__all__ = ["Event", "Flow", "as_json", "as_model", "flow"]

T = TypeVar("T")


@dataclass(slots=True)
class Event(Generic[T]):
    """One received record. `timestamp` in unix seconds; `value` is what `decode` made of `raw`."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    headers: dict[str, str]
    raw: bytes
    value: T
    timestamp: float
    attempt: int = 1


Records = Iterable[Record] | None
Handler = Callable[[Event[Any]], Records] | Callable[[Event[Any]], Awaitable[Records]]
Decode = Callable[[bytes], Any]


def as_bytes(raw: bytes) -> bytes:
    """No decoding."""
    return raw


def as_json(raw: bytes) -> Any:
    """Any JSON. Raises BadInput with the place of the fault."""
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise BadInput(f"no JSON: {error}") from None


def as_model(model: type[T]) -> Callable[[bytes], T]:
    """JSON of that type (pydantic model, dataclass, TypedDict ...). Raises BadInput that lists every fault."""
    adapter = TypeAdapter(model)

    def decode(raw: bytes) -> T:
        try:
            return adapter.validate_json(raw)
        except ValidationError as error:
            faults = "; ".join(
                f"{'.'.join(map(str, fault['loc'])) or 'message'}: {fault['msg']}"
                for fault in error.errors(include_url=False, include_input=False)
            )
            raise BadInput(faults) from None

    return decode


def by_record_key(event: Event[Any]) -> Hashable | None:
    """Order by the record's key; records without one are free."""
    return event.key


@dataclass(frozen=True)
class Flow:
    """A declared flow. `topics` are names of topology.py; `version` is written into dead letters.

    `on_dead` gives records that leave together with a dead letter: an answer to whoever waits for one.
    """

    name: str
    topics: tuple[str, ...]
    handler: Handler
    decode: Decode = as_bytes
    key: Callable[[Event[Any]], Hashable | None] = by_record_key
    in_flight: int | None = None
    version: str = "1"
    headers: bool = True
    on_dead: Callable[[Event[Any], BaseException], Iterable[Record]] | None = None
    #: (runner, runtime) -> what takes runs in place of a handler (pipeline/search/runs.py)
    reader: Callable[[Any, Any], Any] | None = None
    pure: bool = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "pure", not inspect.iscoroutinefunction(self.handler))


def flow(
    name: str,
    topics: str | tuple[str, ...],
    *,
    model: type[Any] | None = None,
    **options: Any,
) -> Callable[[Handler], Flow]:
    """Declare a flow: `@flow("companies", "events.user", model=User)`.

    `model` gives a typed decode; `decode=as_json` any JSON; else the handler gets bytes.
    """
    if model is not None:
        options["decode"] = as_model(model)
    lanes = (topics,) if isinstance(topics, str) else topics

    def declare(handler: Handler) -> Flow:
        return Flow(name=name, topics=lanes, handler=handler, **options)

    return declare
