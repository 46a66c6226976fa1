"""The measured table as it stands in the READMEs, between two marks: `python -m bench.portal.readme`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson

from bench.measure import RESULTS
from bench.portal.cells import cells

ROOT = Path(__file__).parents[2]
BEGIN, END = "<!-- bench-portal: begin -->", "<!-- bench-portal: end -->"
HEADS = {
    "README.md": ("measured", "way", "limit", "got", "ratio", "refused", "note"),
    "README.ru.md": ("измерено", "чем", "предел", "вышло", "отношение", "отказов", "примечание"),
}


def table(heads: tuple[str, ...], lines: list[dict[str, Any]]) -> str:
    """Markdown."""
    rows = [f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}"]
    for line in lines:
        rows.append(f"| {' | '.join(cells(line))} |")
    return "\n".join(rows)


def main() -> None:
    """Write both READMEs anew from bench/results/portal.json."""
    found = orjson.loads((RESULTS / "portal.json").read_bytes())
    for name, heads in HEADS.items():
        path = ROOT / name
        before, _, rest = path.read_text().partition(BEGIN)
        after = rest.partition(END)[2]
        path.write_text(f"{before}{BEGIN}\n{table(heads, found['lines'])}\n{END}{after}")


if __name__ == "__main__":
    main()
