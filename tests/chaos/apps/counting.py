"""A worker that counts per key in a durable table, for the table test: `faust -A tests.chaos.apps.counting worker`.

Topic `count.in` (4 partitions) -> table `counts`: key -> {"n": events, "o": newest source offset}.
"""

from __future__ import annotations

import sys
from typing import Any

import orjson

from pipeline.configuration import settings as read_settings
from pipeline.delivery.app import make_app
from pipeline.delivery.flow import Event, Flow
from pipeline.delivery.slot import claim
from pipeline.topology import CRASHES, DEAD_LETTERS, topic
from tests.chaos.apps.topics import COUNT_IN, COUNTS

settings = read_settings()
app = make_app(settings, [COUNT_IN, topic(DEAD_LETTERS), topic(CRASHES)], [COUNTS])
runtime = app.runtime
table = runtime.table("counts")


async def count(event: Event[Any]) -> None:
    """Exact: an offset that was counted already is written again (it may not have reached the changelog), not added."""
    assert event.key is not None
    held = table.get(event.partition, event.key)
    row = orjson.loads(held) if held else {"n": 0, "o": -1}
    if event.offset > row["o"]:
        row = {"n": row["n"] + 1, "o": event.offset}
    await table.put(event.partition, event.key, orjson.dumps(row))


runtime.attach(Flow("counter", (COUNT_IN.name,), count, in_flight=100))
if "worker" in sys.argv[1:]:
    app.conf.datadir = claim(settings.data_dir.expanduser() / settings.app_id).path
