"""What `faust -A pipeline exchange` shows: a line an item on standard output, bars and the summary beside it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click
import orjson
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from pipeline.bridge.run_items import Item
from pipeline.ops.exchange.report import ItemReport, Outcome, Report

__all__ = ["Screen", "item_fields", "item_line", "open_screen", "summary_fields", "summary_line", "taken_line"]

#: what an item is called in a line, as the replaced system called it
_WHAT = {"user": "user", "product": "product", "section": "section", "settlement": "mutual settlement"}


def item_line(report: ItemReport) -> str:
    """`Save user element 4711: companies added` or `Not saved: user element 4711: companies: permanent: NAME: ...`."""
    name = f"{_WHAT.get(report.item.event, report.item.event)} element {report.item.label}"
    if report.failed:
        reasons = "; ".join(_failure(outcome) for outcome in report.outcomes.values() if outcome.failed)
        return printable(f"Not saved: {name}: {reasons}")
    if report.missing:
        return printable(f"Not known: {name}: no word of {', '.join(sorted(report.missing))}")
    actions = ", ".join(f"{one.flow} {one.action or one.status}" for one in report.outcomes.values())
    return printable(f"Save {name}: {actions or 'nothing to do'}")


def taken_line(item: Item) -> str:
    """With --no-wait."""
    return printable(f"Taken {_WHAT.get(item.event, item.event)} element {item.label}")


def item_fields(report: ItemReport) -> dict[str, Any]:
    """The same for programs; `status`: done, failed or waiting."""
    status = "failed" if report.failed else "waiting" if report.missing else "done"
    return {
        "item": report.item.label,
        "event": report.item.event,
        "queue": report.item.queue,
        "status": status,
        "flows": {one.flow: _outcome_fields(one) for one in report.outcomes.values()},
        "missing": sorted(report.missing),
    }


def summary_fields(run: str, queues: dict[str, int], report: Report, seconds: float) -> dict[str, Any]:
    """`queues`: messages taken from each."""
    return {
        "run": run,
        "messages": sum(queues.values()),
        "queues": queues,
        "items": report.count,
        "done": report.done,
        "failed": report.failed,
        "waiting": report.waiting,
        "seconds": round(seconds, 1),
    }


def summary_line(summary: dict[str, Any], *, waited: bool) -> str:
    """One line for people."""
    queues = ", ".join(f"{count} of {name}" for name, count in summary["queues"].items())
    head = f"{summary['messages']} messages ({queues}), {summary['items']} items"
    if waited:
        head += f": {summary['done']} done, {summary['failed']} failed, {summary['waiting']} without a word"
    elif summary["failed"]:
        head += f", {summary['failed']} of them dead letters"
    return printable(f"{head}; {summary['seconds']} s, run {summary['run']}")


def printable(text: str) -> str:
    """Control characters are shown escaped: they would move a terminal's cursor."""
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text)


class Screen:
    """Made by `open_screen`."""

    def __init__(self, bars: Progress, drained: TaskID, effects: TaskID | None, *, as_json: bool) -> None:
        self._bars = bars
        self._drained = drained
        self._effects = effects
        self._as_json = as_json

    def will_take(self, count: int) -> None:
        """So many messages more are to be taken."""
        total = self._bars.tasks[self._drained].total or 0
        self._bars.update(self._drained, total=total + count)

    def took(self, messages: int) -> None:
        """So many messages have been taken in all."""
        self._bars.update(self._drained, completed=messages)

    def effects(self, report: Report) -> None:
        """How far the effects are."""
        if self._effects is not None:
            self._bars.update(self._effects, total=report.count, completed=report.done + report.failed)

    def line(self, text: str, fields: dict[str, Any]) -> None:
        """Of an item, or the summary: a text, or with --json its fields."""
        self._out(orjson.dumps(fields).decode() if self._as_json else text)

    def note(self, text: str) -> None:
        """Beside the lines, on standard error."""
        self._bars.console.print(printable(text), markup=False, highlight=False, soft_wrap=True)

    def _out(self, text: str) -> None:
        if sys.stdout.isatty() and self._bars.console.is_terminal:
            # above the bars: on one terminal they would overwrite each other
            self._bars.console.print(text, markup=False, highlight=False, soft_wrap=True)
        else:
            click.echo(text)


@contextmanager
def open_screen(*, waits: bool, as_json: bool) -> Iterator[Screen]:
    """Bars on standard error while the block runs."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    console = Console(stderr=True)
    # no bars in a log
    shown: dict[str, Any] = {"disable": not console.is_terminal, "redirect_stdout": False, "redirect_stderr": False}
    with Progress(*columns, console=console, **shown) as bars:
        drained = bars.add_task("messages", total=0)
        effects = bars.add_task("effects", total=0) if waits else None
        yield Screen(bars, drained, effects, as_json=as_json)


def _failure(outcome: Outcome) -> str:
    return ": ".join(part for part in (outcome.flow, outcome.error_class, outcome.error) if part)


def _outcome_fields(outcome: Outcome) -> dict[str, str]:
    fields = {
        "status": outcome.status,
        "action": outcome.action,
        "error_class": outcome.error_class,
        "error": outcome.error,
    }
    return {name: text for name, text in fields.items() if text}
