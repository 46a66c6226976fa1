"""Look for objects by their external keys, without adding or changing anything (docs/plans.md, Finding).

    links: all there -> done
    no link, or one without the title that the entity has -> list calls in the portal -> links of what is found
    something is missing, and there is time left -> the links are asked again and again; at its end the portal once more

What is found is linked without hash and version: they stay unknown, or as the link had them. Of several objects with
one key the oldest is taken, as an upsert does.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pipeline.delivery.errors import Permanent, PipelineError
from pipeline.portal.entities import KEYS_A_LOOKUP, PAGE, entity, inside_of
from pipeline.portal.links.keys import alias_entity, external_key
from pipeline.portal.links.store import Link
from pipeline.portal.plan import FindStep, Key
from pipeline.portal.steps.command import Command, Executed, Refused, Result
from pipeline.portal.steps.env import Env

__all__ = ["FindRun"]

log = logging.getLogger(__name__)

#: Seconds between two looks at the links, from the first pause to the longest; a scaled portal shortens them.
_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 5.0


class FindRun:
    """As `CallRun`; when it is over, `done` is `{"found": [{"id", "title"?} | null, ...], "missing": n}`.

    `links`: what the links should say of objects that were found; the caller writes them where no newer word stands,
    and empties the list. `waiting`: there is nothing to send; `look` is to be called when it is `due`.
    """

    #: a find sends nothing that could have an unknown outcome
    open = False
    unsettled = False

    def __init__(self, step: FindStep, within: Mapping[str, Any], env: Env, *, accepted: float) -> None:
        """`within` with its references resolved; `accepted`: when the plan was, unix seconds. Raises LookupError."""
        self._step = step
        self._kind = entity(step.entity)
        self._entity = alias_entity(step.entity) if step.by_alias else step.entity
        self._inside = inside_of(within)
        self._env = env
        self._until = accepted + step.wait
        self._pause = _FIRST_PAUSE / env.scale
        self._seen: dict[Key, Link | None] = dict.fromkeys(step.keys)
        self._questions: deque[tuple[Key, ...]] = deque()
        self._is_last = step.wait <= 0
        #: when `command` was last asked for, unix seconds
        self.asked_at: float | None = None
        self.waiting = False
        self.due = 0.0
        self.command: Command | None = None
        self.links: list[Link] = []
        self.done: dict[str, Any] | None = None
        self.fault: PipelineError | None = None
        self._ask_links()
        self._ask_portal()

    def take(self, result: Result) -> None:
        """What became of `command`."""
        if isinstance(result, Refused):
            self.command, self.fault = None, result.fault
        elif isinstance(result, Executed):
            self._listed(self._kind.rows(result.content().get("result")))

    def look(self, now: float) -> None:
        """Ask the links again, if that is due."""
        if not self.waiting or now < self.due:
            return
        self._ask_links()
        if not self._missing():
            self._ask_portal()  # of what has just been linked the title may be missing
        elif now >= self._until:
            self._is_last = True
            # asked after the end already, by a worker that came late to it: not twice
            if self.asked_at is None or self.asked_at < self._until:
                self._ask_portal()
            else:
                self._end()
        else:
            self.due = min(now + self._pause, self._until)
            self._pause = min(2 * self._pause, _LONGEST_PAUSE / self._env.scale)

    # -- links

    def _ask_links(self) -> None:
        for key, link in self._seen.items():
            if link is None:
                self._seen[key] = self._link(key)

    def _link(self, key: Key) -> Link | None:
        return self._env.link(self._entity, external_key(key.originator, key.id))

    def _missing(self) -> list[Key]:
        return [key for key, link in self._seen.items() if link is None]

    # -- the portal

    def _ask_portal(self) -> None:
        """For all that lacks its link or its title."""
        self.waiting = False
        wanted: dict[str, list[Key]] = {}
        if not self._step.by_alias:
            for key, link in self._seen.items():
                if link is None or (self._kind.title_field is not None and link.title is None):
                    wanted.setdefault(key.originator if self._kind.originator_field else "", []).append(key)
        for keys in wanted.values():
            parts = range(0, len(keys), KEYS_A_LOOKUP)
            self._questions.extend(tuple(keys[start : start + KEYS_A_LOOKUP]) for start in parts)
        self._next()

    def _next(self) -> None:
        if not self._questions:
            self._answered()
            return
        keys = self._questions[0]
        ids = list(dict.fromkeys(key.id for key in keys))
        params = self._kind.lookup_params(ids, keys[0].originator, self._inside)
        self.command, self.due = Command(self._kind.list_method, params, write=False), 0.0

    def _listed(self, rows: list[dict[str, Any]]) -> None:
        keys = self._questions.popleft()
        for key in keys:
            found = self._named(rows, key)
            if found:
                self._note(key, found)
            elif len(rows) < PAGE or self._seen[key] is not None:
                continue
            elif len(keys) > 1:
                # the page is full of others, perhaps of doubles: ours may be behind them
                self._questions.append((key,))
            else:
                self.command = None
                self.fault = Permanent(f"looking for {self._step.entity} {key.id!r} answers a full page of others")
                return
        self._next()

    def _named(self, rows: list[dict[str, Any]], key: Key) -> dict[str, str | None]:
        """Id -> title of the rows with exactly this key, oldest first."""
        named = self._kind.named(rows, key.id, key.originator, self._inside)
        found = {number: self._kind.title_of(row) for row in named if (number := self._kind.id_of(row)) is not None}
        return dict(sorted(found.items(), key=lambda one: int(one[0])))

    def _note(self, key: Key, found: dict[str, str | None]) -> None:
        known = self._link(key)
        if known is not None:
            # somebody's word, perhaps of a moment ago: the portal only adds the title
            title = found.get(known.id)
            self._seen[key] = known if title is None or title == known.title else replace(known, title=title)
        else:
            number, *doubles = found
            if doubles:
                self._tell_doubles(key, number, doubles)
            external = external_key(key.originator, key.id)
            self._seen[key] = Link(self._env.portal, self._entity, external, number, title=found[number])
        link = self._seen[key]
        if link is not None and link != known:
            self.links.append(link)

    def _tell_doubles(self, key: Key, number: str, doubles: list[str]) -> None:
        log.warning(
            "portal %s: %s %r exists %d times: %s is used, the others are %s",
            self._env.portal,
            self._step.entity,
            key.id,
            1 + len(doubles),
            number,
            ", ".join(doubles),
        )

    # -- the end

    def _answered(self) -> None:
        """Links and portal have been asked."""
        self.command = None
        if self._is_last or not self._missing():
            self._end()
        else:
            self.waiting, self.due = True, 0.0

    def _end(self) -> None:
        self.command, self.waiting = None, False
        found = [_result(self._seen[key]) for key in self._step.keys]
        self.done = {"found": found, "missing": found.count(None)}


def _result(link: Link | None) -> dict[str, str] | None:
    if link is None:
        return None
    return {"id": link.id} if link.title is None else {"id": link.id, "title": link.title}
