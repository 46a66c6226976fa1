"""How a few values that no query string can carry are written without a change of meaning.

A query string has texts only: no null, no boolean, no empty list. What is not listed here goes alone, as JSON.
Names are in lower case and compared so; `*` in a path stands for any position of a list.
Sources: the pages of the methods in Bitrix24's documentation, `api-reference/crm`, `catalog` and `sale`.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["NOTHING", "Schema", "goes_alone", "schema_of"]


@dataclass(frozen=True, slots=True)
class Schema:
    """`optional`: parameters that mean the same when they are empty and when they are absent;
    `flags`: paths of values that are Y or N, so that true and false can be written as these."""

    optional: frozenset[str] = frozenset()
    flags: frozenset[tuple[str, ...]] = frozenset()


NOTHING = Schema()


def goes_alone(method: str) -> bool:
    """Must a method (canonical name) never be a command of a batch? The portal refuses these (batch.md)."""
    verb = method.rpartition(".")[2]
    return method == "batch" or verb.startswith(("upload", "download"))


def schema_of(method: str) -> Schema:
    """Of a method, by its canonical name."""
    return NOTHING
