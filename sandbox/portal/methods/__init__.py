"""The registry of REST methods."""

from sandbox.portal.methods import base, batch, crm
from sandbox.portal.methods.spec import Method


def registry() -> dict[str, Method]:
    """All methods by lower-case name; names are case-insensitive on the wire."""
    return {method.name.lower(): method for part in (base, crm, batch) for method in part.methods()}
