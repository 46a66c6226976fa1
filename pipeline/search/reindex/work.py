"""One reindex from its beginning to its end, or from where an interrupted one stood.

Every step may be interrupted: what is searched is never touched before the new index is complete, the alias moves in
one request, and an index that was replaced takes no more writes, so nothing can be written where nobody looks.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.delivery.retry import Backoff
from pipeline.search.aliases import LOOK_SECONDS, current, ensure, versions
from pipeline.search.client import SearchClient
from pipeline.search.index import first_alias, index_name, next_alias, number_of, settings_and_mappings
from pipeline.search.reindex.carry import carry_over
from pipeline.search.reindex.replay import Counts, Make, ReindexError, Replay, bounds
from pipeline.search.reindex.state import State, read_state, write_state
from pipeline.settings import Settings

__all__ = ["Options", "Reindex", "Result"]

#: a state that is not renewed for so long is that of a command that has ended
_SILENCE = 10.0
#: share of the documents that Elasticsearch may refuse before the alias stays where it is
_REFUSED = 0.01

#: phase, state, what Elasticsearch says while it takes nothing
Show = Callable[[str, State, str], None]


@dataclass(frozen=True, slots=True)
class Options:
    """`resume`: go on with an interrupted one; `drop_old`: remove the index that was replaced."""

    resume: bool = False
    drop_old: bool = False


@dataclass(frozen=True, slots=True)
class Result:
    """The index behind the alias now, the one before it, and what was counted."""

    index: str
    old: str
    counts: Counts


class Reindex:
    """Of one alias. `make` and `wanted` come from the flow: see Make and `carry_over`."""

    def __init__(
        self,
        settings: Settings,
        client: SearchClient,
        alias: str,
        *,
        topic: str,
        make: Make,
        wanted: Callable[[Mapping[str, Any]], bool],
        options: Options,
        show: Show,
        silence: float = _SILENCE,
        notice: float = 1.5 * LOOK_SECONDS,
    ) -> None:
        """`topic`: name in Kafka of the log that is replayed; `silence`: see `_SILENCE`; `notice`: seconds until all
        sinks have noticed the new index (what they write to the old one alone is carried over).
        """
        self._settings = settings
        self._client = client
        self._alias = alias
        self._topic = topic
        self._make = make
        self._wanted = wanted
        self._options = options
        self._show = show
        self._silence = silence
        self._notice = notice
        self._noted = 0.0
        self.counts = Counts()

    async def run(self) -> Result:
        """All of it.

        Raises:
            ReindexError: it cannot go on; the text says why.
            PipelineError: Elasticsearch did not do something; running it again is safe.
        """
        live = await ensure(self._client, self._alias)
        await self._finish_earlier(live)
        new, state = await self._begin(live)
        if state.phase == "replay":
            await self._replay(new, state)
        await self._fill_up(new, state)
        await self._move(new, state)
        await self._finish(new, state)
        return Result(new, state.old, self.counts)

    async def _finish_earlier(self, live: str) -> None:
        """A reindex was interrupted after the alias had moved: carry the last documents over."""
        state = await read_state(self._client, live)
        if state is None or state.phase != "moving":
            return
        await self._alone(live)
        await self._finish(live, state)

    async def _begin(self, live: str) -> tuple[str, State]:
        unfinished = await current(self._client, next_alias(self._alias))
        if unfinished is not None:
            await self._alone(unfinished)
            state = await read_state(self._client, unfinished)
            if self._options.resume and state is not None and state.ends:
                return unfinished, state
            await self._client.call(self._client.es.indices.delete(index=unfinished))
        return await self._new(live)

    async def _alone(self, index: str) -> None:
        """Raises ReindexError while another command gives signs of life."""
        before = await read_state(self._client, index)
        if before is None or time.time() - before.at > self._silence:
            return
        self._show("looking whether another reindex runs", before, "")
        await asyncio.sleep(self._silence)
        after = await read_state(self._client, index)
        if after is not None and after.at != before.at:
            raise ReindexError(f"another reindex of {self._alias} is at work on {index}")

    async def _new(self, live: str) -> tuple[str, State]:
        numbers = [number_of(self._alias, name) or 0 for name in await versions(self._client, self._alias)]
        new = index_name(self._alias, max(numbers, default=0) + 1)
        state = State(old=live)
        body = {**settings_and_mappings(), "aliases": {next_alias(self._alias): {}}}
        await self._client.call(self._client.es.indices.create(index=new, **body))
        await write_state(self._client, new, state)
        self._show("waiting until all workers write to it, too", state, "")
        await asyncio.sleep(self._notice)
        state.begins, state.ends = await bounds(self._settings.kafka_servers, self._topic)
        state.positions = dict(state.begins)
        await write_state(self._client, new, state)
        return new, state

    async def _replay(self, new: str, state: State) -> None:
        replay = Replay(
            self._settings,
            self._client,
            self._alias,
            self._make,
            self.counts,
            note=lambda: write_state(self._client, new, state),
            show=lambda trouble: self._show("reading the log", state, trouble),
        )
        await replay.run(self._topic, state)
        state.phase = "carry"
        await write_state(self._client, new, state)

    async def _fill_up(self, new: str, state: State) -> None:
        if state.phase != "carry":
            return
        self._show("carrying over", state, "")
        await self._carry(new, state, next_alias(self._alias))
        allowed = _REFUSED * (self.counts.written + self.counts.carried)
        if self.counts.refused > allowed:
            raise ReindexError(
                f"Elasticsearch refused {self.counts.refused} documents; the alias stays, {new} may be looked at: "
                + "; ".join(self.counts.reasons)
            )
        await self._client.call(self._client.es.indices.refresh(index=new))

    async def _move(self, new: str, state: State) -> None:
        """The alias, in one step: no search falls between."""
        state.phase = "moving"
        await write_state(self._client, new, state)
        self._show("moving the alias", state, "")
        actions: list[dict[str, Any]] = [
            {"remove": {"index": state.old, "alias": self._alias, "must_exist": True}},
            {"add": {"index": new, "alias": self._alias, **first_alias()}},
            {"remove": {"index": new, "alias": next_alias(self._alias), "must_exist": True}},
        ]
        await self._client.call(self._client.es.indices.update_aliases(actions=actions))

    async def _finish(self, new: str, state: State) -> None:
        """What was written to the old index up to the last moment; then it is closed for writes, or removed."""
        if await self._client.call(self._client.es.indices.exists(index=state.old)):
            # returns when writes that were on their way have ended; later ones are refused, and the sink writes anew
            await self._client.call(self._client.es.indices.add_block(index=state.old, block="write"))
            await self._carry(new, state, self._alias)
            if self._options.drop_old:
                await self._client.call(self._client.es.indices.delete(index=state.old))
        state.phase = "done"
        await write_state(self._client, new, state)

    async def _carry(self, new: str, state: State, target: str) -> None:
        async def sign() -> None:
            if time.monotonic() - self._noted > self._silence / 4:
                await write_state(self._client, new, state)
                self._noted = time.monotonic()

        await carry_over(
            self._client,
            state.old,
            new,
            target,
            wanted=self._wanted,
            counts=self.counts,
            sign=sign,
            backoff=Backoff(self._settings.retry_min, self._settings.retry_max),
        )
