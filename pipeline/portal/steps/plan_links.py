"""Links as a plan has changed them, and what the table must say before the plan goes on."""

from __future__ import annotations

from collections.abc import Callable

from pipeline.portal.links.parts import PartNote
from pipeline.portal.links.store import Link
from pipeline.portal.steps.course import LinkChanges
from pipeline.portal.steps.find import FindRun
from pipeline.portal.steps.upsert import UpsertRun

__all__ = ["PlanLinks"]


class PlanLinks:
    """`before(entity, external key)`: the table, which may not have the changes yet."""

    def __init__(self, before: Callable[[str, str], Link | None]) -> None:
        self._before = before
        self._changed: dict[tuple[str, str], Link | None] = {}
        self._changes = LinkChanges()

    def get(self, entity: str, external: str) -> Link | None:
        """The link as it is now."""
        place = entity, external
        return self._changed[place] if place in self._changed else self._before(entity, external)

    def collect(self, run: object) -> None:
        """Take over what a run wants to be written."""
        if isinstance(run, UpsertRun):
            self._changes.drops += run.forget
            self._changed |= dict.fromkeys(run.forget)
            run.forget = []
            for link in (run.link, run.alias):
                if link is not None:
                    self._changes.puts.append(link)
                    self._changed[link.entity, link.external] = link
            run.link = run.alias = None
        elif isinstance(run, FindRun):
            for link in run.links:
                self._changes.found.append(link)
                self._changed[link.entity, link.external] = link
            run.links.clear()

    def note(self, part: PartNote | None) -> None:
        """What a part was given."""
        if part is not None:
            self._changes.parts.append(part)

    def taken(self) -> LinkChanges:
        """The changes since the last time."""
        changes, self._changes = self._changes, LinkChanges()
        return changes
