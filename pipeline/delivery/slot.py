"""A datadir of its own for each worker of a machine, without asking anybody to name one.

`<data_dir>/<app id>/worker-0`, `worker-1`, ...: the first that no living worker holds. The lock goes with the
process, however it ends; the tables that a restarted worker finds there make its start quick.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

__all__ = ["Slot", "claim"]

_MOST = 1000


class Slot:
    """A claimed datadir; held until the process ends."""

    def __init__(self, path: Path, lock: int) -> None:
        self.path = path
        self._lock = lock

    @property
    def name(self) -> str:
        """`worker-N`."""
        return self.path.name


def claim(root: Path) -> Slot:
    """Claim the first free folder under `root`.

    Raises:
        OSError: the folder cannot be made or locked.
    """
    for number in range(_MOST):
        path = root / f"worker-{number}"
        path.mkdir(parents=True, exist_ok=True)
        lock = os.open(path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            continue
        return Slot(path, lock)
    raise OSError(f"{_MOST} workers already run from {root}")
