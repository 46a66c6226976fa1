"""`faust -A pipeline check-mapping`: is mapping.toml right, and is all that it names in the portal (docs/mapping.md)?

Exit code 0 = nothing to fix, 1 = something is, or could not be looked at, 2 = the command line is wrong.
"""

from __future__ import annotations

import json
from contextlib import aclosing
from pathlib import Path

import click
from faust.cli.base import cli

from pipeline.flows.mapping.checks import Fault
from pipeline.flows.mapping.compare import compare
from pipeline.flows.mapping.load import MappingError, load
from pipeline.flows.mapping.model import Mapping
from pipeline.flows.mapping.settled import against_settings, credential_of
from pipeline.ops import links_work
from pipeline.ops.links_waiting import PortalWord, Told
from pipeline.portal.links.calls import open_caller
from pipeline.portal.links.kafka import Kafka
from pipeline.settings import Settings
from pipeline.topology import REQUESTS_INTERACTIVE

__all__ = ["command", "install"]


def install(settings: Settings) -> None:
    """Put the command beside Faust's."""
    cli.add_command(command(settings))


def command(settings: Settings) -> click.Command:
    """The command, for these settings."""

    @click.command("check-mapping")
    @click.argument("file", required=False, type=click.Path(path_type=Path))
    @click.option("--portal", "ask", is_flag=True, help="Compare it with the portal; a worker must run.")
    @click.option("--json", "as_json", is_flag=True, help="One JSON object a fault.")
    @click.option("--timeout", default=60.0, show_default=True, help="Longest wait for one answer, seconds.")
    def check_mapping(file: Path | None, ask: bool, as_json: bool, timeout: float) -> None:
        """Check FILE, or the mapping of the settings."""
        path = file or settings.mapping.expanduser()
        try:
            mapping = load(path)
        except MappingError as error:
            raise _told(path, error.faults, as_json) from None
        faults = list(against_settings(mapping, settings))
        if ask and not faults:
            links_work.run(settings, lambda kafka: _look(kafka, mapping, timeout, faults))
        if faults:
            raise _told(path, faults, as_json)
        portal = f", and portal {mapping.portal.name!r} has all that it names" if ask else ""
        click.echo(f"{path}: nothing is wrong{portal}", err=as_json)

    return check_mapping


async def _look(kafka: Kafka, mapping: Mapping, timeout: float, faults: list[Fault]) -> None:
    """Ask the portal; its faults are added. Raises LinksError: nobody answers."""
    portal = mapping.portal
    async with (
        open_caller(kafka, portal.name, credential_of(mapping, kafka.settings), timeout, REQUESTS_INTERACTIVE) as call,
        aclosing(PortalWord(kafka.settings, portal.name)) as word,
    ):
        told = Told(call, word)
        told.say = lambda line: click.echo(line, err=True)
        faults += await compare(mapping, told)


def _told(path: Path, faults: list[Fault], as_json: bool) -> click.ClickException:
    """Print each fault; what is to be raised then."""
    for fault in faults:
        click.echo(json.dumps(fault._asdict(), ensure_ascii=False) if as_json else f"{path}: {fault}")
    one = len(faults) == 1
    return click.ClickException("one thing is to be fixed" if one else f"{len(faults)} things are to be fixed")
