"""The tables of docs/mapping.md, printed from model.py; a test holds the page and this together.

python -m pipeline.flows.mapping.page
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from pipeline.flows.mapping.model import (
    CatalogMapping,
    CollectionMapping,
    CompanyMapping,
    DealMapping,
    OrderMapping,
    PaymentMapping,
    PortalMapping,
    ShipmentMapping,
)

__all__ = ["BEGIN", "END", "TABLES", "page"]

BEGIN = "<!-- mapping: begin -->"
END = "<!-- mapping: end -->"

TABLES: dict[str, type[BaseModel]] = {
    "portal": PortalMapping,
    "company": CompanyMapping,
    "catalogs.<name>": CatalogMapping,
    "catalogs.<name>.collection": CollectionMapping,
    "deal": DealMapping,
    "order": OrderMapping,
    "payment": PaymentMapping,
    "shipment": ShipmentMapping,
}


def page() -> str:
    """Everything between the marks of docs/mapping.md."""
    return "\n\n".join("\n".join(_table(name, model)) for name, model in TABLES.items())


def _table(name: str, model: type[BaseModel]) -> Iterator[str]:
    yield f"### [{name}]\n"
    yield f"{(model.__doc__ or '').strip()}\n"
    yield "| key | default | meaning |"
    yield "|---|---|---|"
    for key, info in model.model_fields.items():
        yield f"| `{key}` | {_default(info)} | {(info.description or '').replace('|', chr(92) + '|')} |"


def _default(info: FieldInfo) -> str:
    if info.is_required():
        return "needed"
    value: Any = info.get_default(call_default_factory=True, validated_data={})
    if value is None or value in ("", {}, []):
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return ", ".join(f"`{key}` = `{_toml(item)}`" for key, item in value.items())
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`"


def _toml(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


if __name__ == "__main__":
    print(page())
