"""Carries over what the old index has newer than the new one, or alone.

The log does not tell all that an index knows: compaction keeps a product's last record, which may be an older event
that came late, and what is written while the log is replayed may have reached the old index only.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import orjson

from pipeline.delivery.errors import Permanent, PipelineError
from pipeline.delivery.retry import Backoff
from pipeline.search.client import SearchClient
from pipeline.search.errors import MissingIndex
from pipeline.search.reindex.replay import Counts

__all__ = ["carry_over"]

_PAGE = 1000
_KEEP = "5m"


async def carry_over(
    client: SearchClient,
    old: str,
    new: str,
    target: str,
    *,
    wanted: Callable[[Mapping[str, Any]], bool],
    counts: Counts,
    sign: Callable[[], Awaitable[None]],
    backoff: Backoff,
) -> None:
    """Compare all documents of `old` with `new` by version; write through the alias `target` what is missing there.

    `wanted(source)`: does it still belong here? `sign` is called after every page. Raises PipelineError.
    """
    await client.call(client.es.indices.refresh(index=old))
    opened = await client.call(client.es.open_point_in_time(index=old, keep_alive=_KEEP))
    pit: str = opened["id"]
    after: list[Any] | None = None
    try:
        while True:
            page = await client.call(
                client.es.search(
                    pit={"id": pit, "keep_alive": _KEEP},
                    size=_PAGE,
                    sort=["_shard_doc"],
                    search_after=after,
                    source=False,
                    version=True,
                    track_total_hits=False,
                )
            )
            pit = page["pit_id"]
            hits = page["hits"]["hits"]
            if not hits:
                return
            after = hits[-1]["sort"]
            versions = {str(hit["_id"]): int(hit["_version"]) for hit in hits}
            missing = await _missing(client, new, versions)
            if missing:
                await _copy(client, old, target, missing, wanted, counts, backoff)
            await sign()
    finally:
        await client.es.options(ignore_status=404).close_point_in_time(id=pit)


async def _missing(client: SearchClient, new: str, versions: Mapping[str, int]) -> list[str]:
    """Ids that the new index lacks, or has older."""
    found = await client.call(client.es.mget(index=new, ids=list(versions), source=False))
    there = {doc["_id"]: int(doc["_version"]) for doc in found["docs"] if doc.get("found")}
    return [name for name, version in versions.items() if there.get(name, -1) < version]


async def _copy(
    client: SearchClient,
    old: str,
    target: str,
    ids: list[str],
    wanted: Callable[[Mapping[str, Any]], bool],
    counts: Counts,
    backoff: Backoff,
) -> None:
    found = await client.call(client.es.mget(index=old, ids=ids))
    docs = [doc for doc in found["docs"] if doc.get("found") and wanted(doc["_source"])]
    attempt = 1
    while docs:
        lines: list[bytes] = []
        for doc in docs:
            # greater only: of two with the same version the new index has the one that was made anew
            head = {"_id": doc["_id"], "version": doc["_version"], "version_type": "external"}
            lines += (
                orjson.dumps({"index": {"_index": target, "require_alias": True, **head}}),
                orjson.dumps(doc["_source"]),
            )
        try:
            results = await client.bulk(lines)
        except PipelineError as error:
            results = [error] * len(docs)
        again = []
        for doc, result in zip(docs, results, strict=True):
            if result is None:
                counts.carried += 1
            elif isinstance(result, Permanent):
                counts.refuse(doc["_id"], result)
            elif _may_pass(result):
                again.append(doc)
            else:
                raise result
        docs = again
        if docs:
            await asyncio.sleep(backoff.pause(attempt))
            attempt += 1


def _may_pass(error: PipelineError) -> bool:
    return error.error_class in ("transient", "throttled") and not isinstance(error, MissingIndex)
