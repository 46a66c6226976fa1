"""One plan or single call, how it is sent, and how its answer and what it left in the portal are judged."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import orjson

from pipeline.delivery.records import Record
from tests.chaos.cases import Answer
from tests.chaos.plans.objects import Objects

__all__ = ["Case", "Check", "Place", "Way", "judged"]

#: through RabbitMQ, or as a record of one of the lanes
Way = Literal["amqp", "bulk", "interactive"]

#: `result` of the call, or `steps` of the plan -> why it is wrong; None = it is right
Check = Callable[[Any, Objects], str | None]


class Place(NamedTuple):
    """Where an object must be found exactly once: `by` is `marker` (TITLE, NAME, ...) or `external`."""

    entity: str
    by: str
    value: str


@dataclass(slots=True)
class Case:
    """`places`: what the request adds; `stampable`: it adds without an external id of its own.

    `headers` and `body` are those of the AMQP message, `record` is what is written into a lane otherwise.
    `attempts` counts publishes that the broker may have taken.
    """

    message_id: str
    portal: str
    kind: str
    way: Way
    headers: dict[str, Any]
    body: bytes
    record: Record | None
    check: Check
    places: tuple[Place, ...] = ()
    stampable: bool = False
    attempts: int = 0
    confirmed: bool = False
    answers: list[Answer] = field(default_factory=list)

    @property
    def name(self) -> str:
        """For messages of failures."""
        return f"{self.message_id} ({self.kind}, {self.way}, {self.portal})"

    @property
    def is_plan(self) -> bool:
        """A plan, else a single call."""
        return self.record is not None and "plan" in self.record.headers


def judged(case: Case, answer: Answer, objects: Mapping[str, Objects]) -> str | None:
    """Why this is not the right answer; None = it is, and the portal holds what it says."""
    if answer.error_class is not None:
        return f"error class {answer.error_class}: {answer.body[:300]!r}"
    if answer.portal != case.portal or answer.status != "200":
        return f"status {answer.status} of portal {answer.portal}: {answer.body[:300]!r}"
    body = orjson.loads(answer.body)
    result = body.get("steps") if case.is_plan else body.get("result")
    problem = case.check(result, objects[case.portal])
    return None if problem is None else f"{problem}; its answer: {answer.body[:300]!r}"
