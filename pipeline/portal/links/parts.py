"""Parts of objects: content that is remembered apart from an object's fields (rows, phones, prices).

They lie in the table `links`, beside the link of the object that they belong to:

    p/<portal>/<entity>/<external key>/<part>   JSON {"id", "hash", "version", "at"}

Portal, entity and external key have `/` and `%` escaped. A note counts only for the object whose id it has, so it is
void when the link leads to another; a link that is dropped takes its notes along.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import orjson

from pipeline.portal.links.keys import escaped

__all__ = ["PartNote", "decode_note", "encode_note", "part_place", "part_prefix"]


@dataclass(frozen=True, slots=True)
class PartNote:
    """What an object's part was last given. `external`: the object's external key (keys.py); `at` in unix seconds."""

    portal: str
    entity: str
    external: str
    part: str
    id: str
    hash: str
    version: int | str | None = None
    at: float = field(default_factory=time.time, compare=False)


def part_prefix(portal: str, entity: str, external: str) -> bytes:
    """Beginning of the keys of all parts of one object."""
    return f"p/{escaped(portal)}/{escaped(entity)}/{escaped(external)}/".encode()


def part_place(portal: str, entity: str, external: str, part: str) -> bytes:
    """Key of a part."""
    return part_prefix(portal, entity, external) + part.encode()


def encode_note(note: PartNote) -> bytes:
    """The value of a part's row."""
    fields = {"id": note.id, "hash": note.hash, "version": note.version, "at": round(note.at, 3)}
    return orjson.dumps({name: value for name, value in fields.items() if value is not None})


def decode_note(portal: str, entity: str, external: str, part: str, stored: bytes) -> PartNote:
    """A note from the value of its row."""
    return PartNote(portal, entity, external, part, **orjson.loads(stored))
