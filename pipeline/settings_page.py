"""The tables of docs/settings.md, printed from settings.py; a test holds the file and this together."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from pipeline.configuration import environment_name, mask_url
from pipeline.queue_settings import QueueSettings
from pipeline.settings import CredentialSettings, PortalSettings, Settings

__all__ = ["BEGIN", "END", "page"]

BEGIN = "<!-- settings: begin -->"
END = "<!-- settings: end -->"


def page() -> str:
    """Everything between the marks of docs/settings.md."""
    return "\n".join(
        [
            "| setting | default | meaning |",
            "|---|---|---|",
            *_rows(Settings, environment=True),
            "",
            "A portal, `[portals.<name>]`:",
            "",
            "| setting | default | meaning |",
            "|---|---|---|",
            *_rows(PortalSettings),
            "",
            "A credential, `[portals.<name>.credentials.<credential>]`:",
            "",
            "| setting | default | meaning |",
            "|---|---|---|",
            *_rows(CredentialSettings),
            "",
            "A queue of the site, `[queues.<name>]`:",
            "",
            "| setting | default | meaning |",
            "|---|---|---|",
            *_rows(QueueSettings),
        ]
    )


def _rows(model: type[BaseModel], *, environment: bool = False) -> Iterator[str]:
    for name, info in model.model_fields.items():
        shown = environment_name(name) if environment else name
        yield f"| `{shown}` | {_default(info)} | {(info.description or '').replace('|', chr(92) + '|')} |"


def _default(info: FieldInfo) -> str:
    value: Any = info.get_default(call_default_factory=True, validated_data={})
    if value is PydanticUndefined:
        return "needed"
    if isinstance(value, SecretStr):
        text = value.get_secret_value()
        value = mask_url(text) if text else None
    if value is None or value == {} or value == "":
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | dict):
        value = ", ".join(value)
    if isinstance(value, Path):
        value = value.as_posix()
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`"
