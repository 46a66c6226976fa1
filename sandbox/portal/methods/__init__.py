"""The registry of REST methods."""

from sandbox.portal.methods import base, batch, catalog, crm, events, people, sale
from sandbox.portal.methods.checks import checked
from sandbox.portal.methods.spec import Method

_PARTS = (base, people, crm, catalog, sale, events, batch)


def registry() -> dict[str, Method]:
    """All methods by lower-case name; names are case-insensitive on the wire."""
    return {method.name.lower(): checked(method) for part in _PARTS for method in part.methods()}
