"""The style of catalog and sale: camelCase, typed values, `{"product": {..}}` and `{"products": [..]}`.

A family is a `Resource`: names, which fields must be given, what it refuses; its verbs are generic.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from sandbox.portal import listing
from sandbox.portal.errors import Problem, RestError
from sandbox.portal.fields import TYPES, Field
from sandbox.portal.listing import Rules
from sandbox.portal.methods.checks import wrong_type
from sandbox.portal.methods.given import defaults, new_fields, new_id, start
from sandbox.portal.methods.spec import Call, Change, Handler, Method, Reply, read_params
from sandbox.portal.php import as_map
from sandbox.portal.portal import Portal
from sandbox.portal.store import Row, Table
from sandbox.portal.views import plain_view


def _nothing(portal: Portal, row: Row, held: Row | None) -> None:
    """No check."""


def _written(portal: Portal, call: Call, row: Row) -> None:
    """Nothing follows."""


@dataclass(frozen=True, slots=True)
class Resource:
    """`{name}.add`, `.get`, ..: rows of one table; `one` and `many` name them in answers, `added` after an add.

    `check(portal, row, held)` sees a row before it is kept (`held` = the one that is changed) and may complete it;
    `written(portal, call, row)` sees it after; `show` replaces the plain view. `missing` is the code of an id that
    is not there, its text stands with the entity or is `gone`; `needed`: fields that an update must have. `events`
    names those of ADD, UPDATE, DELETE.
    """

    name: str
    table: str
    scope: str
    one: str
    many: str
    added: str = ""
    missing: str | int = ""
    gone: str = ""
    verbs: tuple[str, ...] = ("add", "get", "list", "update", "delete", "getFields")
    check: Callable[[Portal, Row, Row | None], None] = _nothing
    written: Callable[[Portal, Call, Row], None] = _written
    removed: Callable[[Portal, Call, Row], None] = _written
    show: Callable[[Portal, Row, Iterable[str] | None], dict[str, Any]] | None = None
    take: Callable[[Portal, dict[str, Any], Row | None], Row] | None = None
    required: dict[str, Problem] | None = None
    needed: tuple[str, ...] = ()
    listed: Callable[[Portal, Call], None] | None = None
    events: Mapping[str, str] = field(default_factory=dict)
    resolve: Callable[[Table, str], str | None] | None = None


def resource_methods(resource: Resource) -> Iterator[Method]:
    """The methods of a family."""
    written = resource.added or resource.one
    shapes = {"add": written, "update": written, "list": resource.many}
    for verb in resource.verbs:
        make, params = _VERBS[verb]
        shape = "true" if verb == "delete" else f"{{{shapes.get(verb, resource.one)}}}"
        yield Method(
            f"{resource.name}.{verb}",
            make(resource),
            scope=resource.scope,
            adds=verb == "add",
            params=read_params(params),
            result=shape,
        )


def catalog_events(what: str) -> dict[str, str]:
    """The events of a family of the catalogue: CATALOG.PRODUCT.ON.ADD, .."""
    return {kind: f"CATALOG.{what}.ON.{kind}" for kind in ("ADD", "UPDATE", "DELETE")}


def required_fields(names: Iterable[str]) -> Problem:
    """The answer to missing fields (catalog.price.modify page)."""
    return Problem(400, 0, f"Required fields: {', '.join(names)}")


def table_of(portal: Portal, resource: Resource) -> Table:
    """The table of a family."""
    return portal.store.tables[resource.table]


def shown(portal: Portal, resource: Resource, row: Row, names: Iterable[str] | None = None) -> dict[str, Any]:
    """The row as the family shows it."""
    if resource.show:
        return resource.show(portal, row, names)
    return plain_view(table_of(portal, resource), row, portal.zone, names)


def found(portal: Portal, call: Call, resource: Resource) -> Row:
    """The row that `id` names; raises `RestError` 400 with the family's own code."""
    row = table_of(portal, resource).rows.get(new_id(call))
    if row is None:
        raise RestError(Problem(400, resource.missing, resource.gone or table_of(portal, resource).entity.missing))
    return row


def take_typed(portal: Portal, table: Table, given: dict[str, Any], held: Row | None) -> Row:
    """The given fields in their kept form; unknown and read-only ones are left out."""
    taken: Row = {}
    for name, value in given.items():
        known = table.entity.fields.get(name)
        if known is None or known.readonly or (known.immutable and held is not None):
            continue
        taken[name] = take_value(portal, known, value)
    return taken


def take_value(portal: Portal, known: Field, value: Any) -> Any:
    """One value in its kept form; a multiple field takes a list."""
    kind = TYPES[known.type]
    if not known.multiple:
        return kind.take(value, portal.zone)
    parts = as_map(value)
    return [] if parts is None else [kind.take(part, portal.zone) for part in parts.values()]


def insert(portal: Portal, call: Call, resource: Resource, given: dict[str, Any]) -> Row:
    """Make a row of the given fields, with all checks and what follows."""
    table = table_of(portal, resource)
    row = defaults(table, portal, call)
    row.update(_taken(portal, table, resource, given, None))
    lacking = [name for name, known in table.entity.fields.items() if known.required and row.get(name) in (None, "")]
    for name in lacking:
        if resource.required and name in resource.required:
            raise RestError(resource.required[name])
    if lacking:
        raise RestError(required_fields(lacking))
    resource.check(portal, row, None)
    row_id = table.insert(row)
    call.touched["ID"] = row_id
    resource.written(portal, call, row)
    tell(call, resource, "ADD", row)
    return row


def _taken(portal: Portal, table: Table, resource: Resource, given: dict[str, Any], held: Row | None) -> Row:
    return resource.take(portal, given, held) if resource.take else take_typed(portal, table, given, held)


def change(portal: Portal, call: Call, resource: Resource, row: Row, given: dict[str, Any]) -> None:
    """Change a row, with all checks and what follows."""
    table = table_of(portal, resource)
    after = {**row, **_taken(portal, table, resource, given, row)}
    resource.check(portal, after, row)
    for name in ("timestampX", "dateUpdate"):
        if name in table.entity.fields:
            after[name] = int(portal.clock.now())
    table.update(int(row["id"]), after)
    resource.written(portal, call, row)
    tell(call, resource, "UPDATE", row)


def remove(portal: Portal, call: Call, resource: Resource, row: Row) -> None:
    """Delete a row, and what hangs on it."""
    table_of(portal, resource).delete(int(row["id"]))
    resource.removed(portal, call, row)
    tell(call, resource, "DELETE", row)


def tell(call: Call, resource: Resource, what: str, row: Row) -> None:
    """Note the event of a write, if the family has any."""
    event = resource.events.get(what)
    if event:
        fields = {"ID": row["id"]} | ({"TYPE": row["type"]} if "type" in row else {})
        call.changes.append(Change(event, fields))


def _add(resource: Resource) -> Handler:
    async def run(portal: Portal, call: Call) -> Reply:
        row = insert(portal, call, resource, new_fields(call))
        return Reply({resource.added or resource.one: shown(portal, resource, row)})

    return run


def _get(resource: Resource) -> Handler:
    async def run(portal: Portal, call: Call) -> Reply:
        return Reply({resource.one: shown(portal, resource, found(portal, call, resource))})

    return run


def _update(resource: Resource) -> Handler:
    async def run(portal: Portal, call: Call) -> Reply:
        row, given = found(portal, call, resource), new_fields(call)
        lacking = [name for name in resource.needed if given.get(name) in (None, "")]
        if lacking:
            raise RestError(required_fields(lacking))
        change(portal, call, resource, row, given)
        return Reply({resource.added or resource.one: shown(portal, resource, row)})

    return run


def _delete(resource: Resource) -> Handler:
    async def run(portal: Portal, call: Call) -> Reply:
        remove(portal, call, resource, found(portal, call, resource))
        return Reply(True)

    return run


def _list(resource: Resource) -> Handler:
    async def run(portal: Portal, call: Call) -> Reply:
        if resource.listed:
            resource.listed(portal, call)
        table = table_of(portal, resource)
        names = _selected(table, call.param("select"))
        own = Rules(resource.resolve or _own_name, wrong_array=partial(wrong_type, value="string", wanted="array"))
        page = listing.find(table, call.param("filter"), call.param("order"), start(call), portal.zone, own)
        rows = [shown(portal, resource, row, names) for row in page.rows]
        return Reply({resource.many: rows}, page.total, page.next)

    return run


def _own_name(table: Table, name: str) -> str | None:
    return name if table.field(name) else None


def _selected(table: Table, select: Any) -> list[str] | None:
    names = [str(name) for name in (as_map(select) or {}).values()]
    if not names or "*" in names:
        return None
    return list(dict.fromkeys(name for name in names if name in table.entity.fields or name.startswith("property")))


def _describe(resource: Resource) -> Handler:
    async def run(portal: Portal, call: Call) -> Reply:
        fields = table_of(portal, resource).entity.fields
        return Reply(
            {
                resource.one: {
                    name: {
                        "isImmutable": known.immutable,
                        "isReadOnly": known.readonly,
                        "isRequired": known.required,
                        "type": known.type,
                    }
                    for name, known in fields.items()
                }
            }
        )

    return run


_VERBS: dict[str, tuple[Callable[[Resource], Handler], str]] = {
    "add": (_add, "fields array!"),
    "get": (_get, "id int"),
    "list": (_list, ""),
    "update": (_update, "id int, fields array!"),
    "delete": (_delete, "id int"),
    "getFields": (_describe, ""),
}
