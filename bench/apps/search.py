"""The search alone, as a worker has it: products -> documents -> Elasticsearch. INDEX names the alias."""

from __future__ import annotations

import os
import sys

import uvloop

from pipeline.configuration import settings as read_settings
from pipeline.delivery.app import make_app
from pipeline.delivery.slot import claim
from pipeline.flows.mapping.model import CatalogMapping, Mapping
from pipeline.flows.search import flow, tell
from pipeline.search.runs import SearchSink
from pipeline.topology import CRASHES, DEAD_LETTERS, EVENTS_PRODUCT, OUTCOMES, SEARCH_DOCUMENTS, topic

TOPICS = (EVENTS_PRODUCT, SEARCH_DOCUMENTS, OUTCOMES, DEAD_LETTERS, CRASHES)

settings = read_settings()
uvloop.install()
app = make_app(settings, [topic(name) for name in TOPICS], [])
sink = SearchSink(tell=tell)
app.runtime.attach(flow(Mapping(catalogs={"default": CatalogMapping(iblock=1, index=os.environ["INDEX"])})))
app.runtime.attach(sink.flow())
app.runtime.on_stop(sink.stop)
if "worker" in sys.argv[1:]:
    app.conf.datadir = claim(settings.data_dir.expanduser() / settings.app_id).path
