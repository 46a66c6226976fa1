"""One JSON file with the objects and tokens of all portals: read at the start, written at the end and on request."""

import os
import tempfile
from pathlib import Path
from typing import Any

import orjson

from sandbox.portal.portal import Portal

VERSION = 1


class StoreFileError(Exception):
    """The file cannot be used; the text says why."""


def check_writable(path: Path) -> None:
    """Raises `StoreFileError` when `save` could not write beside `path`; leaves nothing there."""
    try:
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise StoreFileError(f"{path} cannot be written: {error.strerror}") from error


def load(path: Path, portals: dict[str, Portal]) -> frozenset[str]:
    """Take over what `save` wrote; returns the portals that were in the file, none when there is no file.

    Raises `StoreFileError` for a file that `save` has not written, and OSError.
    """
    if not path.exists():
        return frozenset()
    try:
        state: Any = orjson.loads(path.read_bytes())
    except orjson.JSONDecodeError as error:
        raise StoreFileError(f"{path} is no JSON: {error}") from error
    if not isinstance(state, dict) or state.get("version") != VERSION:
        raise StoreFileError(f"{path} is no store of version {VERSION}")
    try:
        for name, kept in state["portals"].items():
            if name in portals:
                portals[name].store.load(kept["store"])
                portals[name].apps.load(kept["tokens"])
        return frozenset(state["portals"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise StoreFileError(f"{path} cannot be read: {type(error).__name__}: {error}") from error


def save(path: Path, portals: dict[str, Portal]) -> int:
    """Write everything, in one step: who reads the file sees the old state or the new one; returns its bytes."""
    kept = {name: {"store": item.store.dump(), "tokens": item.apps.dump()} for name, item in portals.items()}
    body = orjson.dumps({"version": VERSION, "portals": kept}, option=orjson.OPT_NON_STR_KEYS)
    beside = path.with_name(path.name + ".new")
    with beside.open("wb") as file:
        file.write(body)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
    return len(body)
