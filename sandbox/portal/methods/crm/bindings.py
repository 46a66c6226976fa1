"""Who belongs to whom: `crm.contact.company.*`, `crm.company.contact.*`, `crm.{deal,lead}.contact.*`.

A contact keeps its companies, a deal or lead its contacts; the first of a list is the primary one.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from sandbox.portal.errors import NOT_FOUND, Problem, RestError, must_be_array
from sandbox.portal.fields import integer
from sandbox.portal.methods.given import old_fields, old_id
from sandbox.portal.methods.spec import Call, Handler, Method, Reply
from sandbox.portal.php import as_map
from sandbox.portal.portal import Portal
from sandbox.portal.store import Store


@dataclass(frozen=True, slots=True)
class Binding:
    """`crm.{owner}.{other}.*`: the ids of `other` that an owner has; `kept` = in the owner's own list."""

    owner: str
    other: str
    kept: bool = True

    @property
    def field(self) -> str:
        """The field that names the other side: CONTACT_ID or COMPANY_ID."""
        return f"{self.other.upper()}_ID"


_BINDINGS = (
    Binding("deal", "contact"),
    Binding("lead", "contact"),
    Binding("contact", "company"),
    Binding("company", "contact", kept=False),
)


def methods() -> Iterator[Method]:
    """`add`, `delete`, `fields`, `items.get`, `items.set`, `items.delete` of every binding."""
    for binding in _BINDINGS:
        for verb, (make, result) in _VERBS.items():
            name = f"crm.{binding.owner}.{binding.other}.{verb}"
            yield Method(name, make(binding), scope="crm", result=result)


def contacts_of_company(store: Store, company: int) -> list[int]:
    """The contacts that name a company among theirs."""
    return store.tables["contact"].with_value("COMPANY_IDS", [company]) or []


def set_contacts_of_company(store: Store, company: int, given: Any) -> None:
    """Make exactly these the contacts of a company."""
    wanted = {integer(item) for item in (as_map(given) or {}).values()}
    contacts = store.tables["contact"]
    for row_id in contacts_of_company(store, company):
        if row_id not in wanted:
            _put(store, "contact", row_id, [i for i in contacts.rows[row_id]["COMPANY_IDS"] if i != company])
    for number in sorted(item for item in wanted if item in contacts.rows):
        held = contacts.rows[number].get("COMPANY_IDS") or []
        if company not in held:
            _put(store, "contact", number, [*held, company])


def _put(store: Store, owner: str, row_id: int, ids: list[int]) -> None:
    other = "COMPANY" if owner == "contact" else "CONTACT"
    store.tables[owner].update(row_id, {f"{other}_IDS": ids, f"{other}_ID": ids[0] if ids else None})


def _bound(store: Store, binding: Binding, row_id: int) -> list[int]:
    if not binding.kept:
        return contacts_of_company(store, row_id)
    return list(store.tables[binding.owner].rows[row_id].get(f"{binding.field}S") or [])


def _bind(store: Store, binding: Binding, row_id: int, ids: list[int]) -> None:
    if binding.kept:
        _put(store, binding.owner, row_id, ids)
    else:
        set_contacts_of_company(store, row_id, ids)


def _owner(portal: Portal, binding: Binding, call: Call) -> int:
    row_id = old_id(call)
    if row_id not in portal.store.tables[binding.owner].rows:
        raise RestError(NOT_FOUND)
    return row_id


def _other(binding: Binding, given: dict[str, Any]) -> int:
    number = integer(given.get(binding.field))
    if number is None or number <= 0:
        raise RestError(Problem(400, "", f"The parameter '{binding.field}' is invalid or not defined."))
    return number


def _add(binding: Binding) -> Handler:
    async def run(portal: Portal, call: Call) -> Reply:
        row_id = _owner(portal, binding, call)
        given = old_fields(call)
        number = _other(binding, given)
        held = [item for item in _bound(portal.store, binding, row_id) if item != number]
        first = given.get("IS_PRIMARY") == "Y" or not held
        _bind(portal.store, binding, row_id, [number, *held] if first else [*held, number])
        return Reply(True)

    return run


def _delete(binding: Binding) -> Handler:
    async def run(portal: Portal, call: Call) -> Reply:
        row_id = _owner(portal, binding, call)
        number = _other(binding, old_fields(call))
        _bind(portal.store, binding, row_id, [i for i in _bound(portal.store, binding, row_id) if i != number])
        return Reply(True)

    return run


def _get(binding: Binding) -> Handler:
    async def run(portal: Portal, call: Call) -> Reply:
        ids = _bound(portal.store, binding, _owner(portal, binding, call))
        return Reply(
            [
                {binding.field: number, "SORT": place * 10, "ROLE_ID": 0, "IS_PRIMARY": "Y" if place == 1 else "N"}
                for place, number in enumerate(ids, 1)
            ]
        )

    return run


def _set(binding: Binding) -> Handler:
    async def run(portal: Portal, call: Call) -> Reply:
        row_id = _owner(portal, binding, call)
        given = as_map(call.param("items"))
        if given is None:
            raise RestError(must_be_array("items"))
        items = [as_map(item) or {binding.field: item} for item in given.values()]
        items.sort(key=lambda item: (item.get("IS_PRIMARY") != "Y", integer(item.get("SORT")) or 0))
        _bind(portal.store, binding, row_id, list(dict.fromkeys(_other(binding, item) for item in items)))
        return Reply(True)

    return run


def _clear(binding: Binding) -> Handler:
    async def run(portal: Portal, call: Call) -> Reply:
        _bind(portal.store, binding, _owner(portal, binding, call), [])
        return Reply(True)

    return run


def _describe(binding: Binding) -> Handler:
    async def run(portal: Portal, call: Call) -> Reply:
        marks = {"isReadOnly": False, "isImmutable": False, "isMultiple": False, "isDynamic": False}
        kinds = {binding.field: "integer", "IS_PRIMARY": "char", "SORT": "integer", "ROLE_ID": "integer"}
        return Reply(
            {
                name: {"type": kind, "isRequired": name == binding.field, **marks, "title": name}
                for name, kind in kinds.items()
            }
        )

    return run


_VERBS: dict[str, tuple[Callable[[Binding], Handler], str]] = {
    "add": (_add, "true"),
    "delete": (_delete, "true"),
    "fields": (_describe, "fields"),
    "items.get": (_get, "rows"),
    "items.set": (_set, "true"),
    "items.delete": (_clear, "true"),
}
