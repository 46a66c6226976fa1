"""What an upsert remembers: its link, the link of its alias, the hash and the version that stand in them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.portal.entity import Inside
from pipeline.portal.links.keys import alias_entity, external_key
from pipeline.portal.links.store import Link
from pipeline.portal.plan import UpsertStep
from pipeline.portal.steps.content import content_hash
from pipeline.portal.steps.env import Env

__all__ = ["Memory"]


class Memory:
    """`before`: the link that stood when the upsert began.

    `hash`: of the content; where the object lies belongs to it. An upsert that leaves what is there (`once`) does not
    know the content: its links have neither hash nor version, so that whoever does know it gives it.
    """

    def __init__(self, step: UpsertStep, fields: Mapping[str, Any], inside: Inside, env: Env) -> None:
        self._step = step
        self._env = env
        self._external = external_key(step.key.originator, step.key.id)
        self._alias = None if step.alias is None else external_key(step.alias.originator, step.alias.id)
        self.before = env.link(step.entity, self._external)
        given = fields if step.hash is None else {"hash": step.hash}
        whole = step.hash is not None and not inside
        self.hash = step.hash if whole else content_hash({**given, **dict(inside)})
        known = self.before.version if self.before is not None else None
        self._version = known if step.version is None else step.version

    @property
    def has_news(self) -> bool:
        """Does the step say something of version or title that the link does not, though the content is the same?"""
        step, before = self._step, self.before
        assert before is not None
        return (step.version is not None and step.version != before.version) or step.title not in (None, before.title)

    def found(self, number: str) -> Link:
        """The link of an object whose content is not known."""
        return self._link(number)

    def done(self, number: str) -> Link:
        """The link of an object that has this content now."""
        return self.found(number) if self._step.once else self._link(number, self.hash, self._version)

    def doubted(self, number: str) -> Link:
        """The link of an object that an update of unknown outcome may have changed. What was applied last, stays."""
        known = self.before.version if self.before is not None and self.before.id == number else None
        return self._link(number, version=known)

    def alias(self, number: str) -> Link | None:
        """The link of the alias; None: there is none to be made."""
        if self._alias is None:
            return None
        place = alias_entity(self._step.entity), self._alias
        link = self._env.link(*place)
        return None if link is not None and link.id == number else Link(self._env.portal, *place, number)

    def forgotten(self, number: str) -> list[tuple[str, str]]:
        """(entity, external key) of the links that lead to an object that is gone."""
        places = [(self._step.entity, self._external)]
        if self._alias is not None:
            place = alias_entity(self._step.entity), self._alias
            link = self._env.link(*place)
            places += [place] if link is not None and link.id == number else []
        return places

    def _link(self, number: str, hash: str | None = None, version: int | str | None = None) -> Link:
        title = self._step.title
        if title is None and self.before is not None and self.before.id == number:
            title = self.before.title
        return Link(self._env.portal, self._step.entity, self._external, number, hash, version, title=title)
