"""Our flow decorator: every output confirmed, acks last."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

import uvloop

from bench.payload import transform
from pipeline.configuration import settings as read_settings
from pipeline.delivery.app import make_app
from pipeline.delivery.flow import Event, flow
from pipeline.delivery.records import Record
from pipeline.delivery.slot import claim
from pipeline.topology import CRASHES, DEAD_LETTERS, Topic, topic

IN = Topic("bench.in", "key", "Input.", partitions=4)
OUT = Topic("bench.out", "key", "Output.", partitions=4)

settings = read_settings()
uvloop.install()
app = make_app(settings, [IN, OUT, topic(DEAD_LETTERS), topic(CRASHES)], [])


@flow("bench", IN.name)
def bench(event: Event[Any]) -> Iterable[Record]:
    """One record in, one out."""
    return [Record(OUT.name, transform(event.raw), key=event.key)]


app.runtime.attach(bench)
if "worker" in sys.argv[1:]:
    app.conf.datadir = claim(settings.data_dir.expanduser() / settings.app_id).path
