"""Dead letters of requests that failed after intake: the record as it came, with its origin."""

from __future__ import annotations

from collections.abc import Callable

import orjson

from pipeline.delivery import metrics
from pipeline.delivery.dead_letters import dead_letter
from pipeline.delivery.errors import PipelineError
from pipeline.delivery.flow import Event
from pipeline.delivery.records import Record
from pipeline.portal.requests.answers import Reply
from pipeline.portal.requests.lanes import TOPICS
from pipeline.portal.requests.row import Row

__all__ = ["AGENT", "Letters"]

AGENT = "portal-gateway"


class Letters:
    """`wire`: name of a topic in Kafka; `message_limit`: bytes of the longest record."""

    def __init__(self, wire: Callable[[str], str], message_limit: int) -> None:
        self._wire = wire
        self._message_limit = message_limit

    def letter(self, row: Row, error: PipelineError, reply: Reply | None = None) -> Record:
        """What a person must look at. `row` with its body; of a plan `reply` names the step that failed."""
        metrics.EVENTS_DEAD_LETTERED.labels(AGENT, error.error_class).inc()
        headers = {
            "source": row.source,
            "portal": row.portal,
            "method": None if row.plan else row.method,
            "plan": "1" if row.plan else None,
            "user": row.user or None,
            "credential": row.credential,
            "sealed": row.sealed,
            "amqp-message-id": row.message_id,
            "amqp-reply-to": row.reply_to,
            "amqp-correlation-id": row.correlation_id,
        }
        given = {name: text for name, text in headers.items() if text is not None}
        event: Event[None] = Event(
            topic=self._wire(TOPICS[row.lane]),
            partition=row.partition,
            offset=row.offset,
            key=row.portal.encode(),
            headers={**given, **(row.run or {})},
            raw=row.body,
            value=None,
            timestamp=row.accepted,
            attempt=row.attempts,
        )
        told = _of_step(error, reply) if row.plan and reply is not None else error
        return dead_letter(event, told, agent=AGENT, version="1", message_limit=self._message_limit)


class _StepFault(PipelineError):
    """A fault with the name of the step before it; of the same class."""

    def __init__(self, step: str, fault: PipelineError) -> None:
        super().__init__(f"step {step!r}: {fault}")
        self.error_class = fault.error_class  # type: ignore[misc]


def _of_step(error: PipelineError, reply: Reply) -> PipelineError:
    try:
        answer = orjson.loads(reply.body)
    except orjson.JSONDecodeError:
        return error
    step = answer.get("step") if isinstance(answer, dict) else None
    return _StepFault(step, error) if isinstance(step, str) else error
