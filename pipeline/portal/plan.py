"""A request of a flow: a plan of 1..n steps for one portal, and its wire form in Kafka (docs/plans.md).

    {"v": 1, "keys": [...], "throttle": "...", "steps": [step, ...]}

    step = {"name", "do": "call",      "method", "params"}
         | {"name", "do": "upsert",    "entity", "key": {"id", "originator"?}, "fields", "hash"?, "version"?}
         | {"name", "do": "reconcile", "method", "params", "wanted", "rule"}
           each with optional "after": [names], "optional": true

`{"$ref": "step.path"}` anywhere in `params`, `fields` or `wanted` stands for a result of an earlier step:
`company.id` of an upsert, `deal.result` or `deal.result.item.id` of a call. Steps run one after another unless `after`
says what they wait for (`[]` = nothing); they wait for what they refer to in any case, and upserts of one object for
each other. A step that fails ends the plan, unless it is `optional`.

A flow builds plans with `PlanBuilder` (plan_builder.py) and sends `plan.record(...)`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter, ValidationError, model_validator

from pipeline.delivery.errors import BadInput
from pipeline.delivery.records import Record
from pipeline.portal import methods
from pipeline.portal.entities import entity
from pipeline.portal.links.versions import Version
from pipeline.portal.plan_faults import got, quoted, sentences
from pipeline.portal.steps.refs import paths
from pipeline.topology import REQUESTS_BULK

__all__ = [
    "VERSION",
    "CallStep",
    "Key",
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
_NAME = re.compile(r"^[A-Za-z][A-Za-z0-9_-]{0,63}$")
#: no control characters: keys of links and order have some between their parts
_PLAIN = r"^[^\x00-\x1f]*$"


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Key(_Model):
    """External key of an object: the id that it has in `originator`'s world.

    Blanks around are left out: a portal finds them alike.
    """

    id: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500, pattern=_PLAIN)]
    originator: Annotated[str, StringConstraints(strip_whitespace=True, max_length=200, pattern=_PLAIN)] = ""


class _Step(_Model):
    name: str = Field(pattern=_NAME.pattern)
    after: tuple[str, ...] | None = None
    optional: bool = False


class CallStep(_Step):
    """Any REST method."""

    do: Literal["call"] = "call"
    method: str
    params: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _valid(self) -> CallStep:
        _check_method(self.method)
        return self


class UpsertStep(_Step):
    """Add the object with this external key, or change it, or leave it when its content is unchanged.

    `hash`: of the content; default: of `fields`. An event with a lower `version` than the one applied changes nothing.
    """

    do: Literal["upsert"] = "upsert"
    entity: str
    key: Key
    fields: dict[str, Any]
    hash: str | None = Field(default=None, max_length=200)
    version: Version | None = None

    @model_validator(mode="after")
    def _known(self) -> UpsertStep:
        try:
            kind = entity(self.entity)
        except KeyError as error:
            raise ValueError(f"entity: {error.args[0]}") from None
        if self.key.originator and kind.originator_field is None:
            # it would stand nowhere, and the same id of two originators would be one object
            raise ValueError(f"key.originator: objects of {self.entity} have no originator, put it into the id")
        return self

    @property
    def identity(self) -> tuple[str, str, str]:
        """The same for two upserts of one object."""
        return entity(self.entity).objects, self.key.originator, self.key.id


class ReconcileStep(_Step):
    """Read a list, and do what the pure function `rule` (pipeline/portal/rules.py) finds missing."""

    do: Literal["reconcile"] = "reconcile"
    method: str
    params: dict[str, Any] = Field(default_factory=dict)
    wanted: Any = None
    rule: str

    @model_validator(mode="after")
    def _valid(self) -> ReconcileStep:
        _check_method(self.method)
        if not methods.is_read(self.method, self.params):
            raise ValueError(f"method: {self.method} is no read, expected one such as crm.deal.list")
        return self


Step = Annotated[CallStep | UpsertStep | ReconcileStep, Field(discriminator="do")]


class Plan(_Model):
    """What one event needs of one portal. `keys`: plans of a portal that share one run one after another.

    Beside them count the keys of its steps: external keys, the order keys of calls, lists that are reconciled.
    """

    v: Literal[1] = 1
    keys: tuple[str, ...] | None = None
    throttle: str | None = Field(default=None, max_length=100)
    #: one at least, see below: pydantic would count only those without a fault
    steps: tuple[Step, ...] = Field(max_length=MOST_STEPS)

    @model_validator(mode="after")
    def _in_order(self) -> Plan:
        if not self.steps:
            raise ValueError(f"steps: expected a list of 1 to {MOST_STEPS} steps, got none")
        names: dict[str, int] = {}
        for number, step in enumerate(self.steps):
            here = f"steps.{number} {step.name!r}"
            if step.name in names:
                raise ValueError(f"{here}: steps.{names[step.name]} has this name already")
            for earlier in step.after or ():
                if earlier not in names:
                    raise ValueError(f"{here}: after: {quoted(earlier)} is no earlier step")
            for ref in _references(step):
                if ref.partition(".")[0] not in names:
                    raise ValueError(f"{here}: the reference {quoted(ref)} leads to no earlier step")
            names[step.name] = number
        return self

    def needs(self) -> dict[str, frozenset[str]]:
        """By step: the steps that must be over before it begins."""
        found: dict[str, frozenset[str]] = {}
        upserts: dict[tuple[str, str, str], str] = {}
        before: str | None = None
        for step in self.steps:
            waits = {before} if step.after is None and before is not None else set(step.after or ())
            waits |= {ref.partition(".")[0] for ref in _references(step)}
            if isinstance(step, UpsertStep):
                if step.identity in upserts:
                    waits.add(upserts[step.identity])
                upserts[step.identity] = step.name
            found[step.name] = frozenset(waits)
            before = step.name
        return found

    def referred(self) -> frozenset[str]:
        """Steps whose results later ones use."""
        return frozenset(ref.partition(".")[0] for step in self.steps for ref in _references(step))

    def encode(self) -> bytes:
        """The wire form."""
        rest = self.model_dump(include={"keys", "throttle"}, exclude_none=True)
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
    "reconcile": tuple(ReconcileStep.model_fields),
    "key": tuple(Key.model_fields),
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


def _references(step: CallStep | UpsertStep | ReconcileStep) -> Iterator[str]:
    if isinstance(step, UpsertStep):
        return paths(step.fields)
    if isinstance(step, ReconcileStep):
        return paths([step.params, step.wanted])
    return paths(step.params)


def _check_method(method: str) -> None:
    if not methods.is_valid(method):
        raise ValueError(
            f"method: {quoted(method)} is no REST method name (letters, digits, _ and single dots, as crm.deal.list)"
        )
    if methods.canonical(method) == methods.BATCH:
        raise ValueError("method: a step is no batch, the gateway packs calls by itself")
