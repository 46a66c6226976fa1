"""The methods of the scope `catalog` (bitrix24.md, section 6.3)."""

from collections.abc import Iterator

from sandbox.portal.methods.catalog import dictionaries, prices, products, properties
from sandbox.portal.methods.spec import Method

_PARTS = (dictionaries, products, prices, properties)


def methods() -> Iterator[Method]:
    """Everything of this folder."""
    for part in _PARTS:
        yield from part.methods()
