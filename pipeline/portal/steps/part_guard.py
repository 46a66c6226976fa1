"""The guard of a step with a part: is its content what the object was last given (links/parts.py)?

no link of the object -> the step runs, nothing is noted
older version: stale | same hash: unchanged | else the step runs, and what it gave is noted when it has succeeded
the plan fails before the step has succeeded -> the hash is in doubt, the version holds
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pipeline.portal.links.keys import external_key
from pipeline.portal.links.parts import PartNote
from pipeline.portal.links.versions import is_older
from pipeline.portal.plan import CallStep, Part, ReconcileStep
from pipeline.portal.steps.content import content_hash
from pipeline.portal.steps.env import Env
from pipeline.portal.steps.refs import resolve

__all__ = ["PartGuard", "content_of", "doubted"]

log = logging.getLogger(__name__)


def content_of(step: CallStep | ReconcileStep, results: Mapping[str, Any]) -> dict[str, Any]:
    """All that a step gives, with its references resolved, but for what stands apart. Raises LookupError."""
    content: dict[str, Any] = resolve(step.model_dump(include={"method", "params", "wanted", "rule"}), results)
    if step.part is not None and isinstance(content.get("wanted"), dict):
        content["wanted"] = {name: value for name, value in content["wanted"].items() if name not in step.part.apart}
    return content


def doubted(part: Part, env: Env) -> PartNote | None:
    """The note of a part that may not stand any more as it says; None: there is nothing to doubt.

    Its step was made in part, or an earlier step of its plan has changed what belongs together with it.
    """
    external = external_key(part.key.originator, part.key.id)
    before = env.part(part.entity, external, part.name)
    if before is None or not before.hash or is_older(part.version, before.version):
        return None
    return replace(before, hash="")


class PartGuard:
    """`done`: the step's result when it makes no call. `note`: is written with it, else when the step has succeeded."""

    def __init__(self, part: Part, content: Mapping[str, Any], env: Env, *, force: bool) -> None:
        """`content`: all that the step gives, with its references resolved; `force`: whatever the hash says."""
        self.done: dict[str, Any] | None = None
        self.note: PartNote | None = None
        external = external_key(part.key.originator, part.key.id)
        owner = env.link(part.entity, external)
        if owner is None:
            return
        note = PartNote(env.portal, part.entity, external, part.name, owner.id, content_hash(content), part.version)
        before = env.part(part.entity, external, part.name)
        if before is None or before.id != owner.id:
            self.note = note
            return
        older = is_older(part.version, before.version)
        if older is None:
            text = "portal %s: %s %r, part %s: version %r cannot be compared with %r, which was applied"
            log.warning(text, env.portal, part.entity, part.key.id, part.name, part.version, before.version)
        if older:
            self.done = {"action": "stale"}
            return
        if before.hash == note.hash and not force:
            self.done = {"action": "unchanged"}
            if part.version is None or part.version == before.version:
                return
        self.note = note if part.version is not None else replace(note, version=before.version)
