"""The outcome of a request that belongs to a run of the `exchange` command (delivery/runs.py), told from its answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import orjson

from pipeline.delivery.records import Record
from pipeline.delivery.runs import DONE, FAILED, outcome
from pipeline.portal.requests.answers import Reply

__all__ = ["action_of", "run_outcome"]

#: what steps did, in the order in which it is told
_ACTIONS = ("added", "updated", "found", "called", "made", "unchanged", "stale", "missing", "failed")


def run_outcome(run: Mapping[str, str] | None, source: str, reply: Reply) -> Record | None:
    """`run`: the request's run headers, `source`: the flow that asked for it. None where it is of no run."""
    if not run:
        return None
    content = _content(reply.body)
    if reply.error_class is None:
        return outcome(run, source, DONE, action=action_of(content))
    return outcome(run, source, FAILED, error_class=reply.error_class, error=_error(content))


def action_of(answer: Mapping[str, Any]) -> str:
    """What the plan of an answer did: `added 1, updated 2, unchanged 5`; counts are of steps.

    Of `made` and `missing` it is what rules made and what was not found; `failed` are optional steps.
    """
    if answer.get("superseded"):
        return "superseded"
    steps = answer.get("steps")
    counts: Counter[str] = Counter()
    for result in steps.values() if isinstance(steps, dict) else ():
        counts.update(_count(result))
    told = [name for name in _ACTIONS if counts[name]] + sorted(set(counts) - set(_ACTIONS))
    return ", ".join(f"{name} {counts[name]}" for name in told if counts[name]) or "unchanged"


def _count(result: Any) -> dict[str, int]:
    if not isinstance(result, dict):
        return {"called": 1}
    if "error" in result:
        return {"failed": 1}
    if "action" in result:
        return {str(result["action"]): 1}
    if "made" in result:
        return {"made": int(result["made"])}
    if "found" in result:
        return {"missing": int(result.get("missing", 0))}
    return {"called": 1}


def _error(content: Mapping[str, Any]) -> str:
    """The answer's error as the portal, or we, put it: code and description."""
    code, text = (str(content.get(name) or "") for name in ("error", "error_description"))
    return ": ".join(filter(None, (code, text))) or "failed without a description"


def _content(body: bytes) -> dict[str, Any]:
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return content if isinstance(content, dict) else {}
