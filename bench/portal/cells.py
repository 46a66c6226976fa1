"""How a measured line is shown: figures with their unit, and no ratio for what did not do all of its work."""

from __future__ import annotations

from typing import Any

__all__ = ["COLUMNS", "cells"]

#: Names of a line that are shown, in order. `unit`: `s` (less is better), `calls/s` (more is better).
COLUMNS = ("row", "way", "limit", "measured", "ratio", "refused", "note")


def cells(line: dict[str, Any]) -> tuple[str, ...]:
    """One text a column. `ratio` is measured / limit, or None: gave up, or was refused, before all was executed."""
    unit = line["unit"]
    ratio = "did not finish" if line["ratio"] is None else f"{line['ratio']:.2f}"
    figures = (f"{line['limit']:,.2f} {unit}", f"{line['measured']:,.2f} {unit}", ratio)
    return (line["row"], line["way"], *figures, f"{line['refused']:,}", line.get("note", ""))
