"""The commands of topic portal.control that change links, as they are written and as they are read.

    {"v": 1, "do": "links.put", "links": [{"entity": "deal", "originator": "site", "external": "5", "id": "17",
                                           "hash": "…", "version": 3}]}
    {"v": 1, "do": "links.drop", "links": [{"entity": "deal", "originator": "site", "external": "5"}]}

`originator`, `hash` and `version` may be left out. A put that says nothing of hash or version keeps what is known of
them, as long as the id stays the same; null forgets them. The record's key is the portal's name.

What is put must be an entity that the bus knows (or `alias:` and that), a number as id, a version as in versions.py;
what an earlier release let in may still be dropped.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Annotated, Any, Literal

import orjson
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints
from pydantic_core import PydanticCustomError

from pipeline.delivery.records import Record
from pipeline.portal.entities import entity, is_number
from pipeline.portal.links.keys import alias_entity, external_key, split_external
from pipeline.portal.links.store import Link
from pipeline.portal.links.versions import Version
from pipeline.topology import CONTROL

__all__ = ["CHUNK", "ENTITY", "DropLink", "DropLinks", "PutLink", "PutLinks", "drop_records", "put_records"]

#: links in one record
CHUNK = 500
_MOST = 10_000
#: `deal`, `item:128`, `product:23`, `alias:product:23`
ENTITY = r"^(alias:)?[a-z][a-z0-9_.-]{0,63}(:[A-Za-z0-9_-]{1,63})?$"


def _number_as_text(value: Any) -> Any:
    """Ids are often sent as numbers."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _known_entity(name: str) -> str:
    try:
        entity(name.removeprefix(alias_entity("")))
    except KeyError as error:
        raise PydanticCustomError("entity", "{text}", {"text": error.args[0]}) from None
    return name


def _digits(text: str) -> str:
    if not is_number(text):
        raise PydanticCustomError("id", "a number is wanted, as the portal gives its objects")
    return text


Text = Annotated[
    str, BeforeValidator(_number_as_text), StringConstraints(min_length=1, max_length=1000, pattern=r"^[^\x1f]+$")
]


class _Strict(BaseModel):
    # a misspelt name must not pass for one that was left out
    model_config = ConfigDict(extra="forbid")


class DropLink(_Strict):
    """Which link. Raises nothing else than pydantic's errors."""

    entity: Annotated[str, StringConstraints(pattern=ENTITY)]
    external: Text
    originator: Annotated[str, StringConstraints(max_length=1000, pattern=r"^[^\x1f]*$")] | None = None

    @property
    def key(self) -> str:
        """The external key (keys.py)."""
        return external_key(self.originator, self.external)


class PutLink(DropLink):
    """A link as it is to be."""

    entity: Annotated[str, AfterValidator(_known_entity)]
    id: Annotated[Text, AfterValidator(_digits)]
    hash: Annotated[str, StringConstraints(min_length=1, max_length=1000)] | None = None
    version: Version | None = None

    def over(self, before: Link | None, portal: str) -> Link:
        """The link to write, where `before` stands."""
        kept = before if before is not None and before.id == self.id else None
        given = self.model_fields_set
        return Link(
            portal,
            self.entity,
            self.key,
            self.id,
            self.hash if kept is None or "hash" in given else kept.hash,
            self.version if kept is None or "version" in given else kept.version,
            title=None if kept is None else kept.title,
        )


class PutLinks(_Strict):
    """Command links.put."""

    v: Literal[1]
    do: Literal["links.put"]
    links: Annotated[list[PutLink], Field(min_length=1, max_length=_MOST)]


class DropLinks(_Strict):
    """Command links.drop."""

    v: Literal[1]
    do: Literal["links.drop"]
    links: Annotated[list[DropLink], Field(min_length=1, max_length=_MOST)]


def put_records(portal: str, links: Iterable[Link]) -> Iterator[Record]:
    """Records that put links of one portal, CHUNK a record. A hash or version of None is left out: it is kept."""
    for chunk in _chunks(links):
        rows = [_named(link) | _known(id=link.id, hash=link.hash, version=link.version) for link in chunk]
        yield _record(portal, {"v": 1, "do": "links.put", "links": rows})


def drop_records(portal: str, links: Iterable[Link]) -> Iterator[Record]:
    """Records that drop links of one portal, CHUNK a record."""
    for chunk in _chunks(links):
        yield _record(portal, {"v": 1, "do": "links.drop", "links": [_named(link) for link in chunk]})


def _named(link: Link) -> dict[str, Any]:
    originator, external = split_external(link.external)
    return _known(entity=link.entity, originator=originator, external=external)


def _known(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def _chunks(links: Iterable[Link]) -> Iterator[list[Link]]:
    rest = iter(links)
    while chunk := list(islice(rest, CHUNK)):
        yield chunk


def _record(portal: str, command: dict[str, Any]) -> Record:
    # how many it holds is told beside it too, for whoever looks at topics and dead letters
    headers = {"do": command["do"], "links": str(len(command["links"]))}
    return Record(CONTROL, orjson.dumps(command), key=portal.encode(), headers=headers)
