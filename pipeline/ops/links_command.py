"""`faust -A pipeline links`: list, find, import, export, drop and rebuild links of portals (docs/links.md).

Exit code 0 = all done, 1 = not, with the reason on standard error, 2 = the command line is wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Coroutine
from typing import Any

import click
from faust.cli.base import cli

from pipeline.ops import links_work
from pipeline.ops.links_screen import show
from pipeline.portal.entities import Entity, entity
from pipeline.portal.links.csv_file import read_csv, write_csv
from pipeline.portal.links.kafka import Kafka, LinksError
from pipeline.portal.links.keys import split_external
from pipeline.portal.links.snapshot import read_links
from pipeline.portal.links.store import Link
from pipeline.settings import PortalSettings, Settings

__all__ = ["group", "install"]

_PORTAL = click.option("--portal", help="Name of the portal.")
_ENTITY = click.option("--entity", help="deal, company, item:128, product:23, ...")
_ORIGINATOR = click.option("--originator", help='The system that gave the external id; "" = none.')
_JSON = click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
_TIMEOUT = click.option(
    "--timeout", default=60.0, show_default=True, help="Longest wait for the workers to go on, seconds."
)


def install(settings: Settings) -> None:
    """Put the group beside Faust's commands."""
    cli.add_command(group(settings))


def group(settings: Settings) -> click.Group:
    """The commands, for these settings."""
    portals = settings.all_portals()

    def run(work: Callable[[Kafka], Coroutine[Any, Any, None]]) -> None:
        links_work.run(settings, work)

    @click.group()
    def links() -> None:
        """Links between external ids and the ids of objects in the portals."""

    @links.command("list")
    @_PORTAL
    @_ENTITY
    @click.option("--limit", default=100, show_default=True, help="Links that are shown; 0 = all.")
    @_JSON
    def list_(portal: str | None, entity: str | None, limit: int, as_json: bool) -> None:
        """Show links as they stand now."""

        async def work(kafka: Kafka) -> None:
            show(await read_links(kafka, portal, entity), limit=limit, as_json=as_json)

        run(work)

    @links.command()
    @click.argument("external", required=False)
    @click.option("--id", "number", help="Look for the portal's id instead.")
    @_PORTAL
    @_ENTITY
    @_ORIGINATOR
    @_JSON
    def find(external: str | None, number: str | None, as_json: bool, originator: str | None, **place: Any) -> None:
        """Show the links of an external id, or of a portal's id."""
        matches = _matches(external, number, originator)

        async def work(kafka: Kafka) -> None:
            found = [link for link in await read_links(kafka, **place) if matches(link)]
            if not found:
                raise LinksError("there is no such link")
            show(found, limit=0, as_json=as_json)

        run(work)

    @links.command()
    @click.argument("file")
    @_PORTAL
    @_ENTITY
    def export(file: str, **place: Any) -> None:
        """Write links to a CSV file, or to standard output (-)."""

        async def work(kafka: Kafka) -> None:
            found = await read_links(kafka, **place)
            with links_work.open_text(file, "w") as target:
                write_csv(found, target)
            click.echo(f"{len(found)} links", err=True)

        run(work)

    @links.command("import")
    @click.argument("file")
    @click.option("--dry-run", is_flag=True, help="Check the file only.")
    @click.option("--skip-wrong", is_flag=True, help="Leave wrong lines out instead of sending nothing.")
    @_TIMEOUT
    def import_(file: str, dry_run: bool, skip_wrong: bool, timeout: float) -> None:
        """Put the links of a CSV file (as export writes it), or of standard input (-)."""
        with links_work.open_text(file, "r") as source:
            reading = read_csv(source, portals)
        links_work.tell_faults(file, reading, skip_wrong)
        if dry_run:
            click.echo(f"{len(reading.links)} links could be imported")
            return

        async def work(kafka: Kafka) -> None:
            await links_work.put(kafka, reading.links, timeout)
            click.echo(f"{len(reading.links)} links imported")

        run(work)

    @links.command()
    @click.argument("external", required=False)
    @click.option("--id", "number", help="The portal's id instead.")
    @click.option("--all", "everything", is_flag=True, help="All links of the entity.")
    @click.option("--yes", is_flag=True, help="Do not ask.")
    @click.option("--portal", required=True, help="Name of the portal.")
    @click.option("--entity", required=True, help="deal, company, item:128, product:23, ...")
    @_ORIGINATOR
    @_TIMEOUT
    def drop(
        external: str | None,
        number: str | None,
        everything: bool,
        yes: bool,
        originator: str | None,
        timeout: float,
        **place: Any,
    ) -> None:
        """Forget a link, or all of an entity. Objects in the portal stay as they are."""
        if everything and (external or number):
            raise click.UsageError("--all goes without EXTERNAL and --id")
        matches = _of_originator(originator) if everything else _matches(external, number, originator)

        async def work(kafka: Kafka) -> None:
            found = [link for link in await read_links(kafka, **place) if matches(link)]
            if not everything and len(found) > 1:
                names = ", ".join(repr(split_external(link.external)[0] or "") for link in found)
                raise LinksError(f"there are {len(found)}; say which by --originator: {names}")
            if not found:
                raise LinksError("there is no such link")
            if everything and not yes:
                click.confirm(f"Forget {len(found)} links?", abort=True, err=True)
            await links_work.drop(kafka, place["portal"], found, timeout)
            click.echo(f"{len(found)} links dropped")

        run(work)

    @links.command()
    @click.option("--portal", required=True, help="Name of the portal.")
    @click.option("--entity", "name", required=True, help="deal, company, item:128, product:23, ...")
    @_ORIGINATOR
    @click.option("--credential", help="Which of the portal's credentials; needed where it has several.")
    @click.option("--from-id", default=0, show_default=True, help="Go on after this id.")
    @click.option("--timeout", default=300.0, show_default=True, help="Longest wait for one answer, seconds.")
    def rebuild(
        portal: str, name: str, originator: str | None, credential: str | None, from_id: int, timeout: float
    ) -> None:
        """Put the links of all objects in a portal that have an external id; a worker must run."""
        of = _entity(name)
        chosen = _credential(portals, portal, credential)

        async def work(kafka: Kafka) -> None:
            await links_work.rebuild(kafka, portal, of, originator or None, chosen, from_id, timeout)

        run(work)

    return links


def _matches(external: str | None, number: str | None, originator: str | None) -> Callable[[Link], bool]:
    if (external is None) == (number is None):
        raise click.UsageError("one of EXTERNAL and --id is needed")
    of_originator = _of_originator(originator)
    if number is not None:
        return lambda link: link.id == number and of_originator(link)
    return lambda link: split_external(link.external)[1] == external and of_originator(link)


def _of_originator(originator: str | None) -> Callable[[Link], bool]:
    """None = any; "" = those without one."""
    return lambda link: originator is None or (split_external(link.external)[0] or "") == originator


def _entity(name: str) -> Entity:
    try:
        return entity(name)
    except KeyError as error:
        raise click.UsageError(str(error.args[0])) from None


def _credential(portals: dict[str, PortalSettings], portal: str, asked: str | None) -> str:
    if portal not in portals:
        raise click.UsageError(f"there is no portal {portal!r}; known: {_list(portals)}")
    known = portals[portal].credentials
    if asked is not None and asked not in known:
        raise click.UsageError(f"portal {portal!r} has no credential {asked!r}; known: {_list(known)}")
    if asked is None and len(known) != 1:
        raise click.UsageError(
            f"--credential is needed: portal {portal!r} has {_list(known)} (docs/settings.md, several portals)"
        )
    return asked or next(iter(known))


def _list(names: Collection[str]) -> str:
    return ", ".join(sorted(names)) or "none"
