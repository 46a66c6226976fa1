"""By what a written object is known outside of the portal: the external ids of section 7, for assertions."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from sandbox.portal.php import as_map

_KINDS = {
    "add": "add",
    "import": "add",
    "batchimport": "add",
    "update": "update",
    "modify": "update",
    "set": "update",
    "delete": "delete",
}
_ITEM_TYPES = {"1": "lead", "2": "deal", "3": "contact", "4": "company", "7": "quote", "14": "order", "31": "invoice"}
_IDS = ("origin_id", "originid", "xml_id", "xmlid")
_ORIGINATORS = ("originator_id", "originatorid")


class Write(NamedTuple):
    """A write that succeeded: `kind` is add, update or delete; `external` None when the fields hold no such id."""

    kind: str
    entity: str
    external: str | None


def writes(method: str, params: dict[str, Any], result: Any) -> Iterator[Write]:
    """What a successful call of `method` wrote; nothing for a method that only reads.

    `entity` is the same for both ways to an object: `deal` for `crm.deal.add` and for `crm.item.add` of entity
    type 2. An external id with an originator is `originator/id`.
    """
    place, _, verb = method.lower().rpartition(".")
    kind = _KINDS.get(verb)
    if kind is None or not place:
        return
    given = {str(name).lower(): value for name, value in params.items()}
    entity = _entity(place, given)
    if verb != "batchimport":
        yield Write(kind, entity, external_id(given.get("fields")))
        return
    made = as_map((as_map(result) or {}).get("items")) or {}
    for position, item in (as_map(given.get("data")) or {}).items():
        if "item" in (as_map(made.get(position)) or {}):
            yield Write(kind, entity, external_id(item))


def external_id(fields: Any) -> str | None:
    """ORIGIN_ID or originId, else XML_ID or xmlId of an object's fields; None when there is none."""
    given = as_map(fields)
    if not given:
        return None
    known = {str(name).lower(): value for name, value in given.items()}
    found = next((str(known[name]) for name in _IDS if known.get(name) not in (None, "", [])), None)
    originator = next((str(known[name]) for name in _ORIGINATORS if known.get(name) not in (None, "", [])), None)
    return found if found is None or originator is None else f"{originator}/{found}"


def _entity(place: str, given: dict[str, Any]) -> str:
    name = place.partition(".")[2] or place
    if place == "crm.item":
        number = str(given.get("entitytypeid", ""))
        return _ITEM_TYPES.get(number, f"dynamic_{number}")
    return name
