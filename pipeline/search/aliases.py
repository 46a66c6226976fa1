"""Aliases and versioned indices: made at the first need, by whichever worker is first."""

from __future__ import annotations

import logging
import time

from pipeline.delivery.errors import Blocked, Permanent
from pipeline.search.client import SearchClient
from pipeline.search.errors import AlreadyThere, MissingIndex
from pipeline.search.index import (
    first_alias,
    index_name,
    next_alias,
    number_of,
    pattern,
    settings_and_mappings,
)

__all__ = ["LOOK_SECONDS", "Aliases", "current", "ensure", "versions"]

logger = logging.getLogger(__name__)

#: after so long at most every sink writes to an index that is being filled, too
LOOK_SECONDS = 2.0


async def current(client: SearchClient, alias: str) -> str | None:
    """The index behind an alias; None when there is none.

    Raises:
        Blocked: the alias stands before several indices, or an index has its name.
    """
    try:
        answer = await client.call(client.es.indices.get(index=alias, features="aliases"))
    except MissingIndex:
        return None
    names = sorted(answer)
    if names == [alias]:
        raise Blocked(f"{alias} is an index of Elasticsearch; it must be an alias: remove or rename that index")
    if len(names) != 1:
        raise Blocked(f"the alias {alias} stands before {', '.join(names)}; it must be one index")
    return str(names[0])


async def versions(client: SearchClient, alias: str) -> list[str]:
    """The versioned indices of an alias, the oldest first."""
    answer = await client.call(client.es.indices.get(index=pattern(alias), features="aliases", allow_no_indices=True))
    numbered = [(number, name) for name in answer if (number := number_of(alias, name)) is not None]
    return [name for _, name in sorted(numbered)]


async def ensure(client: SearchClient, alias: str) -> str:
    """The index behind an alias, made with it when there is none yet. Several may call it at once.

    Raises:
        Blocked: see `current`; or there are indices of it that the alias does not stand before.
        PipelineError: Elasticsearch did not do it.
    """
    index = await current(client, alias)
    if index is not None:
        return index
    existing = await versions(client, alias)
    # another worker may have made index and alias between the two questions
    if existing and await current(client, alias) is None:
        raise Blocked(f"the alias {alias} is missing although there is {existing[-1]}: put it before that index again")
    if not existing:
        await _create_first(client, alias)
    return await current(client, alias) or index_name(alias, 1)


async def _create_first(client: SearchClient, alias: str) -> None:
    body = {**settings_and_mappings(), "aliases": {alias: first_alias()}}
    index = index_name(alias, 1)
    try:
        # index and alias appear together, so nobody sees the one without the other
        await client.call(client.es.indices.create(index=index, **body))
        logger.info("made index %s behind alias %s", index, alias)
    except AlreadyThere:
        return
    except Permanent as refused:
        raise Blocked(f"index {index} cannot be made: {refused}") from None


class Aliases:
    """Where documents of an alias are written: always itself, and the index that is being filled, when there is one."""

    def __init__(self, client: SearchClient) -> None:
        self._client = client
        #: alias -> its targets and until when they hold
        self._known: dict[str, tuple[tuple[str, ...], float]] = {}

    async def targets(self, alias: str) -> tuple[str, ...]:
        """Aliases to write to. Raises PipelineError."""
        known = self._known.get(alias)
        if known is not None and known[1] > time.monotonic():
            return known[0]
        filling = await self._client.call(self._client.es.indices.exists_alias(name=next_alias(alias)))
        targets = (alias, next_alias(alias)) if filling else (alias,)
        self._known[alias] = targets, time.monotonic() + LOOK_SECONDS
        return targets

    def forget(self, alias: str) -> None:
        """Look again before the next request."""
        self._known.pop(alias, None)
