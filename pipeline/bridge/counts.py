"""Running figures of one inbound queue, kept for the status and counted in the metrics."""

from __future__ import annotations

import time

from pipeline.bridge.status import QueueStatus
from pipeline.delivery.metrics import BRIDGE_ACKED, BRIDGE_RECEIVED, BRIDGE_REDELIVERED, BRIDGE_UNACKED

__all__ = ["Counts"]


class Counts:
    """Figures since the worker's start; sessions come and go, this stays."""

    def __init__(self, queue: str) -> None:
        self.queue = queue
        self.consuming = False
        self.received = 0
        self.acked = 0
        self.unacked = 0
        self.redelivered = 0
        self.buried = 0
        self.differences: tuple[str, ...] = ()
        self.error = ""
        self.kafka_error = ""
        #: monotonic time of the last ack, or of the first message after all were acked
        self._progress = 0.0
        self._reported = 0
        self._received = BRIDGE_RECEIVED.labels(queue)
        self._acked = BRIDGE_ACKED.labels(queue)
        self._redelivered = BRIDGE_REDELIVERED.labels(queue)
        BRIDGE_UNACKED.labels(queue).set_function(lambda: self.unacked)

    def took_one(self, redelivered: bool | None) -> None:
        """A message was taken; `redelivered`: RabbitMQ has given it out before."""
        if self.unacked == 0:
            self._progress = time.monotonic()
        self.received += 1
        self.unacked += 1
        if redelivered:
            self.redelivered += 1
            self._redelivered.inc()

    def report(self) -> None:
        """Count what was received in the metric; not for each message, it would cost more than all the rest here."""
        if self.received != self._reported:
            self._received.inc(self.received - self._reported)
            self._reported = self.received

    def acked_some(self, count: int) -> None:
        """So many were acked."""
        self._progress = time.monotonic()
        self.acked += count
        self.unacked -= count
        self._acked.inc(count)

    def buried_one(self, error: str) -> None:
        """It went to the dead letters."""
        self.buried += 1
        self.error = f"dead letter: {error}"

    def status(self) -> QueueStatus:
        """The figures now."""
        return QueueStatus(
            queue=self.queue,
            consuming=self.consuming,
            received=self.received,
            acked=self.acked,
            unacked=self.unacked,
            redelivered=self.redelivered,
            buried=self.buried,
            waits=time.monotonic() - self._progress if self.unacked else 0.0,
            differences=self.differences,
            error=self.kafka_error or self.error,
        )
