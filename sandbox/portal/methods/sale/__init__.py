"""The methods of the scope `sale`, and what ties orders to CRM objects (bitrix24.md, section 6.5)."""

from collections.abc import Iterator

from sandbox.portal.methods.sale import dictionaries, links, orders, payments, properties
from sandbox.portal.methods.spec import Method

_PARTS = (orders, dictionaries, links, payments, properties)


def methods() -> Iterator[Method]:
    """Everything of this folder."""
    for part in _PARTS:
        yield from part.methods()
