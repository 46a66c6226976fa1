"""A document on its way: made by a flow, carried by the topic `search.documents`, written by the sink.

Record: key = the document's id, value = its JSON, headers `index` (the alias) and `version`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.delivery.errors import BadInput
from pipeline.delivery.flow import Event
from pipeline.delivery.records import Record
from pipeline.topology import SEARCH_DOCUMENTS

__all__ = ["Document", "read_document"]


@dataclass(frozen=True, slots=True)
class Document:
    """One document. `index` is the alias, `source` its JSON, `version` as pipeline/search/version.py makes it."""

    index: str
    id: str
    version: int
    source: bytes

    def record(self, headers: Mapping[str, str]) -> Record:
        """The record that carries it; `headers` go along."""
        own = {"index": self.index, "version": str(self.version)}
        return Record(SEARCH_DOCUMENTS, self.source, key=self.id.encode(), headers={**headers, **own})


def read_document(event: Event[Any]) -> Document:
    """The document of a record. Raises BadInput."""
    index, version = event.headers.get("index"), event.headers.get("version", "")
    if not index or not event.key or not version.isdigit() or not event.raw:
        raise BadInput("no document: a key, a value and the headers index and version are needed")
    if b"\n" in event.raw:
        raise BadInput("a document is one line of JSON")
    return Document(index, event.key.decode("utf-8", "replace"), int(version), event.raw)
