"""Commands of `faust -A pipeline`: settings, topology, adopt."""

from __future__ import annotations

from faust.cli import AppCommand, option
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from pipeline import settings_page
from pipeline.configuration import view
from pipeline.delivery.adoption import adopt_from_now, adopt_from_start
from pipeline.delivery.app import BusApp
from pipeline.topology import agents
from pipeline.topology_page import page

__all__ = ["install"]


def install(app: BusApp) -> None:
    """Put our commands beside Faust's own."""

    @app.command(option("--markdown", is_flag=True, help="Print the tables of docs/settings.md instead."))
    async def settings(self: AppCommand, markdown: bool) -> None:
        """Print every setting with its value and where it came from; secrets are masked."""
        if markdown:
            self.say(settings_page.page())
            return
        table = Table(
            Column("setting", no_wrap=True),
            Column("value", overflow="fold"),
            Column("source", overflow="fold"),
            "meaning",
        )
        for row in view(app.runtime.settings):
            table.add_row(row.name, Text(row.value), row.source, Text(row.description))
        # in a pipe nothing may be cut off for want of a terminal's width
        console = Console()
        Console(width=None if console.is_terminal else 200).print(table)

    @app.command()
    async def topology(self: AppCommand) -> None:
        """Print topology.md: every queue, topic, table and agent, with a drawing."""
        self.say(page())

    @app.command(
        option("--from-now", is_flag=True, help="Leave the records alone, take what comes from now on."),
        option("--from-start", is_flag=True, help="Execute all records that the topics hold."),
    )
    async def adopt(self: AppCommand, from_now: bool, from_start: bool) -> None:
        """First start of an app id where request topics hold records: say from where. No worker may run."""
        if from_now == from_start:
            raise self.UsageError("one of --from-now and --from-start is needed")
        current = app.runtime.settings
        # old answers are not for anybody either: without an offset all that are kept would leave once more
        read = {name for agent in agents(current) for name in agent.topics}
        topics = [app.runtime.wire(name) for name in sorted(read)]
        change = adopt_from_now if from_now else adopt_from_start
        offsets = await change(current.kafka_servers, current.app_id, topics)
        for tp, offset in sorted(offsets.items()):
            self.say(f"{tp.topic}[{tp.partition}] from offset {offset}")
