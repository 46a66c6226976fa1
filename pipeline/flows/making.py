"""From an event to the records of its plans: what all flows of this room have in common.

event -> decode -> plan(message, mapping, ...) -> record in portal.requests.bulk
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from pydantic import ValidationError

from pipeline.delivery.errors import BadInput
from pipeline.delivery.flow import Event, Flow
from pipeline.delivery.records import Record
from pipeline.delivery.runs import DONE, FORCE, PART, outcome, passed_on
from pipeline.flows.mapping.model import Mapping
from pipeline.flows.messages.faults import shown
from pipeline.portal.plan import Key, Plan

__all__ = ["catalog_of", "done_without_plan", "effect_flow", "is_forced", "records", "version_of"]

#: of a record of events.*: when the message was published, unix seconds as text; which catalogue it belongs to
SENT_AT = "amqp-timestamp"
CATALOG = "catalog"
#: copied to the plans: their answers and dead letters name the message that they were made of
MESSAGE_ID = "amqp-message-id"


def effect_flow(
    name: str, topic: str, decode: Callable[[bytes], Any], handle: Callable[[Event[Any]], Iterable[Record]]
) -> Flow:
    """A pure flow whose events become plans."""

    def handler(event: Event[Any]) -> Iterable[Record]:
        try:
            return list(handle(event))
        except ValidationError as error:
            # a key that is too long, a control character in it, too many steps: the message's fault, no defect
            raise BadInput("; ".join(dict.fromkeys(_told(error)))) from None

    return Flow(name=name, topics=(topic,), handler=handler, decode=decode)


def _told(error: ValidationError) -> Iterator[str]:
    for fault in error.errors(include_url=False):
        if error.title == Key.__name__:
            yield f"XML_ID: {shown(fault['input'])} is no external id: {fault['msg']}"
        else:
            yield f"it makes no plan: {'.'.join(map(str, fault['loc'])) or 'plan'}: {fault['msg']}"


def records(event: Event[Any], plans: Iterable[Plan], mapping: Mapping, source: str) -> list[Record]:
    """Records of plans. Each names the event's message and its run, and which of several plans it is."""
    made = list(plans)
    given = {MESSAGE_ID: event.headers[MESSAGE_ID]} if MESSAGE_ID in event.headers else {}
    run = passed_on(event.headers)
    return [
        plan.record(
            mapping.portal.name,
            mapping.portal.credential,
            source=source,
            headers={**given, **run, **({PART: f"{place}/{len(made)}"} if run and len(made) > 1 else {})},
        )
        for place, plan in enumerate(made, 1)
    ]


def version_of(message: datetime | None, headers: dict[str, str]) -> str | None:
    """The version of an event's steps: what the message says, else when it was published, else None."""
    if message is not None:
        return message.isoformat()
    try:
        seconds = float(headers.get(SENT_AT, ""))
        return datetime.fromtimestamp(seconds, UTC).isoformat()
    except (ValueError, OverflowError, OSError):
        return None


def is_forced(headers: dict[str, str]) -> bool:
    """Is unchanged content to be written all the same?"""
    return headers.get(FORCE) == "1"


def catalog_of(headers: dict[str, str]) -> str:
    """Name of the catalogue in the mapping."""
    return headers.get(CATALOG) or "default"


def done_without_plan(event: Event[Any], source: str, why: str) -> list[Record]:
    """The outcome of an event that needs nothing of the portal; nothing when nobody follows its run."""
    record = outcome(event.headers, flow=source, status=DONE, action=why)
    return [] if record is None else [record]
