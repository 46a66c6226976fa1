"""How the families of methods differ in what they take for a filter and an order."""

from collections.abc import Callable
from dataclasses import dataclass

from sandbox.portal.errors import Problem, must_be_array
from sandbox.portal.store import Table


def _own_name(table: Table, name: str) -> str | None:
    return name if table.field(name) else None


@dataclass(frozen=True, slots=True)
class Rules:
    """`resolve(table, name)` gives a field's own name, None = unknown; `strict` families refuse unknown fields with
    INVALID_ARG_VALUE, the others leave them out; `logic` ones know `logic: OR` and nested groups; `wrong_array(name)`
    is their answer to a filter or order that is no array."""

    resolve: Callable[[Table, str], str | None] = _own_name
    strict: bool = False
    logic: bool = False
    wrong_array: Callable[[str], Problem] = must_be_array


OLD = Rules()
"""The rules of `crm.*.list`."""


def not_allowed(place: str, name: str) -> Problem:
    """The strict families' answer to a field that they do not know; `place` is filter or order."""
    return Problem(400, "INVALID_ARG_VALUE", f"Invalid {place}: field '{name}' is not allowed in {place}")


def invalid_value(name: str) -> Problem:
    """The strict families' answer to a value that no condition can be made of."""
    return Problem(400, "INVALID_ARG_VALUE", f"Invalid filter: field '{name}' has invalid value")


def invalid_direction(name: str, given: object) -> Problem:
    """The strict families' answer to an order that is neither ASC nor DESC."""
    text = f"Invalid order: allowed sort directions are ASC, DESC. But got '{given}' for field '{name}'"
    return Problem(400, "INVALID_ARG_VALUE", text)
