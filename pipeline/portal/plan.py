"""A request of a flow: a plan of 1..n steps for one portal, and its wire form in Kafka (docs/plans.md).

    {"v": 1, "keys": [...], "throttle": "...", "steps": [step, ...]}

    step = {"name", "do": "call",      "method", "params", "part"?}
         | {"name", "do": "upsert",    "entity", "key": {"id", "originator"?}, "fields", "hash"?, "version"?, ...}
         | {"name", "do": "find",      "entity", "keys", "within"?, "by_alias"?, "wait"?, "watch"?}
         | {"name", "do": "reconcile", "method", "params", "wanted", "rule", "part"?, "unless_new"?}
           each with optional "after": [names], "optional": true (plan_steps.py)

`{"$ref": "step.path"}` anywhere in `params`, `fields`, `within` or `wanted` stands for a result of an earlier step:
`company.id` of an upsert, `deal.result` or `deal.result.item.id` of a call (more words: steps/refs.py). Steps run one
after another unless `after` says what they wait for (`[]` = nothing); they wait for what they refer to in any case, and
upserts of one object for each other. A step that fails ends the plan, unless it is `optional`.

A flow builds plans with `PlanBuilder` (plan_builder.py) and sends `plan.record(...)`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import orjson
from pydantic import Field, PrivateAttr, TypeAdapter, ValidationError, model_validator

from pipeline.delivery.errors import BadInput
from pipeline.delivery.records import Record
from pipeline.portal.plan_faults import got, quoted, sentences
from pipeline.portal.plan_steps import (
    CallStep,
    Fallback,
    FindStep,
    Key,
    Model,
    Part,
    ReconcileStep,
    Step,
    UpsertStep,
    contents,
    references,
)
from pipeline.portal.steps.refs import faults
from pipeline.topology import REQUESTS_BULK

__all__ = [
    "VERSION",
    "CallStep",
    "FindStep",
    "Key",
    "Part",
    "Plan",
    "ReconcileStep",
    "Step",
    "UpsertStep",
    "parse_plan",
    "unknown_version",
]

VERSION = 1
#: Most steps of one plan; a flow with more makes several plans.
MOST_STEPS = 500


class Plan(Model):
    """What one event needs of one portal. `keys`: plans of a portal that share one run one after another.

    Beside them count the keys of its steps: external keys, the order keys of calls, lists that are reconciled.
    `subject`: what the plan is about; a plan that is run again because something was found is dropped when a newer one
    of its subject has begun. `force`: content that is unchanged is sent all the same.
    """

    v: Literal[1] = 1
    keys: tuple[str, ...] | None = None
    throttle: str | None = Field(default=None, max_length=100)
    subject: str | None = Field(default=None, min_length=1, max_length=800)
    force: bool = False
    #: one at least, see below: pydantic would count only those without a fault
    steps: tuple[Step, ...] = Field(max_length=MOST_STEPS)
    #: by step: names of the steps whose results it uses; looked for once, plans are long
    _used: dict[str, frozenset[str]] = PrivateAttr(default_factory=dict)

    @model_validator(mode="after")
    def _in_order(self) -> Plan:
        if not self.steps:
            raise ValueError(f"steps: expected a list of 1 to {MOST_STEPS} steps, got none")
        if self.subject is None and any(isinstance(step, FindStep) and step.watch for step in self.steps):
            raise ValueError("subject: is missing: a plan that watches says what it is about")
        names: dict[str, int] = {}
        parts: dict[tuple[str, ...], int] = {}
        for number, step in enumerate(self.steps):
            here = f"steps.{number} {step.name!r}"
            if step.name in names:
                raise ValueError(f"{here}: steps.{names[step.name]} has this name already")
            for earlier in step.after or ():
                if earlier not in names:
                    raise ValueError(f"{here}: after: {quoted(earlier)} is no earlier step")
            refs = tuple(references(step))
            for ref in refs:
                if ref.partition(".")[0] not in names:
                    raise ValueError(f"{here}: the reference {quoted(ref)} leads to no earlier step")
            self._used[step.name] = frozenset(ref.partition(".")[0] for ref in refs)
            for fault in faults(contents(step)):
                raise ValueError(f"{here}: {fault}")
            if isinstance(step, ReconcileStep) and step.unless_new is not None:
                other = self.steps[names[step.unless_new]]
                if not isinstance(other, UpsertStep):
                    raise ValueError(f"{here}: unless_new: {quoted(other.name)} is no upsert")
            if isinstance(step, CallStep | ReconcileStep) and step.part is not None:
                if step.part.identity in parts:
                    raise ValueError(f"{here}: part: steps.{parts[step.part.identity]} has this part already")
                parts[step.part.identity] = number
            names[step.name] = number
        return self

    def needs(self) -> dict[str, frozenset[str]]:
        """By step: the steps that must be over before it begins."""
        found: dict[str, frozenset[str]] = {}
        upserts: dict[tuple[str, str, str], str] = {}
        before: str | None = None
        for step in self.steps:
            waits = {before} if step.after is None and before is not None else set(step.after or ())
            waits |= self._used[step.name]
            if isinstance(step, UpsertStep):
                if step.identity in upserts:
                    waits.add(upserts[step.identity])
                upserts[step.identity] = step.name
            found[step.name] = frozenset(waits)
            before = step.name
        return found

    def referred(self) -> frozenset[str]:
        """Steps whose results later ones use."""
        return frozenset().union(*self._used.values())

    def encode(self) -> bytes:
        """The wire form."""
        rest = self.model_dump(include={"keys", "throttle", "subject", "force"}, exclude_defaults=True)
        steps = [{"do": step.do, **step.model_dump(exclude_defaults=True)} for step in self.steps]
        return orjson.dumps({"v": self.v, **rest, "steps": steps})

    def record(
        self,
        portal: str,
        credential: str,
        *,
        source: str,
        topic: str = REQUESTS_BULK,
        headers: Mapping[str, str] | None = None,
    ) -> Record:
        """The record that a flow sends. `source`: the flow's name; `credential`: its name in the settings."""
        given = {"source": source, "portal": portal, "credential": credential, "plan": str(VERSION), **(headers or {})}
        return Record(topic, self.encode(), key=portal.encode(), headers=given)


_PLAN: TypeAdapter[Plan] = TypeAdapter(Plan)
#: what a fault says is known, see plan_faults.py
_FIELDS = {
    "plan": tuple(Plan.model_fields),
    "call": tuple(CallStep.model_fields),
    "upsert": tuple(UpsertStep.model_fields),
    "find": tuple(FindStep.model_fields),
    "reconcile": tuple(ReconcileStep.model_fields),
    "key": tuple(Key.model_fields),
    "part": tuple(Part.model_fields),
    "fallback": tuple(Fallback.model_fields),
}


def parse_plan(raw: bytes) -> Plan:
    """A plan from its wire form.

    Raises:
        BadInput: lists every fault with its place and what was expected.
    """
    try:
        given = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise BadInput(f"plan: no JSON: {error}") from None
    if not isinstance(given, dict):
        raise BadInput(f"plan: expected an object with v and steps, got {got(given)}")
    if "v" not in given:
        raise BadInput(f"plan: v is missing: expected {VERSION}")
    if given["v"] != VERSION:
        raise BadInput(unknown_version(given["v"]))
    try:
        return _PLAN.validate_python(given)
    except ValidationError as error:
        raise BadInput(sentences(error, given, _FIELDS)) from None


def unknown_version(given: Any) -> str:
    """What to say to a plan of a version that is not ours."""
    return f"plan version {got(given, shown=True)} is not known; this worker knows {VERSION}"
