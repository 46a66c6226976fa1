"""What `faust -A pipeline links` shows: tables, progress, doubles."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any

import click
import orjson
from rich.cells import cell_len
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from pipeline.portal.links.keys import split_external
from pipeline.portal.links.store import Link

__all__ = ["Bar", "progress", "say_doubles", "show"]

_HEAD = ("portal", "entity", "originator", "external", "id", "hash", "version", "at")
#: what gives way in a terminal that is too narrow, the first first, and to how many cells; `at` keeps its date
_GIVES = {"hash": 8, "at": 10, "version": 10, "originator": 6, "portal": 6, "external": 16}
_CROPPED = frozenset({"hash", "at"})
#: the external id is folded, not cut, and the id and the entity stay whole
_FOLDED = "external"
_LEFT_OUT = ("at", "hash", "version", "originator")
#: cells of a line in a pipe
_ENDLESS = 100_000
#: doubled external ids that are named one by one
_NAMED = 1000


def show(links: Sequence[Link], *, limit: int, as_json: bool) -> None:
    """Print links, at most `limit` (0 = all), as an aligned table or as JSON, one object a line."""
    shown = links[: limit or None]
    if as_json:
        for link in shown:
            click.echo(orjson.dumps(_fields(link) | {"at": link.at}))
    else:
        console = Console()
        if console.is_terminal:
            console.print(_table(shown, console.width))
        else:  # in a pipe nothing may be cut off for want of a terminal's width
            Console(width=_ENDLESS).print(_table(shown, _ENDLESS))
    if len(shown) < len(links):
        click.echo(f"{len(shown)} of {len(links)} links; --limit 0 shows all", err=True)


def _table(links: Sequence[Link], width: int) -> Table:
    """A line for each link."""
    rows = [_cells(link) for link in links]
    columns = zip(_HEAD, *rows, strict=True)
    widths = _fitting({column[0]: max(map(cell_len, column)) for column in columns}, width)
    table = Table(box=None, pad_edge=False, collapse_padding=True)
    for name, wide in widths.items():
        overflow: Any = "fold" if name == _FOLDED else "crop" if name in _CROPPED else "ellipsis"
        table.add_column(name, width=wide, no_wrap=name != _FOLDED, overflow=overflow)
    for row in rows:
        table.add_row(*(Text(cell) for name, cell in zip(_HEAD, row, strict=True) if name in widths))
    return table


def _fitting(widths: dict[str, int], width: int) -> dict[str, int]:
    """Widths of columns that go into `width`, from those that they want; without those that find no room."""
    excess = sum(widths.values()) + len(widths) - 1 - width
    for name, least in _GIVES.items():
        given = max(0, widths[name] - least)
        # what is cropped has one short form, what gets an ellipsis gives no more than it must
        given = given if name in _CROPPED and excess > 0 else min(given, max(0, excess))
        widths[name] -= given
        excess -= given
    for name in _LEFT_OUT:
        if excess > 0:
            excess -= widths.pop(name) + 1
    return widths


def say_doubles(doubles: Mapping[str, Sequence[str]], unfit: Sequence[str]) -> None:
    """Tell which objects share an external id (the first is linked), and which have none that can be linked."""
    if doubles:
        others = sum(len(ids) - 1 for ids in doubles.values())
        click.echo(f"{len(doubles)} external ids are doubled; not linked: {others} objects", err=True)
    for key, (first, *rest) in islice(doubles.items(), _NAMED):
        originator, external = split_external(key)
        of = f" of {originator}" if originator else ""
        click.echo(f"  {_printable(external)}{of}: id {first} is linked, not {', '.join(rest)}", err=True)
    if len(doubles) > _NAMED:
        click.echo(f"  and {len(doubles) - _NAMED} more", err=True)
    if unfit:
        click.echo(f"external ids that cannot be linked (U+001F), objects {', '.join(unfit)}", err=True)


class Bar:
    """A progress bar on standard error."""

    def __init__(self, bars: Progress, task: TaskID) -> None:
        self._bars = bars
        self._task = task

    def total(self, count: int) -> None:
        """How many there are."""
        self._bars.update(self._task, total=count)

    def set(self, done: int) -> None:
        """How many are done."""
        self._bars.update(self._task, completed=done)

    def say(self, text: str) -> None:
        """A line of its own, above the bar where there is one."""
        self._bars.console.print(text, markup=False, highlight=False, soft_wrap=True)


@contextmanager
def progress(what: str, total: int | None = None) -> Iterator[Bar]:
    """Show a bar while the block runs; `total` None = not known yet."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as bars:
        yield Bar(bars, bars.add_task(what, total=total))


def _fields(link: Link) -> dict[str, Any]:
    originator, external = split_external(link.external)
    return {
        "portal": link.portal,
        "entity": link.entity,
        "originator": originator,
        "external": external,
        "id": link.id,
        "hash": link.hash,
        "version": link.version,
    }


def _cells(link: Link) -> list[str]:
    at = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(link.at))
    return ["" if cell is None else _printable(str(cell)) for cell in (*_fields(link).values(), at)]


def _printable(text: str) -> str:
    """Control characters are shown escaped: they would move a terminal's cursor."""
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text)
