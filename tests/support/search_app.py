"""A worker with the search alone: events.product -> search.documents -> Elasticsearch. INDEX names the alias.

The state of the sink is printed when it changes, as health tells it.
"""

from __future__ import annotations

import asyncio
import os
import sys

from pipeline.configuration import settings as read_settings
from pipeline.delivery.app import make_app
from pipeline.delivery.slot import claim
from pipeline.flows.mapping.model import CatalogMapping, Mapping
from pipeline.flows.search import flow, tell
from pipeline.search.runs import SearchSink
from pipeline.topology import CRASHES, DEAD_LETTERS, EVENTS_PRODUCT, OUTCOMES, SEARCH_DOCUMENTS, topic

TOPICS = (EVENTS_PRODUCT, SEARCH_DOCUMENTS, OUTCOMES, DEAD_LETTERS, CRASHES)

settings = read_settings()
mapping = Mapping(catalogs={"default": CatalogMapping(iblock=1, index=os.environ["INDEX"])})
app = make_app(settings, [topic(name) for name in TOPICS], [])
sink = SearchSink(tell=tell)
app.runtime.attach(flow(mapping))
app.runtime.attach(sink.flow())
app.runtime.on_stop(sink.stop)


async def watch() -> None:
    """Print troubles as they come and go."""
    told = ""
    while True:
        trouble = sink.status().trouble
        word = f"sink: {trouble.error_class}" if trouble is not None else "sink: well"
        if word != told:
            print(word, flush=True)
            told = word
        await asyncio.sleep(0.05)


async def start() -> None:
    """Watch as long as the worker runs."""
    app.add_future(watch())


app.runtime.on_start(start)

if "worker" in sys.argv[1:]:
    app.conf.datadir = claim(settings.data_dir.expanduser() / settings.app_id).path
