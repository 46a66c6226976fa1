"""`faust -A pipeline exchange user|product|section|mutualsettlements` (docs/queues.md).

Exit code 0 = all that was taken is done (or there is nothing to do), 1 = not, 2 = the command line is wrong.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import click
from faust.cli.base import cli

from pipeline.bridge.event_edges import EVENT_EDGES
from pipeline.bridge.run_items import Item
from pipeline.delivery.errors import PipelineError
from pipeline.flows.mapping.load import MappingError, load
from pipeline.ops.exchange import work
from pipeline.ops.exchange.flows import expected_flows
from pipeline.ops.exchange.screen import open_screen
from pipeline.settings import Settings
from pipeline.topology import InboundQueue, site_queues

__all__ = ["EVENTS", "command", "install"]

#: as the replaced system called its commands (seeds, section 1.1) -> event
EVENTS = {"user": "user", "product": "product", "section": "section", "mutualsettlements": "settlement"}


def install(settings: Settings) -> None:
    """Put the command beside Faust's."""
    cli.add_command(command(settings))


def command(settings: Settings) -> click.Command:
    """The command, for these settings."""

    @click.command()
    @click.argument("what", type=click.Choice(list(EVENTS)))
    @click.option("--queue", help="Only this queue; default: all of that kind.")
    @click.option("--limit", type=click.IntRange(1), help="Messages at most, of all queues. Default: each queue's own.")
    @click.option(
        "--time-limit", type=click.FloatRange(0, min_open=True), help="Seconds of taking. Default: each queue's own."
    )
    @click.option("--wait", default=600.0, show_default=True, help="Longest wait for the effects, seconds.")
    @click.option("--no-wait", is_flag=True, help="End when all that was taken is in Kafka.")
    @click.option("--force", is_flag=True, help="Write also what has not changed.")
    @click.option("--json", "as_json", is_flag=True, help="One JSON object a line, the summary last.")
    def exchange(
        what: str,
        queue: str | None,
        limit: int | None,
        time_limit: float | None,
        wait: float,
        no_wait: bool,
        force: bool,
        as_json: bool,
    ) -> None:
        """Drain queues that are read by command, and say what became of each item."""
        chosen = choose(settings, EVENTS[what], queue)
        for inbound in chosen:
            if inbound.mode == "steady":
                click.echo(f"queue {inbound.queue} is steady: the worker reads it already, nothing to do", err=True)
        on_command = [inbound for inbound in chosen if inbound.mode != "steady"]
        if not on_command:
            return
        options = work.Options(limit, time_limit, None if no_wait else wait, force)
        if not _run(settings, on_command, options, as_json):
            raise SystemExit(1)

    return exchange


def choose(settings: Settings, event: str, name: str | None) -> Sequence[InboundQueue]:
    """The queues that are meant. Raises ClickException, UsageError: there is none."""
    if settings.mapping_file is None:
        raise click.ClickException(
            f"there is no mapping ({settings.mapping}, setting PIPELINE_MAPPING): queues of the site are not read here"
        )
    of_kind = [inbound for inbound in site_queues(settings) if inbound.event == event]
    found = [inbound for inbound in of_kind if name in (None, inbound.queue)]
    if not found:
        known = ", ".join(inbound.queue for inbound in of_kind) or "none"
        raise click.UsageError(f"there is no such queue{f' as {name!r}' if name else ''}; known: {known}")
    return found


def _run(settings: Settings, queues: Sequence[InboundQueue], options: work.Options, as_json: bool) -> bool:
    flows = _flows(settings)
    edges = [(inbound, EVENT_EDGES[inbound.edge](inbound)) for inbound in queues]
    try:
        with _quiet(), open_screen(waits=options.wait is not None, as_json=as_json) as screen:
            return asyncio.run(work.run(settings, edges, flows, options, screen))
    except PipelineError as error:
        raise click.ClickException(str(error)) from None


def _flows(settings: Settings) -> Callable[[Item], frozenset[str]]:
    assert settings.mapping_file is not None
    try:
        mapping = load(settings.mapping_file)
    except MappingError as error:
        raise click.ClickException(str(error)) from None
    return lambda item: expected_flows(item.event, item.catalog, mapping, searches=settings.searches)


@contextmanager
def _quiet() -> Iterator[None]:
    """Connection errors are told in one line by the command; libraries would log each try."""
    handler = logging.StreamHandler()
    handler.setLevel(logging.CRITICAL)
    root = logging.getLogger()
    root.addHandler(handler)
    try:
        yield
    finally:
        root.removeHandler(handler)
