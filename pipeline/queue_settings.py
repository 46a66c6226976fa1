"""Queues of the site and of 1C: what each carries, how it is bound, and when it is read. Defaults are the original's.

Source of exchanges, types, names and limits: seeds, section 1.1; of the section's queue and `#`: docs/queues.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

__all__ = ["EXCHANGES", "EventKind", "ExchangeType", "QueueSettings", "clashes", "default_queues", "with_defaults"]

EventKind = Literal["user", "product", "section", "settlement"]
ExchangeType = Literal["direct", "fanout", "topic", "headers"]

#: filled in before it is checked
_OF_THE_EVENT: Any = ""
#: bytes of an AMQP short string
_SHORT = 255

#: event -> exchange and its type, as senders declare them
EXCHANGES: dict[str, tuple[str, ExchangeType]] = {
    "user": ("users", "fanout"),
    "product": ("products", "topic"),
    "section": ("section", "topic"),
    "settlement": ("mutualsettlements", "fanout"),
}


def _limit(value: Any) -> Any:
    """`none` (any case) means: no limit."""
    if isinstance(value, str) and value.strip().lower() == "none":
        return None
    return value


class QueueSettings(BaseModel):
    """One queue of the site's messages. Its name is its key in `[queues.<name>]`."""

    model_config = ConfigDict(extra="forbid", validate_default=True)

    event: EventKind = Field(description="What its messages are: `user`, `product`, `section` or `settlement`.")
    exchange: str = Field(
        default="",
        max_length=_SHORT,
        description="Exchange that it is bound to; empty = it is not bound by us. Default: that of the event "
        "(`users`, `products`, `section`, `mutualsettlements`).",
    )
    type: ExchangeType = Field(
        default=_OF_THE_EVENT,
        description="Type of that exchange: `direct`, `fanout`, `topic` or `headers`. Default: that of the event's.",
    )
    routing_key: str = Field(
        default="",
        max_length=_SHORT,
        description="Key that it is bound by, such as `property.brand.VIGRO` or `site.#`; needed by a topic exchange, "
        "of which `#` takes all.",
    )
    catalog: str = Field(
        default="", description="Products, sections: catalogue of mapping.toml that they go to; empty = `default`."
    )
    mode: Literal["steady", "on-command"] = Field(
        default="steady",
        description="`steady`: the worker always reads it; `on-command`: `faust -A pipeline exchange` drains it.",
    )
    limit: Annotated[int | None, BeforeValidator(_limit)] = Field(
        default=500,
        ge=1,
        description="Messages that one `exchange` command takes at most; `none` = no limit, as of crm_product_queue.",
    )
    time_limit: Annotated[float | None, BeforeValidator(_limit)] = Field(
        default=60.0,
        gt=0,
        description="Seconds that one `exchange` command takes messages at most; `none` = no limit, as there.",
    )
    enabled: bool = Field(default=True, description="`false`: the queue is left alone; for one of the defaults.")

    @model_validator(mode="before")
    @classmethod
    def _as_the_events_exchange(cls, given: Any) -> Any:
        if not isinstance(given, Mapping):
            return given
        exchange, kind = EXCHANGES.get(str(given.get("event")), ("", "fanout"))
        return {"exchange": exchange, "type": kind, **given}

    @model_validator(mode="after")
    def _a_topic_exchange_wants_a_key(self) -> QueueSettings:
        if self.exchange and self.type == "topic" and not self.routing_key:
            # the original's mistake: nothing that is sent with a key reaches such a queue
            raise ValueError("a routing_key; `#` takes all that a topic exchange is sent")
        return self

    @model_validator(mode="after")
    def _a_catalogue_is_of_goods(self) -> QueueSettings:
        if self.catalog and self.event not in ("product", "section"):
            raise ValueError(f"no catalog: only products and sections have one, not event {self.event!r}")
        return self


#: The original's queues (seeds, 1.1), and one for sections, which it had no consumer for.
_DEFAULTS: dict[str, dict[str, Any]] = {
    "crm_user_queue": {"event": "user"},
    # the original binds it by an empty key, which a topic exchange gives nothing that its sender publishes
    "crm_product_queue": {"event": "product", "routing_key": "#", "limit": None, "time_limit": None},
    "crm_section_queue": {"event": "section", "routing_key": "site.#"},
    "crm_mutualsettlements_queue": {"event": "settlement"},
}


def default_queues() -> dict[str, QueueSettings]:
    """The queues that are read where no setting says otherwise."""
    return {name: QueueSettings.model_validate(given) for name, given in _DEFAULTS.items()}


def with_defaults(given: Any) -> Any:
    """`given` over the default queues, of which single values may be changed so; wrong input stays as it is."""
    if not isinstance(given, Mapping):
        return given
    made: dict[str, Any] = dict(_DEFAULTS)
    for name, values in given.items():
        own = _DEFAULTS.get(name)
        made[name] = {**own, **values} if own is not None and isinstance(values, Mapping) else values
    return made


def clashes(queues: Mapping[str, QueueSettings]) -> str | None:
    """Why these queues cannot stand side by side, or None."""
    types: dict[str, tuple[str, str]] = {}
    for name, queue in queues.items():
        if not name or len(name.encode()) > _SHORT:
            return f"names of 1 to {_SHORT} bytes; got {name!r}"
        if not queue.enabled or not queue.exchange:
            continue
        first, kind = types.setdefault(queue.exchange, (name, queue.type))
        if kind != queue.type:
            return f"one type of an exchange; {queue.exchange} is {kind} for {first}, {queue.type} for {name}"
    return None
