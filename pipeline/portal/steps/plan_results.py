"""Results of a plan's steps, and its answer, as they are written (docs/plans.md, Results)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import orjson

from pipeline.delivery.errors import Oversize, PipelineError
from pipeline.portal.plan import CallStep, UpsertStep
from pipeline.portal.requests.answers import Reply, code_of
from pipeline.portal.steps.command import Executed
from pipeline.portal.wire.faults import PortalFault

__all__ = ["LONGEST_RESULT", "LONGEST_RESULTS", "error_result", "failure", "found_name", "result_of", "success"]

#: Bytes; a longer answer of a call that no later step refers to is left out: results travel with the row.
LONGEST_RESULT = 262_144
#: Bytes of all results of a plan: with its body they must fit into one record of Kafka, else its row cannot be written.
LONGEST_RESULTS = 4 * 1024 * 1024


def result_of(done: Any, *, is_referred: bool, taken: int) -> tuple[Any, int]:
    """The result of a step that has succeeded, and the bytes of all; `taken` are those of the results before it.

    Raises Oversize: there is no room for what a later step refers to. It was executed.
    """
    if not isinstance(done, Executed):
        size = len(orjson.dumps(done))
    elif not is_referred and (len(done.body) > LONGEST_RESULT or taken + len(done.body) > LONGEST_RESULTS // 2):
        return {"omitted": len(done.body)}, taken
    else:
        size = len(done.body)
    if taken + size > LONGEST_RESULTS:
        raise Oversize(f"executed, but the results of the plan are longer than {LONGEST_RESULTS} bytes together")
    if isinstance(done, Executed):
        done = {key: value for key, value in done.content().items() if key in ("result", "total", "next")}
    return done, taken + size


def error_result(fault: PipelineError) -> dict[str, Any]:
    """The result of an optional step that has failed."""
    return {"error": _code(fault), "error_description": str(fault)}


def success(results: Mapping[str, Any]) -> Reply:
    """The answer of a plan whose steps are all done."""
    return Reply(200, orjson.dumps({"plan": 1, "steps": dict(results)}))


def failure(step: str, fault: PipelineError, results: Mapping[str, Any]) -> Reply:
    """The answer of a plan that a step has ended."""
    answer = fault.answer if isinstance(fault, PortalFault) else None
    body = {
        "error": _code(fault),
        "error_description": f"step {step!r}: {fault}",
        "plan": 1,
        "step": step,
        "steps": dict(results),
    }
    return Reply(answer.status if answer is not None else 0, orjson.dumps(body), fault.error_class)


def found_name(name: str, number: int, step: CallStep | UpsertStep) -> str:
    """For the stamp of a step that a rule found: another one when the rule, asked anew, gives another step there."""
    content = orjson.dumps(step.model_dump(mode="json"), option=orjson.OPT_SORT_KEYS)
    return f"{name}.{number}.{hashlib.sha256(content).hexdigest()[:8]}"


def _code(fault: PipelineError) -> str:
    return fault.code if isinstance(fault, PortalFault) and fault.code else code_of(fault)
