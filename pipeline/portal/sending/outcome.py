"""The answer of a shipment taken apart: what became of each shot."""

from __future__ import annotations

import time
from dataclasses import dataclass

from pipeline.delivery.errors import PipelineError
from pipeline.portal import methods
from pipeline.portal.sending.shipment import Shipment, Shot
from pipeline.portal.steps.command import Executed
from pipeline.portal.wire.batch import CommandAnswer, NotABatch, take_apart
from pipeline.portal.wire.faults import Answer, PortalUnknown
from pipeline.portal.wire.outcomes import judge
from pipeline.portal.wire.statuses import status_of
from pipeline.portal.wire.times import Times, read_times, times_of

__all__ = ["Outcome", "charges", "outcomes"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of one shot. `whole`: the fault is that of the HTTP request, not of this command in it."""

    result: Executed | PipelineError
    times: Times | None = None
    whole: bool = False

    @property
    def fault(self) -> PipelineError | None:
        """The result, when it is one."""
        return None if isinstance(self.result, Executed) else self.result


def outcomes(shipment: Shipment, answer: Answer | PipelineError) -> tuple[list[Outcome], Times | None]:
    """One outcome for each shot, in their order, and the times of the batch itself."""
    count = len(shipment.shots)
    if isinstance(answer, PipelineError):
        return [Outcome(answer, whole=True)] * count, None
    if not shipment.packed:
        return [Outcome(Executed(answer.status, answer.body), times_of(answer.body))], None
    try:
        parts = take_apart(answer.body, count)
    except NotABatch as reason:
        fault = PortalUnknown(f"HTTP {answer.status}, but no answer of a batch: {reason}", answer=answer)
        return [Outcome(fault, whole=True)] * count, None
    return [_of_command(command) for command in parts.commands], parts.time


def charges(shot: Shot, outcome: Outcome) -> list[tuple[str, Times | None]]:
    """What the portal told of each method that it bills for a shot; of a client's own batch that of its commands."""
    if shot.method != methods.BATCH or not isinstance(outcome.result, Executed):
        return [(method, outcome.times) for method in shot.charged]
    inner = outcome.result.content().get("result")
    told = inner.get("result_time") if isinstance(inner, dict) else None
    blocks = list(told.values()) if isinstance(told, dict) else told if isinstance(told, list) else []
    if len(blocks) != len(shot.charged):
        return [(method, None) for method in shot.charged]
    return [(method, read_times(block)) for method, block in zip(shot.charged, blocks, strict=True)]


def _of_command(command: CommandAnswer | None) -> Outcome:
    if command is None:
        return Outcome(PortalUnknown("the batch's answer says nothing of this command"))
    if command.ok:
        return Outcome(Executed(200, command.body), command.times)
    try:
        judge(status_of(command.code, command.description), {}, command.body, time.time())
    except PipelineError as fault:
        return Outcome(fault, command.times)
    return Outcome(PortalUnknown(f"the batch's answer is unreadable: {command.description}"), command.times)
