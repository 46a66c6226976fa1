"""The builder that flows make plans with (the model: portal/plan.py; examples: docs/plans.md)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pipeline.portal.links.versions import Version
from pipeline.portal.plan import CallStep, Key, Plan, ReconcileStep, UpsertStep
from pipeline.portal.steps.refs import REF

__all__ = ["Made", "PlanBuilder", "Ref"]


class Ref:
    """A result of an earlier step, for `PlanBuilder`: `Ref("company.id")`."""

    def __init__(self, path: str) -> None:
        self.path = path


class PlanBuilder:
    """Builds a plan step by step; each method returns what later steps may use.

    plan = PlanBuilder()
    company = plan.upsert("company", "company", Key(id="7", originator="site"), {"TITLE": "ACME"})
    plan.call("rows", "crm.deal.productrows.set", {"id": company.id, "rows": []})
    return [plan.build().record("main", "crm", source="users")]
    """

    def __init__(self, *, keys: Iterable[str] | None = None, throttle: str | None = None) -> None:
        self._keys = None if keys is None else tuple(keys)
        self._throttle = throttle
        self._steps: list[CallStep | UpsertStep | ReconcileStep] = []

    def call(self, name: str, method: str, params: Mapping[str, Any] | None = None, **options: Any) -> Made:
        """Any REST method."""
        return self._add(CallStep(name=name, method=method, params=_plain(params or {}), **options))

    def upsert(
        self,
        name: str,
        entity_name: str,
        key: Key,
        fields: Mapping[str, Any],
        *,
        hash: str | None = None,
        version: Version | None = None,
        **options: Any,
    ) -> Made:
        """Add, change, or leave unchanged."""
        return self._add(
            UpsertStep(
                name=name, entity=entity_name, key=key, fields=_plain(fields), hash=hash, version=version, **options
            )
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
        return Plan(keys=self._keys, throttle=self._throttle, steps=tuple(self._steps))

    def _add(self, step: CallStep | UpsertStep | ReconcileStep) -> Made:
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

    @property
    def result(self) -> Ref:
        """`result` of a call."""
        return Ref(f"{self.name}.result")

    def at(self, path: str) -> Ref:
        """A place in the `result` of a call: `item.id`, `0.ID`."""
        return Ref(f"{self.name}.result.{path}")


def _plain(value: Any) -> Any:
    """References as they stand on the wire."""
    if isinstance(value, Ref):
        return {REF: value.path}
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value
