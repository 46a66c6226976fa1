"""What the commands of `faust -A pipeline links` do, once the command line is understood."""

from __future__ import annotations

import asyncio
import io
import sys
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import aclosing, contextmanager
from pathlib import Path
from typing import Any, TextIO, cast

import click
from aiokafka.errors import KafkaError

from pipeline.ops.links_screen import progress, say_doubles
from pipeline.ops.links_waiting import PortalWord, Told
from pipeline.portal.entities import Entity
from pipeline.portal.links.calls import open_caller
from pipeline.portal.links.csv_file import Reading
from pipeline.portal.links.kafka import Kafka, LinksError, open_kafka
from pipeline.portal.links.messages import drop_records, put_records
from pipeline.portal.links.rebuild import Rebuild
from pipeline.portal.links.sending import open_sender
from pipeline.portal.links.snapshot import read_links
from pipeline.portal.links.store import Link
from pipeline.settings import Settings

__all__ = ["drop", "open_text", "put", "rebuild", "run", "tell_faults"]


def run(settings: Settings, work: Callable[[Kafka], Coroutine[Any, Any, None]]) -> None:
    """Connect to Kafka and do it. What goes wrong there becomes one line and exit code 1."""

    async def connected() -> None:
        async with open_kafka(settings) as kafka:
            await work(kafka)

    try:
        asyncio.run(connected())
    except LinksError as error:
        raise click.ClickException(str(error)) from None
    except KafkaError as error:
        raise click.ClickException(f"Kafka ({settings.kafka_url}): {error!r}") from None


@contextmanager
def open_text(file: str, mode: str) -> Iterator[TextIO]:
    """A file of text as it is, or the standard streams; a mark at its beginning is left out."""
    how: dict[str, Any] = {"newline": "", "encoding": "utf-8-sig" if mode == "r" else "utf-8"}
    how |= {"errors": "surrogateescape"} if mode == "r" else {}
    try:
        if file != "-":
            with Path(file).open(mode, **how) as opened:
                yield cast(TextIO, opened)
            return
        wrapped = io.TextIOWrapper(sys.stdin.buffer if mode == "r" else sys.stdout.buffer, **how)
        try:
            yield wrapped
        finally:
            wrapped.flush()
            wrapped.detach()
    except OSError as error:
        raise click.ClickException(f"{file}: {error.strerror}") from None


def tell_faults(file: str, reading: Reading, skip_wrong: bool) -> None:
    """Print each wrong line. Raises ClickException: nothing may be sent."""
    for line, text in reading.faults:
        click.echo(f"{file}: line {line}: {text}", err=True)
    if not reading.faults:
        return
    if not skip_wrong:
        raise click.ClickException(f"{len(reading.faults)} wrong lines, nothing was sent")
    if not reading.links:
        raise click.ClickException("no line is right")
    click.echo(f"{len(reading.faults)} wrong lines left out", err=True)


async def put(kafka: Kafka, links: Sequence[Link], patience: float) -> None:
    """Put links of any portals; returns when the workers have them. Raises LinksError."""
    by_portal: dict[str, list[Link]] = {}
    for link in links:
        by_portal.setdefault(link.portal, []).append(link)
    async with open_sender(kafka) as sender:
        with progress("links", len(links)) as bar:
            for portal, own in by_portal.items():
                await sender.send(put_records(portal, own))
            await sender.settle(bar.set, patience)


async def drop(kafka: Kafka, portal: str, links: Sequence[Link], patience: float) -> None:
    """Drop links of one portal; returns when the workers have. Raises LinksError."""
    async with open_sender(kafka) as sender:
        with progress("links", len(links)) as bar:
            await sender.send(drop_records(portal, links))
            await sender.settle(bar.set, patience)


async def rebuild(
    kafka: Kafka, portal: str, of: Entity, originator: str | None, credential: str, from_id: int, patience: float
) -> None:
    """Put the links of all objects of an entity, oldest first. Raises LinksError, having told from where to go on."""
    known = await read_links(kafka, portal, of.name) if from_id else []
    async with (
        open_sender(kafka) as sender,
        open_caller(kafka, portal, credential, patience) as call,
        aclosing(PortalWord(kafka.settings, portal)) as word,
    ):
        told = Told(call, word)
        course = Rebuild(told, portal, of, originator, from_id=from_id, known=known)
        try:
            with progress(of.name) as bar:
                told.say = bar.say
                async for page in course.pages():
                    bar.total(course.total or 0)
                    await sender.send(put_records(portal, page.links))
                    bar.set(page.read)
            await sender.settle(lambda _: None, patience)
        except BaseException:
            if course.last > from_id:
                click.echo(f"read up to id {course.last}; go on with --from-id {course.last}", err=True)
            raise
        finally:
            say_doubles(course.doubles, course.unfit)
    click.echo(f"{course.read} objects read, {course.linked} links put")
