"""What steps are given of the world: links, stamps, settings of settling. Made once for each portal."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from pipeline.portal.links.parts import PartNote
from pipeline.portal.links.store import Link

__all__ = ["Env", "Known", "Stamp"]


@dataclass(frozen=True, slots=True)
class Stamp:
    """External ids for adds that bring none: the same for every try of one request, never those of another.

    `prefix` names the installation and the request (identity and time of its acceptance).
    """

    prefix: str
    originator: str = "bus"

    def external(self, step: str) -> str:
        """The external id of a step's add."""
        return f"{self.prefix}-{step}" if step else self.prefix


class Known:
    """Ids that adds with an external id of the client's own have made lately: they belong to other requests."""

    _KEPT = 10_000

    def __init__(self) -> None:
        self._ids: OrderedDict[tuple[str, str], None] = OrderedDict()

    def add(self, entity: str, number: str) -> None:
        """An add was answered with this id."""
        self._ids[entity, number] = None
        if len(self._ids) > self._KEPT:
            self._ids.popitem(last=False)

    def __contains__(self, place: tuple[str, str]) -> bool:
        return place in self._ids


def _no_link(entity: str, external: str) -> Link | None:
    return None


def _no_part(entity: str, external: str, part: str) -> PartNote | None:
    return None


@dataclass(slots=True)
class Env:
    """`request_limit`: seconds after which the portal has cut off or finished any call; `settle`: look up, not repeat.

    `add_again`: an upserted object that was deleted in the portal is added anew (else it is an error). `scale`: so many
    times faster the portal's clock runs.
    """

    portal: str
    link: Callable[[str, str], Link | None] = _no_link
    request_limit: float = 65.0
    settle: bool = True
    stamp: bool = True
    add_again: bool = True
    scale: float = 1.0
    known: Known = field(default_factory=Known)
    part: Callable[[str, str, str], PartNote | None] = _no_part
