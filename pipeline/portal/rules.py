"""Pure functions that turn a difference into steps: the rules of `reconcile` steps (portal/plan.py).

    @rule("basket")
    def basket(current: list[dict], wanted: Any) -> list[CallStep | UpsertStep]: ...

`current` is all that the list call returned, page by page. The steps run side by side; when the outcome of one stays
unknown, the list is read again and the rule asked anew, so a rule must be happy with whatever it finds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib import import_module
from typing import Any

from pipeline.portal.plan import CallStep, UpsertStep

__all__ = ["Rule", "rule", "rule_named", "rules"]

Rule = Callable[[list[Any], Any], Iterable[CallStep | UpsertStep]]

#: rules that every installation has
_READY = tuple(
    f"pipeline.portal.reconciling.{name}"
    for name in (
        "basket",
        "delivered",
        "fields",
        "gone",
        "multifields",
        "order_link",
        "order_properties",
        "payments",
        "prices",
        "shipment_items",
        "shipments",
        "shipped",
    )
)
_RULES: dict[str, Rule] = {}


def rule(name: str) -> Callable[[Rule], Rule]:
    """Register a rule. Raises ValueError when the name is taken."""

    def register(function: Rule) -> Rule:
        if _RULES.setdefault(name, function) is not function:
            raise ValueError(f"two rules are named {name!r}")
        return function

    return register


def rule_named(name: str) -> Rule:
    """The rule. Raises KeyError; the text says which there are."""
    _ready()
    found = _RULES.get(name)
    if found is None:
        raise KeyError(f"no rule {name!r}; known: {', '.join(sorted(_RULES)) or 'none'}")
    return found


def rules() -> tuple[str, ...]:
    """Names of all rules."""
    _ready()
    return tuple(sorted(_RULES))


def _ready() -> None:
    """The rules that the gateway brings register themselves."""
    for module in _READY:
        import_module(module)
