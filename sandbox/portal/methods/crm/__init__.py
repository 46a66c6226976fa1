"""The methods of the scope `crm`."""

from collections.abc import Iterator

from sandbox.portal.methods.crm import (
    bindings,
    comments,
    currencies,
    dictionaries,
    duplicates,
    items,
    old,
    productrows,
    requisites,
    types,
    userfields,
)
from sandbox.portal.methods.spec import Method

_PARTS = (
    old,
    items,
    productrows,
    bindings,
    requisites,
    comments,
    dictionaries,
    currencies,
    duplicates,
    types,
    userfields,
)


def methods() -> Iterator[Method]:
    """Everything of this folder."""
    for part in _PARTS:
        yield from part.methods()
