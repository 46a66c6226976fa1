"""The order keys of a request: requests of a portal that share one run one after another (design, section 5, Order).

By entity and id where the method and its parameters tell them (`deal:5`), reads of an id with its writes; else by
entity for writes (`deal`); lists and adds are free (None), but an add that names what it belongs to (a comment, a
product row) keeps the order of that. An add that brings an external id has a key of that (`=deal:...`), and so has an
upsert: such keys hold in both lanes together, since nobody but us keeps external ids single. What an upsert adds `once`
has a soft one (soft_keys.py), which holds only until the object is known.
"""

from __future__ import annotations

import hashlib
from typing import Any

import orjson

from pipeline.portal import methods
from pipeline.portal.entities import Entity, entity, entity_of_add
from pipeline.portal.links.keys import external_key, split_external
from pipeline.portal.plan import FindStep, Plan, ReconcileStep, UpsertStep
from pipeline.portal.requests.soft_keys import soft_key
from pipeline.portal.steps.refs import paths
from pipeline.portal.steps.stamp import external_in

__all__ = ["call_keys", "order_key", "place_of_link", "plan_keys"]

#: entityTypeId and ownerType of entities that have methods of their own (crm/data-types.md, object_type).
_TYPE_NAMES = {
    "1": "lead",
    "2": "deal",
    "3": "contact",
    "4": "company",
    "7": "quote",
    "8": "requisite",
    "14": "order",
    "31": "invoice",
    "l": "lead",
    "d": "deal",
    "c": "contact",
    "co": "company",
    "q": "quote",
    "o": "order",
    "si": "invoice",
}
_ENTITIES = frozenset({"lead", "deal", "contact", "company", "quote"})
#: Methods such as crm.deal.productrows.set, whose `id` is that of the deal.
_PARTS = frozenset({"productrows", "contact", "contact.items", "company", "company.items"})
_ADDS = frozenset({"add", "import", "batchimport"})
_IDS = ("id", "taskid")
_OWNERS = (("entity_type", "entity_id"), ("entity_type_id", "entity_id"))
_ITEM_OWNERS = (("ownertype", "ownerid"), ("ownertypeid", "ownerid"))


def call_keys(method: str, params: Any) -> tuple[str, ...]:
    """All keys of a call."""
    key = order_key(method, params)
    return (*(() if key is None else (key,)), *_brought(method, params))


def plan_keys(plan: Plan) -> tuple[str, ...]:
    """Keys of a plan: its own ones and its subject, and those of its steps as far as they do not depend on results.

    A list that is reconciled is one key, so that two plans do not make what it lacks twice; so is the object of a part.
    A `find` has none.
    """
    keys = [f"plan:{key}" for key in plan.keys or ()]
    soft: dict[str, str] = {}
    if plan.subject is not None:
        keys.append(f"=subject:{plan.subject}")
    for step in plan.steps:
        if isinstance(step, UpsertStep):
            place = _external(entity(step.entity), step.key.originator, step.key.id)
            if step.once:
                soft[place] = soft_key(place, step.entity, external_key(step.key.originator, step.key.id))
            else:
                keys.append(place)
            continue
        if isinstance(step, FindStep):
            continue
        if step.part is not None:
            keys.append(_external(entity(step.part.entity), step.part.key.originator, step.part.key.id))
        if any(paths(step.params)):
            keys += _brought(step.method, step.params)
        else:
            keys += call_keys(step.method, step.params)
            if isinstance(step, ReconcileStep):
                keys.append(_list_of(step))
    hard = dict.fromkeys(keys)
    return (*hard, *(key for place, key in soft.items() if place not in hard))


def place_of_link(entity_name: str, external: str) -> str:
    """The key of the object of a link. Raises KeyError: there is no such entity."""
    originator, number = split_external(external)
    return _external(entity(entity_name), originator or "", number)


def _brought(method: str, params: Any) -> tuple[str, ...]:
    """The key of the external id that an add brings."""
    kind = entity_of_add(methods.canonical(method), params)
    brought = external_in(kind, params) if kind is not None else None
    return () if kind is None or brought is None else (_external(kind, *brought),)


def _external(kind: Entity, originator: str, external: str) -> str:
    """One key for all that a portal's look-up takes for the same: it knows neither case nor blanks at the end."""
    parts = [part for text in (originator, external) if (part := text.strip().casefold())]
    return f"={kind.objects}:" + "\x1f".join(parts)


def _list_of(step: ReconcileStep) -> str:
    given = orjson.dumps(step.params, option=orjson.OPT_SORT_KEYS)
    return f"list:{methods.canonical(step.method)}:{hashlib.sha256(given).hexdigest()[:16]}"


def order_key(method: str, params: Any) -> str | None:
    """The key, or None where order does not matter. `params`: the parsed JSON parameters."""
    name = methods.canonical(method)
    if name == methods.BATCH:
        # commands run in order inside; batches that write keep their order among themselves
        return None if _only_free(params) else methods.BATCH
    given = _lower(params)
    scope, _, verb = name.rpartition(".")
    owner = _owner(given) or _owner(_lower(given.get("fields")))
    entity = _entity(scope, given)
    part_of = scope.removeprefix("crm.").partition(".")
    if part_of[0] in _ENTITIES and part_of[2] in _PARTS:
        entity = part_of[0]
    elif verb in _ADDS:
        return owner
    if scope.startswith("crm.item.") and owner is not None:
        return owner
    number = next((found for key in _IDS if (found := _id(given.get(key))) is not None), None)
    if number is not None:
        return f"{entity}:{number}"
    if methods.is_read(name) or verb in _ADDS:
        return None
    return owner or entity


def _only_free(params: Any) -> bool:
    return all(
        methods.is_read(command) or command.rpartition(".")[2] in _ADDS for command, _ in methods.commands(params)
    )


def _entity(scope: str, given: dict[str, Any]) -> str:
    """`crm.deal` -> deal; `crm.item` with entityTypeId 2 -> deal, 128 -> item.128; others without `crm.`."""
    entity = scope.removeprefix("crm.")
    if entity == "item":
        kind = _id(given.get("entitytypeid"))
        return "item" if kind is None else _TYPE_NAMES.get(kind, f"item.{kind}")
    return entity


def _owner(given: dict[str, Any]) -> str | None:
    """What a comment, a product row or a requisite belongs to: `deal:5`."""
    for type_name, id_name in (*_OWNERS, *_ITEM_OWNERS):
        kind, number = _id(given.get(type_name)), _id(given.get(id_name))
        if kind is not None and number is not None:
            return f"{_kind(kind.lower())}:{number}"
    return None


def _kind(kind: str) -> str:
    if kind in _ENTITIES:
        return kind
    # smart processes: dynamic_128 in comments, T80 (hex) in product rows, 128 in items
    if kind.startswith("dynamic_"):
        return f"item.{kind.removeprefix('dynamic_')}"
    if kind.startswith("t"):
        try:
            return f"item.{int(kind[1:], 16)}"
        except ValueError:
            return kind
    return _TYPE_NAMES.get(kind, f"item.{kind}" if kind.isdigit() else kind)


def _lower(params: Any) -> dict[str, Any]:
    """Parameters by lower-case name; the portal reads `id` and `ID` alike."""
    return {name.lower(): value for name, value in params.items()} if isinstance(params, dict) else {}


def _id(value: Any) -> str | None:
    """An id as text: 5 and "5" are the same."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    text = str(value).strip()
    return text if text and len(text) <= 64 else None
