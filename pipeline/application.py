"""The one bootstrap: settings -> application -> rooms -> flows -> pages. `faust -A pipeline` finds `app` here."""

from __future__ import annotations

import logging
import sys

import uvloop

from pipeline.bridge.service import Bridge
from pipeline.configuration import settings as read_settings
from pipeline.delivery.app import BusApp, make_app
from pipeline.delivery.exit import refuse
from pipeline.delivery.slot import claim
from pipeline.flows import search
from pipeline.flows.mapping import Mapping, MappingError, load
from pipeline.flows.mapping.settled import against_settings, settled
from pipeline.flows.site import site_flows
from pipeline.ops import commands, links_command, mapping_command, reindex_command
from pipeline.ops.exchange import command as exchange_command
from pipeline.portal.access.seal import KeyFileError, load_sealer
from pipeline.portal.control import Control
from pipeline.portal.gateway import Gateway
from pipeline.search.runs import SearchSink
from pipeline.settings import Settings
from pipeline.topology import agents
from pipeline.web.install import install

__all__ = ["app", "bootstrap"]

logger = logging.getLogger(__name__)


def bootstrap(settings: Settings, *, worker: bool) -> BusApp:
    """Make the application. A `worker` gets every room; a command only looks on.

    Ends the process with one clear line when the installation is not fit to run.
    """
    try:
        app = make_app(settings)
    except RuntimeError as error:
        refuse(str(error))
    commands.install(app)
    links_command.install(settings)
    reindex_command.install(settings)
    exchange_command.install(settings)
    mapping_command.install(settings)
    if worker:
        # a third less CPU a message than asyncio's own loop; must stand before a loop is made
        uvloop.install()
        _furnish(app, settings)
    return app


def _furnish(app: BusApp, settings: Settings) -> None:
    if not settings.all_portals():
        # it would take every message from RabbitMQ only to answer with an error
        refuse("no portal is set: set B24REST to its address up to /rest/, or [portals.<name>] in pipeline.toml")
    try:
        # only a worker holds a datadir and needs the key
        app.conf.datadir = claim(settings.data_dir.expanduser() / settings.app_id).path
        sealer = load_sealer(settings.seal_key_file)
    except (OSError, KeyFileError) as error:
        refuse(str(error))
    runtime = app.runtime
    gateway = Gateway(runtime, sealer)
    control = Control(settings.all_portals(), gateway.links, gateway.linked)
    bridge = Bridge(runtime, gateway.credentials)
    runtime.on_start(bridge.start)
    runtime.on_stop(bridge.stop)
    mapping = _mapping(settings)
    sink = None
    for flow in (*gateway.flows(), control.flow(), *bridge.flows, *(site_flows(mapping) if mapping else ())):
        runtime.attach(flow)
    if mapping is not None and settings.searches:
        sink = SearchSink(tell=search.tell)
        runtime.attach(search.flow(mapping))
        runtime.attach(sink.flow())
        runtime.on_stop(sink.stop)
    elif mapping is not None and (named := search.aliases(mapping)):
        logger.warning("ES_URL is not set: products are not indexed, though the mapping names %s", ", ".join(named))
    missing = {agent.name for agent in agents(settings)} ^ set(runtime.flows)
    if missing:
        refuse(f"agents and topology.py disagree about: {', '.join(sorted(missing))}")
    install(runtime, gateway, bridge, sink)


def _mapping(settings: Settings) -> Mapping | None:
    """What becomes of the site's messages, where a mapping says so."""
    if settings.mapping_file is None:
        return None
    try:
        mapping = load(settings.mapping_file)
    except MappingError as error:
        refuse(str(error))
    faults = list(against_settings(mapping, settings))
    if faults:
        refuse("; ".join(f"{settings.mapping_file}: {fault}" for fault in faults))
    return settled(mapping, settings)


app = bootstrap(read_settings(), worker="worker" in sys.argv[1:] and "--help" not in sys.argv)
