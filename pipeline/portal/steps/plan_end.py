"""What is to be known of a plan that is over, beside its answer: what it did not find."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.portal.links.keys import alias_entity, external_key
from pipeline.portal.plan import FindStep, Plan

__all__ = ["Missing", "PlanEnd", "plan_end"]

#: (entity, external key) as links name them (links/keys.py)
Missing = tuple[str, str]


@dataclass(frozen=True, slots=True)
class PlanEnd:
    """`missing`: what no find of it has found; `watched`: those of them that the plan is run again for.

    `stale`: something newer had been applied already, so the plan is an old one. `failed`: its answer is an error.
    """

    subject: str | None
    missing: tuple[Missing, ...] = ()
    watched: tuple[Missing, ...] = ()
    stale: bool = False
    failed: bool = False


def plan_end(plan: Plan, results: Mapping[str, Any], *, failed: bool) -> PlanEnd:
    """The end of a plan with these results of its steps."""
    missing: dict[Missing, bool] = {}
    for step in plan.steps:
        result = results.get(step.name)
        if isinstance(step, FindStep) and isinstance(result, dict):
            entity = alias_entity(step.entity) if step.by_alias else step.entity
            for key, found in zip(step.keys, result.get("found", ()), strict=False):
                if found is None:
                    place = entity, external_key(key.originator, key.id)
                    missing[place] = missing.get(place, False) or step.watch
    stale = any(isinstance(result, dict) and result.get("action") == "stale" for result in results.values())
    watched = tuple(place for place, is_watched in missing.items() if is_watched)
    return PlanEnd(plan.subject, tuple(missing), watched, stale, failed)
