"""Soft order keys: of objects that a plan wants to be there (`once`), and otherwise leaves alone.

Nothing in a portal keeps external ids single, so two plans must not add the same object at the same time. Once its
link is there, neither calls the portal for it, and the key holds up nobody: else all products with a common property
would go one after another. A soft key is the hard one of the object, and what its link is found by:

    ~=property:23:brand <U+001E> property:23 <U+001E> BRAND
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["SoftKey", "is_soft", "place_of", "read_soft", "soft_key", "soft_keys"]

_MARK = "~"
#: keys of plans hold no control characters but the one between originator and id
_BETWEEN = "\x1e"


@dataclass(frozen=True, slots=True)
class SoftKey:
    """`place`: the hard key; `entity` and `external` (links/keys.py) name the link."""

    place: str
    entity: str
    external: str


def soft_keys(keys: Iterable[str]) -> list[SoftKey]:
    """The soft ones among order keys."""
    return [read_soft(key) for key in keys if is_soft(key)]


def soft_key(place: str, entity: str, external: str) -> str:
    """The soft form of a hard key."""
    return f"{_MARK}{place}{_BETWEEN}{entity}{_BETWEEN}{external}"


def is_soft(key: str) -> bool:
    """Is it one?"""
    return key.startswith(_MARK)


def place_of(key: str) -> str:
    """The hard key, of either form."""
    return key[1:].partition(_BETWEEN)[0] if is_soft(key) else key


def read_soft(key: str) -> SoftKey:
    """A soft key. Raises ValueError: it is none."""
    if not is_soft(key):
        raise ValueError(f"{key!r} is no soft key")
    return SoftKey(*key[1:].split(_BETWEEN))
