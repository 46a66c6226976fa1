"""What every benchmark shares: CPU time of a process, a table, and the file with raw figures."""

from __future__ import annotations

import os
import platform
import sys
import time
from pathlib import Path
from typing import Any

import orjson
from rich.console import Console
from rich.table import Table

__all__ = ["RESULTS", "cpu_seconds", "save", "show"]

RESULTS = Path(__file__).parent / "results"
#: Columns of a table that no terminal shows.
_WIDTH = 200
_TICK = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid: int) -> float:
    """User and system time of a process so far, all threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICK


def show(title: str, columns: tuple[str, ...], rows: list[tuple[object, ...]]) -> None:
    """Print a table."""
    table = Table(*columns, title=title, title_justify="left")
    for row in rows:
        table.add_row(*(f"{cell:,.2f}" if isinstance(cell, float) else str(cell) for cell in row))
    # into a file or a pipe: wide enough for the texts, not the 80 columns of no terminal
    Console(width=None if sys.stdout.isatty() else _WIDTH).print(table)


def save(name: str, figures: dict[str, Any]) -> Path:
    """Write raw figures to bench/results/<name>.json, with when and on what."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    head = {
        "measured": time.strftime("%Y-%m-%d %H:%M:%S"),
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "load": os.getloadavg(),
    }
    path.write_bytes(orjson.dumps({**head, **figures}, option=orjson.OPT_INDENT_2) + b"\n")
    return path
