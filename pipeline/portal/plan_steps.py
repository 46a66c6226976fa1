"""The steps of a plan (portal/plan.py): what each may say. The wire form is described in docs/plans.md."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from pipeline.portal import methods
from pipeline.portal.entities import Entity, entity
from pipeline.portal.links.versions import Version
from pipeline.portal.plan_faults import got, quoted
from pipeline.portal.steps.refs import REF, paths

__all__ = [
    "AnyStep",
    "CallStep",
    "Fallback",
    "FindStep",
    "Key",
    "Model",
    "Part",
    "ReconcileStep",
    "Step",
    "UpsertStep",
    "contents",
    "references",
]

#: Most keys that one `find` looks for.
MOST_KEYS = 500
_NAME = re.compile(r"^[A-Za-z][A-Za-z0-9_-]{0,63}$")
#: no control characters: keys of links and order have some between their parts
_PLAIN = r"^[^\x00-\x1f]*$"


class Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Key(Model):
    """External key of an object: the id that it has in `originator`'s world.

    Blanks around are left out: a portal finds them alike.
    """

    id: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500, pattern=_PLAIN)]
    originator: Annotated[str, StringConstraints(strip_whitespace=True, max_length=200, pattern=_PLAIN)] = ""


class _Step(Model):
    name: str = Field(pattern=_NAME.pattern)
    after: tuple[str, ...] | None = None
    optional: bool = False


class Part(Model):
    """Content that belongs to an object and is remembered apart from its fields: rows, phones, prices.

    A step with a part makes no call when the object (link of `entity` and `key`) has the same id, and the step the same
    content, as when it last succeeded; nor when its `version` is older than the one that was applied. `apart`: names
    within `wanted` that are no content, such as names of goods that only new lines are given.
    """

    name: str = Field(pattern=_NAME.pattern)
    entity: str
    key: Key
    version: Version | None = None
    apart: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _known(self) -> Part:
        _entity(self.entity)
        return self

    @property
    def identity(self) -> tuple[str, str, str, str]:
        """The same for two steps with one part."""
        return entity(self.entity).objects, self.key.originator, self.key.id, self.name


class CallStep(_Step):
    """Any REST method."""

    do: Literal["call"] = "call"
    method: str
    params: dict[str, Any] = Field(default_factory=dict)
    part: Part | None = None

    @model_validator(mode="after")
    def _valid(self) -> CallStep:
        _check_method(self.method)
        return self


class Fallback(Model):
    """What to do when a portal refuses an add or an update: `fields` take the place of those of the same names.

    `codes`: of the portal's answers, as text, such as `200140400007` (a product that is not sold any more); any case.
    """

    #: one at least, see below: pydantic would count only those without a fault
    codes: tuple[Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)], ...] = Field(
        max_length=20
    )
    fields: dict[str, Any] = Field(min_length=1)

    @model_validator(mode="after")
    def _has_codes(self) -> Fallback:
        if not self.codes:
            raise ValueError("codes: expected a list of 1 to 20 codes of answers, got none")
        return self

    def holds_for(self, code: str) -> bool:
        """Is a call that was refused with this code made once more?"""
        return code.upper() in (known.upper() for known in self.codes)


class UpsertStep(_Step):
    """Add the object with this external key, or change it, or leave it when its content is unchanged.

    `hash`: of the content; default: of `fields`. An event with a lower `version` than the one applied changes nothing.
    `within`: fields that say where the object lies (an order's id); they hold for the look-up, too, and then the key's
    `originator` may name that place. `once`: what is there already stays as it is, and its link as well.
    `new`: known not to be there, so nothing is looked up. `alias`, `title`: remembered with the link, for `find`.
    `fallback`: an add or update that is refused with one of its codes is made once more, with its fields.
    A key without an originator means any object with that id (entity.py, `named`).
    """

    do: Literal["upsert"] = "upsert"
    entity: str
    key: Key
    fields: dict[str, Any]
    hash: str | None = Field(default=None, max_length=200)
    version: Version | None = None
    within: dict[str, Any] = Field(default_factory=dict)
    once: bool = False
    new: bool = False
    alias: Key | None = None
    title: str | None = Field(default=None, max_length=500)
    fallback: Fallback | None = None

    @model_validator(mode="after")
    def _known(self) -> UpsertStep:
        _check_entity(self.entity, (self.key,), self.within)
        return self

    @property
    def identity(self) -> tuple[str, str, str]:
        """The same for two upserts of one object."""
        return entity(self.entity).objects, self.key.originator, self.key.id


class FindStep(_Step):
    """Look for objects by their external keys, in the links and then in the portal; adds and changes nothing.

    `by_alias`: the keys are aliases, which the links alone know. `wait`: seconds from the plan's acceptance that it
    waits for what is missing. `watch`: the plan is run again when something that is still missing then appears.
    """

    do: Literal["find"] = "find"
    entity: str
    keys: tuple[Key, ...] = Field(max_length=MOST_KEYS)
    within: dict[str, Any] = Field(default_factory=dict)
    by_alias: bool = False
    wait: float = Field(default=0.0, ge=0, le=86_400)
    watch: bool = False

    @model_validator(mode="after")
    def _known(self) -> FindStep:
        if self.by_alias:
            _entity(self.entity)
        else:
            _check_entity(self.entity, self.keys, self.within)
        return self


class ReconcileStep(_Step):
    """Read a list, and do what the pure function `rule` (pipeline/portal/rules.py) finds missing.

    `unless_new`: name of an upsert; when it has just added its object the list is known to be empty and is not read.
    """

    do: Literal["reconcile"] = "reconcile"
    method: str
    params: dict[str, Any] = Field(default_factory=dict)
    wanted: Any = None
    rule: str
    part: Part | None = None
    unless_new: str | None = Field(default=None, pattern=_NAME.pattern)

    @model_validator(mode="after")
    def _valid(self) -> ReconcileStep:
        _check_method(self.method)
        if not methods.is_read(self.method, self.params):
            raise ValueError(f"method: {self.method} is no read, expected one such as crm.deal.list")
        return self


AnyStep = CallStep | UpsertStep | FindStep | ReconcileStep
Step = Annotated[AnyStep, Field(discriminator="do")]


def contents(step: AnyStep) -> list[Any]:
    """All of a step that may refer to results of earlier steps."""
    if isinstance(step, UpsertStep):
        return [step.fields, step.within, *([step.fallback.fields] if step.fallback is not None else ())]
    if isinstance(step, FindStep):
        return [step.within]
    return [step.params, step.wanted] if isinstance(step, ReconcileStep) else [step.params]


def references(step: AnyStep) -> Iterator[str]:
    """Paths of all results of earlier steps that a step uses."""
    if isinstance(step, ReconcileStep) and step.unless_new:
        return chain(paths(contents(step)), [f"{step.unless_new}.action"])
    return paths(contents(step))


def _entity(name: str) -> Entity:
    try:
        return entity(name)
    except KeyError as error:
        raise ValueError(f"entity: {error.args[0]}") from None


def _check_entity(name: str, keys: tuple[Key, ...], within: dict[str, Any]) -> None:
    kind = _entity(name)
    for field, value in within.items():
        whole = isinstance(value, str | int) and not isinstance(value, bool) and value != ""
        if not whole and not (isinstance(value, dict) and value.keys() == {REF}):
            raise ValueError(f"within.{field}: expected a text, a number or a reference, got {got(value)}")
    if kind.lies_in is not None and kind.lies_in not in within:
        raise ValueError(f"within.{kind.lies_in} is missing: an object of {name} is known by its id within that only")
    if kind.originator_field is None and not within and any(key.originator for key in keys):
        # it would stand nowhere, and the same id of two originators would be one object
        raise ValueError(f"key.originator: objects of {name} have no originator, put it into the id")


def _check_method(method: str) -> None:
    if not methods.is_valid(method):
        raise ValueError(
            f"method: {quoted(method)} is no REST method name (letters, digits, _ and single dots, as crm.deal.list)"
        )
    if methods.canonical(method) == methods.BATCH:
        raise ValueError("method: a step is no batch, the gateway packs calls by itself")
