"""Recovery of tables in the right order: seek while the sources are paused, clear, resume.

faust-streaming 0.15.3 resumes first and then clears the agents' queues, so what was fetched in between vanishes
after every rebalance (#596; measured in reference: Faust, section 13). Between the seek and the resume the owners
of partitions are told what they own, with their tables complete; not when a revocation has come meanwhile, of which
the recovery hears only with the next assignment.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

from faust.tables.recovery import Recovery

if TYPE_CHECKING:
    from pipeline.delivery.app import BusApp

__all__ = ["install_recovery"]


async def _resume(self: Recovery, generation_id: int) -> None:
    app = cast("BusApp", self.app)
    consumer = app.consumer
    if not app.holds(generation_id):
        return
    assignment = consumer.assignment()
    if assignment:
        await self._wait(consumer.perform_seek(), timeout=app.conf.broker_request_timeout)
    if not app.holds(generation_id):
        return
    await app.take_over(assignment)
    if not app.holds(generation_id):
        return
    self.completed.set()
    _let_flow(self)
    consumer.resume_partitions({tp for tp in assignment if not self._is_changelog_tp(tp)})
    consumer.resume_flow()
    await app._fetcher.maybe_start()
    self.tables.on_actives_ready()
    if not app.assignor.assigned_standbys():
        self.tables.on_standbys_ready()
    app.on_rebalance_end()
    self.log.info("Worker ready")


def _let_flow(self: Recovery) -> None:
    """Agents begin with empty queues; what standbys have read since they were started stays.

    Faust resumes here a second time, which empties every queue, that of changelogs too. What the fetcher had put there
    never reached the copy, whose offset went past it: as the next owner it went on from old rows (found by the table
    test).
    """
    flow = self.app.flow_control
    if not flow.is_active():
        flow.resume()
        return
    for queue in flow._queues:
        if queue is not self.tables.changelog_queue:
            queue.clear()


async def _on_recovery_completed(self: Recovery, generation_id: int = 0) -> None:
    await self.app.on_rebalance_complete.send()
    self._set_recovery_ended()
    await asyncio.gather(
        *(
            table.on_recovery_completed(self.actives_for_table[table], self.standbys_for_table[table])
            for table in self.tables.values()
        )
    )
    await _resume(self, generation_id)


async def _resume_streams(self: Recovery, generation_id: int = 0) -> None:
    await self.app.on_rebalance_complete.send()
    await _resume(self, generation_id)


def install_recovery() -> None:
    """Put the mended order in place of Faust's own. Done once, when the application is made."""
    Recovery.on_recovery_completed = _on_recovery_completed  # type: ignore[method-assign]
    Recovery._resume_streams = _resume_streams  # type: ignore[method-assign]
