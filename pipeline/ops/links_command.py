"""`faust -A pipeline links`: list, find, import, export, drop and rebuild links of portals (docs/links.md)."""

from __future__ import annotations

from pipeline.settings import Settings

__all__ = ["install"]


def install(settings: Settings) -> None:
    """Put the group beside Faust's commands."""
