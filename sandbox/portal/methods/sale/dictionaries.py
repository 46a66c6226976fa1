"""`sale.status.list`, `sale.persontype.list`, `sale.paysystem.list`, `sale.delivery.getlist`."""

from collections.abc import Iterator

from sandbox.portal import listing
from sandbox.portal.methods.spec import Call, Handler, Method, Reply
from sandbox.portal.methods.typed import Resource, resource_methods
from sandbox.portal.php import as_map
from sandbox.portal.portal import Portal
from sandbox.portal.views import plain_view

_RESOURCES = (
    Resource("sale.status", "order_status", "sale", "status", "statuses", verbs=("list", "getFields")),
    Resource("sale.persontype", "person_type", "sale", "personType", "personTypes", verbs=("get", "list", "getFields")),
)
_OLD = (("sale.paysystem.list", "pay_system", "pay_system"), ("sale.delivery.getlist", "delivery", "delivery"))


def methods() -> Iterator[Method]:
    """The methods of this file."""
    for resource in _RESOURCES:
        yield from resource_methods(resource)
    for name, table, scope in _OLD:
        yield Method(name, _listed(table), scope=scope, result="rows")


def _listed(name: str) -> Handler:
    """Upper-case names, typed values, everything at once (sale.paysystem.list page)."""

    async def run(portal: Portal, call: Call) -> Reply:
        table = portal.store.tables[name]
        page = listing.find(table, call.param("filter"), call.param("order"), 0, portal.zone)
        given = [str(item) for item in (as_map(call.param("select")) or {}).values()]
        names = [item for item in given if item in table.entity.fields] or None
        return Reply([plain_view(table, row, portal.zone, names) for row in page.rows])

    return run
