"""The methods of the scope `crm`."""

from collections.abc import Iterator

from sandbox.portal.methods.crm import old
from sandbox.portal.methods.spec import Method

_PARTS = (old,)


def methods() -> Iterator[Method]:
    """Everything of this folder."""
    for part in _PARTS:
        yield from part.methods()
