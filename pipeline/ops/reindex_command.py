"""`faust -A pipeline reindex`: fill the search index anew while searches go on (docs/search.md).

Exit code 0 = done, 1 = not, or documents were refused, with the reason on standard error; 2 = wrong command line.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping as Source
from pathlib import Path
from typing import Any

import click
from aiokafka.errors import KafkaError
from faust.cli.base import cli
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from pipeline.delivery.errors import PipelineError
from pipeline.delivery.flow import Event
from pipeline.flows.mapping.load import MappingError, load
from pipeline.flows.mapping.model import Mapping
from pipeline.flows.messages.decoders import Decoders
from pipeline.flows.search import aliases, document
from pipeline.search.client import SearchClient
from pipeline.search.documents import Document
from pipeline.search.reindex.replay import Make, ReindexError
from pipeline.search.reindex.state import State
from pipeline.search.reindex.work import Options, Reindex, Result
from pipeline.settings import Settings
from pipeline.topology import EVENTS_PRODUCT, wire_name

__all__ = ["command", "install", "maker"]


def install(settings: Settings) -> None:
    """Put it beside Faust's commands."""
    cli.add_command(command(settings))


def command(settings: Settings) -> click.Command:
    """The command, for these settings."""

    @click.command()
    @click.option("--index", "alias", help="Alias of the index; default: every one that the mapping names.")
    @click.option("--resume", is_flag=True, help="Go on with an interrupted one instead of beginning anew.")
    @click.option("--drop-old/--keep-old", default=False, show_default=True, help="Remove the index that is replaced.")
    def reindex(alias: str | None, resume: bool, drop_old: bool) -> None:
        """Fill a new version of the search index from the log, then move the alias to it."""
        mapping = _mapping(settings.mapping_file)
        if settings.es_url is None:
            raise click.ClickException("ES_URL is not set: there is no Elasticsearch")
        known = sorted(aliases(mapping))
        if alias is not None and alias not in known:
            raise click.UsageError(f"no catalogue of the mapping has the index {alias!r}; known: {', '.join(known)}")
        options = Options(resume=resume, drop_old=drop_old)
        refused = 0
        for name in [alias] if alias is not None else known:
            refused += _run(settings, mapping, name, options).counts.refused
        if refused:
            raise click.ClickException(f"{refused} documents were refused, see above")

    return reindex


def maker(mapping: Mapping) -> Make:
    """What makes a document of a record of events.product."""
    decode = Decoders(mapping.portal.zone).product

    def make(event: Event[bytes]) -> Document | None:
        event.value = decode(event.raw)  # type: ignore[assignment]
        return document(event, mapping)  # type: ignore[arg-type]

    return make


def _run(settings: Settings, mapping: Mapping, alias: str, options: Options) -> Result:
    try:
        with _bar() as progress:
            result = asyncio.run(_work(settings, mapping, alias, options, progress))
    except KafkaError as error:
        raise click.ClickException(f"Kafka ({settings.kafka_url}): {error!r}") from None
    except ReindexError as error:
        raise click.ClickException(str(error)) from None
    except PipelineError as error:
        raise click.ClickException(f"{error}; the search goes on as before, run it again with --resume") from None
    counts = result.counts
    old = f"{result.old} is {'removed' if options.drop_old else 'kept, closed for writes'}"
    click.echo(
        f"{alias} is {result.index} now; {old}. {counts.written} documents from the log, {counts.carried} carried "
        f"over, {counts.unreadable} records are no product, {counts.refused} documents refused"
    )
    for reason in counts.reasons:
        click.echo(f"refused: {reason}", err=True)
    return result


async def _work(settings: Settings, mapping: Mapping, alias: str, options: Options, progress: Progress) -> Result:
    task: TaskID = progress.add_task(alias, total=None)

    def show(phase: str, state: State, trouble: str) -> None:
        text = f"{alias}: {phase}" + (f" ({trouble})" if trouble else "")
        progress.update(task, description=text, total=state.total or None, completed=state.done)

    def wanted(source: Source[str, Any]) -> bool:
        catalog = mapping.catalogs.get(str(source.get("catalog")))
        return catalog is not None and catalog.index == alias

    client = SearchClient(settings)
    try:
        topic = wire_name(settings, EVENTS_PRODUCT)
        work = Reindex(
            settings, client, alias, topic=topic, make=maker(mapping), wanted=wanted, options=options, show=show
        )
        return await work.run()
    finally:
        await client.close()


def _mapping(path: Path | None) -> Mapping:
    if path is None:
        raise click.ClickException("there is no mapping: PIPELINE_MAPPING names it (docs/mapping.md)")
    try:
        return load(path)
    except MappingError as error:
        raise click.ClickException(str(error)) from None


def _bar() -> Progress:
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    return Progress(*columns, console=Console(stderr=True))
