"""The ends of several log files, and what is added to them, each line with its service's name."""

import time
from collections.abc import Mapping
from pathlib import Path

from stack.process import tail


def show(logs: Mapping[str, Path], *, follow: bool, lines: int = 10) -> None:
    """Print the last `lines` of every log; with `follow`, what is added, until KeyboardInterrupt."""
    width = max(map(len, logs), default=0)
    # Sizes are taken before the ends are printed: a line may then come twice, but none is lost.
    read = {name: path.stat().st_size if path.exists() else 0 for name, path in logs.items()}
    for name, path in logs.items():
        for line in tail(path, lines).splitlines():
            print(f"{name:<{width}} | {line}", flush=True)
    while follow:
        for name, path in logs.items():
            for line in _added(path, read, name):
                print(f"{name:<{width}} | {line}", flush=True)
        time.sleep(0.3)


def _added(path: Path, read: dict[str, int], name: str) -> list[str]:
    if not path.exists():
        return []
    with path.open("rb") as file:
        file.seek(read[name])
        whole, newline, _ = file.read().rpartition(b"\n")
    read[name] += len(whole) + len(newline)
    return whole.decode(errors="replace").splitlines() if newline else []
