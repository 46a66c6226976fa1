"""A worker with one flow, `echo`, whose handler does what each event says.

`{"id": 1}` is copied to `flow.out`; `"do"`: `crash` raises something unexpected, `permanent` can never succeed, `wait`
waits until the file GATE exists (and says in the log that it has begun). RELEASE shortens the wait at a rebalance.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

from pipeline.configuration import settings as read_settings
from pipeline.delivery import runtime as runtime_module
from pipeline.delivery.app import make_app
from pipeline.delivery.errors import Permanent
from pipeline.delivery.flow import Event, Flow, as_json
from pipeline.delivery.records import Record
from pipeline.delivery.slot import claim
from pipeline.topology import CRASHES, DEAD_LETTERS, Topic, topic

GATE = Path(os.environ["GATE"])
IN = Topic("flow.in", "key", "Events.", partitions=1)
OUT = Topic("flow.out", "key", "What was made of them.", partitions=1)

runtime_module.RELEASE_TIMEOUT = float(os.environ.get("RELEASE", "20"))

settings = read_settings()
app = make_app(settings, [IN, OUT, topic(DEAD_LETTERS), topic(CRASHES)], [])


async def echo(event: Event[Any]) -> list[Record]:
    """Do what the event says."""
    match event.value.get("do"):
        case "crash":
            raise RuntimeError("this record is poison")
        case "permanent":
            raise Permanent("never")
        case "wait":
            print(f"echo has begun {event.value['id']}", flush=True)
            while not GATE.exists():
                await asyncio.sleep(0.02)
    return [Record(OUT.name, event.raw, key=event.key)]


app.runtime.attach(Flow("echo", (IN.name,), echo, decode=as_json))

if "worker" in sys.argv[1:]:
    app.conf.datadir = claim(settings.data_dir.expanduser() / settings.app_id).path
