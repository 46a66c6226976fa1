"""The builder that flows make plans with (the model: portal/plan.py; examples: docs/plans.md)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pipeline.portal.links.versions import Version
from pipeline.portal.plan import CallStep, FindStep, Key, Plan, ReconcileStep, UpsertStep
from pipeline.portal.plan_steps import AnyStep
from pipeline.portal.steps.refs import IF, OMIT, REF

__all__ = ["OMIT", "If", "Made", "PlanBuilder", "Ref"]


class Ref:
    """A result of an earlier step, for `PlanBuilder`: `Ref("company.id")`."""

    def __init__(self, path: str) -> None:
        self.path = path


class If:
    """`then` when there is something at the reference, else `otherwise`: `If(goods.found(0), {...}, {...})`.

    `OMIT` as one of the two leaves the field, or the entry of a list, out.
    """

    def __init__(self, ref: Ref, then: Any, otherwise: Any) -> None:
        self.wire = {IF: ref.path, "then": _plain(then), "else": _plain(otherwise)}


class PlanBuilder:
    """Builds a plan step by step; each method returns what later steps may use.

    plan = PlanBuilder()
    company = plan.upsert("company", "company", Key(id="7", originator="site"), {"TITLE": "ACME"})
    plan.call("rows", "crm.deal.productrows.set", {"id": company.id, "rows": []})
    return [plan.build().record("main", "crm", source="users")]
    """

    def __init__(
        self,
        *,
        keys: Iterable[str] | None = None,
        throttle: str | None = None,
        subject: str | None = None,
        force: bool = False,
    ) -> None:
        self._keys = None if keys is None else tuple(keys)
        self._throttle = throttle
        self._subject = subject
        self._force = force
        self._steps: list[AnyStep] = []

    def call(self, name: str, method: str, params: Mapping[Any, Any] | None = None, **options: Any) -> Made:
        """Any REST method."""
        return self._add(CallStep(name=name, method=method, params=_plain(params or {}), **options))

    def upsert(
        self,
        name: str,
        entity_name: str,
        key: Key,
        fields: Mapping[Any, Any],
        *,
        hash: str | None = None,
        version: Version | None = None,
        within: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> Made:
        """Add, change, or leave unchanged. `options`: further fields of `UpsertStep`.

        A field's name is a text, or one that ends with a result: `("property", brand.id)`.
        """
        given = {"hash": hash, "version": version, "within": _plain(within or {}), **options}
        return self._add(UpsertStep(name=name, entity=entity_name, key=key, fields=_plain(fields), **given))

    def find(
        self,
        name: str,
        entity_name: str,
        keys: Iterable[Key],
        *,
        within: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> Made:
        """Look for objects; `found(n)` of what is returned stands for the n-th key."""
        return self._add(
            FindStep(name=name, entity=entity_name, keys=tuple(keys), within=_plain(within or {}), **options)
        )

    def reconcile(
        self, name: str, method: str, params: Mapping[str, Any], *, rule: str, wanted: Any, **options: Any
    ) -> Made:
        """Read, and do what is missing."""
        return self._add(
            ReconcileStep(name=name, method=method, params=_plain(params), rule=rule, wanted=_plain(wanted), **options)
        )

    def build(self) -> Plan:
        """The plan. Raises pydantic's ValidationError when steps do not fit together."""
        return Plan(
            keys=self._keys,
            throttle=self._throttle,
            subject=self._subject,
            force=self._force,
            steps=tuple(self._steps),
        )

    def _add(self, step: AnyStep) -> Made:
        self._steps.append(step)
        return Made(step.name)


class Made:
    """The result of a step, to be used in a later one."""

    def __init__(self, name: str) -> None:
        self.name = name

    @property
    def id(self) -> Ref:
        """Id of an upserted object."""
        return Ref(f"{self.name}.id")

    def found(self, place: int, path: str = "id") -> Ref:
        """`id` or `title` of the n-th key of a `find`; for `If` as well."""
        return Ref(f"{self.name}.found.{place}.{path}" if path else f"{self.name}.found.{place}")

    @property
    def result(self) -> Ref:
        """`result` of a call."""
        return Ref(f"{self.name}.result")

    def at(self, path: str) -> Ref:
        """A place in the `result` of a call: `item.id`, `0.ID`."""
        return Ref(f"{self.name}.result.{path}")


def _plain(value: Any) -> Any:
    """References as they stand on the wire."""
    if isinstance(value, str | int | None):
        return value
    if isinstance(value, Ref):
        return {REF: value.path}
    if isinstance(value, If):
        return value.wire
    if isinstance(value, Mapping):
        return {_name(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


def _name(key: str | tuple[str, Ref]) -> str:
    """A field whose name ends with a result: `("property", brand.id)` is `property${brand.id}`."""
    return key if isinstance(key, str) else f"{key[0]}${{{key[1].path}}}"
