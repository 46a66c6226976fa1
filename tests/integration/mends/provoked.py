"""A counting worker in which one mend of the ground floor can be taken out, and its fault provoked.

Environment: `MENDED` = 1 or 0; `FAULT` = which mend: `order` (seek before resume), `seek` (explicit seek where nothing
is committed), `late` (a revocation before the take-over), `freeze` (guard), `write` (a table's row on its way to the
socket; the worker stops itself there, as if frozen). `GATE` = a file: the handler waits until it
exists. `SEEN` = a file that every counted offset is appended to.
"""

from __future__ import annotations

import asyncio
import math
import os
import signal
import sys
from pathlib import Path
from typing import Any

import uvloop
from aiokafka.producer.sender import SendProduceReqHandler
from faust.tables.recovery import Recovery
from faust.transport.drivers.aiokafka import Consumer

STOCK = {name: getattr(Recovery, name) for name in ("on_recovery_completed", "_resume_streams")}

from pipeline.configuration import settings as read_settings  # noqa: E402
from pipeline.delivery import runtime as runtime_module  # noqa: E402
from pipeline.delivery import transport as transport_module  # noqa: E402
from pipeline.delivery.app import BusApp, make_app  # noqa: E402
from pipeline.delivery.consumer import SafeConsumer  # noqa: E402
from pipeline.delivery.flow import Event, Flow  # noqa: E402
from pipeline.delivery.slot import claim  # noqa: E402
from pipeline.topology import CRASHES, DEAD_LETTERS, Table, Topic, topic  # noqa: E402

FAULT, MENDED = os.environ["FAULT"], os.environ["MENDED"] == "1"
GATE, SEEN = Path(os.environ["GATE"]), Path(os.environ["SEEN"])
IN = Topic("mend.in", "key", "Events.", partitions=1)
TABLE = Table("mend", "key", "Makes recovery run.", partitions=1)

# the gate holds handlers longer than a rebalance should wait in a test
runtime_module.RELEASE_TIMEOUT = 1.0

if FAULT == "write":
    # as the bus itself: its loop writes later than it is told to
    uvloop.install()
    if not MENDED:
        transport_module.guarded = lambda producer, guard: producer  # type: ignore[attr-defined]

settings = read_settings()
app = make_app(settings, [IN, topic(DEAD_LETTERS), topic(CRASHES)], [TABLE])
runtime = app.runtime


async def count(event: Event[Any]) -> None:
    """Waits for the gate, then notes the offset."""
    while not GATE.exists():
        await asyncio.sleep(0.05)
    with SEEN.open("a") as seen:
        seen.write(f"{event.offset}\n")


async def put(event: Event[Any]) -> None:
    """One row, of the first event."""
    if event.offset == 0:
        await runtime.table("mend").put(0, b"key", b"late")


runtime.attach(Flow("mend", (IN.name,), put if FAULT == "write" else count, in_flight=10))

if FAULT == "order":
    original = SafeConsumer.perform_seek

    async def slow_seek(self: SafeConsumer) -> None:
        """Widens the window between seek and clear, in which the stock order loses what was fetched."""
        await original(self)
        await asyncio.sleep(2)

    SafeConsumer.perform_seek = slow_seek  # type: ignore[method-assign]
    if not MENDED:

        async def then_take_over(self: Any, generation_id: int = 0) -> None:
            """The stock order, with the take-over that ours does on the way."""
            await app.take_over(app.consumer.assignment())
            await STOCK["on_recovery_completed"](self, generation_id)

        Recovery.on_recovery_completed = then_take_over  # type: ignore[method-assign]
        Recovery._resume_streams = STOCK["_resume_streams"]  # type: ignore[method-assign]
elif FAULT == "seek":

    @app.task
    async def seek_back() -> None:
        """What Faust does when records arrive while the flow is stopped: throw them away, seek to what is committed."""
        while not len(runtime.flows["mend"]._pool):
            await asyncio.sleep(0.05)
        app.consumer.stop_flow()
        app.flow_control.suspend()
        app.flow_control.clear()
        await app.consumer.perform_seek()
        app.flow_control.resume()
        app.consumer.resume_flow()
        GATE.touch()

    if not MENDED:

        async def stock_seek(self: SafeConsumer) -> None:
            """Faust's own."""
            self._forget(list(self._delivered))
            await Consumer.perform_seek(self)

        SafeConsumer.perform_seek = stock_seek  # type: ignore[method-assign]
elif FAULT == "late":
    committed_seek, give_up = SafeConsumer.perform_seek, BusApp.release

    async def seek_until_given_up(self: SafeConsumer) -> None:
        """The take-over comes after this; the gate opens when the partitions are gone."""
        await committed_seek(self)
        print("seek is done", flush=True)
        while not GATE.exists():
            await asyncio.sleep(0.02)

    async def give_up_slowly(self: BusApp) -> None:
        """Leaves time for a take-over before the next assignment is there."""
        await give_up(self)
        if not self.consumer.assignment():
            return  # the first time a worker joins
        print("given up", flush=True)
        GATE.touch()
        await asyncio.sleep(2)

    class Owner:
        """Says what it is told."""

        async def on_owned(self, partitions: frozenset[int]) -> None:
            """Taken over."""
            print(f"owned {sorted(partitions)}", flush=True)

        async def on_lost(self) -> None:
            """Given up."""

    SafeConsumer.perform_seek = seek_until_given_up  # type: ignore[method-assign]
    BusApp.release = give_up_slowly  # type: ignore[method-assign]
    runtime.ownership.register(runtime.wire(IN.name), Owner())
    if not MENDED:
        # what was asked for before
        BusApp.holds = lambda self, generation: generation == self.consumer_generation_id  # type: ignore[method-assign]
elif FAULT == "freeze" and not MENDED:
    runtime.guard.limit = math.inf
elif FAULT == "write":
    prepare = SendProduceReqHandler.create_request

    def freeze_with(self: Any) -> Any:
        """Of aiokafka's sender: the batch is drained, the request is made, its bytes are what follows."""
        request = prepare(self)
        if any(tp.topic == runtime.table("mend").changelog for tp in self._batches):
            os.kill(os.getpid(), signal.SIGSTOP)
        return request

    SendProduceReqHandler.create_request = freeze_with

if "worker" in sys.argv[1:]:
    app.conf.datadir = claim(settings.data_dir.expanduser() / settings.app_id).path
