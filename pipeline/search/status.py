"""What the sink of this worker tells of itself: health and the pages read it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from pipeline.delivery import metrics
from pipeline.delivery.errors import PipelineError

__all__ = ["SinkStatus", "Trouble"]


@dataclass(frozen=True, slots=True)
class Trouble:
    """Documents that wait because Elasticsearch does not take them: since when (unix time), which class, why."""

    since: float
    error_class: str
    text: str


@dataclass(slots=True)
class SinkStatus:
    """`waiting`: documents that this worker has read and not written yet."""

    waiting: int = 0
    _troubles: dict[int, Trouble] = field(default_factory=dict)

    @property
    def trouble(self) -> Trouble | None:
        """The oldest of the lanes' troubles; None = documents are taken."""
        return min(self._troubles.values(), key=lambda trouble: trouble.since, default=None)

    def failed(self, lane: int, error: PipelineError) -> None:
        """An attempt of a lane was in vain."""
        known = self._troubles.get(lane)
        since = known.since if known is not None else time.time()
        self._troubles[lane] = Trouble(since, error.error_class, str(error))
        metrics.SEARCH_UP.set(0)

    def succeeded(self, lane: int) -> None:
        """A lane's documents were taken, or it has none any more."""
        if self._troubles.pop(lane, None) is not None and not self._troubles:
            metrics.SEARCH_UP.set(1)
