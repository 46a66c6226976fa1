"""One field of an entity, and how a table of lines describes many."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Field:
    """One field of an entity.

    `type` names an entry of `TYPES`; `readonly` fields are set by the portal alone; `default` is a value or one of
    the markers `@user`, `@now`, `@today`, `@week`, `@bx`; `indexed` fields are found without a scan; `multiple` ones
    hold a list; `required` ones must be given at creation.

    The universal view `crm.item.*`: `item` is the name there (None = not there), `item_readonly` fields ignore
    writes, `immutable` ones are taken at creation only, `response_only` ones are shown but no field of
    `crm.item.fields`; `deprecated` is a mark of `crm.item.fields`. `old` = seen by the methods of one entity.
    """

    type: str
    readonly: bool = False
    default: Any = None
    indexed: bool = False
    multiple: bool = False
    required: bool = False
    item: str | None = None
    item_readonly: bool = False
    immutable: bool = False
    response_only: bool = False
    deprecated: bool = False
    old: bool = True


def read_fields(table: str, *, item: bool = False) -> dict[str, Field]:
    """Fields by name, from lines of `NAME type [mark..]`; `item` = the entity has a universal view.

    Marks: `ro` read-only, `oldro` and `itemro` read-only in one view, `imm` immutable, `resp` response only, `old` and
    `new` only in that view, `index`, `many`, `!` required, `dep` deprecated, `=value` default, `item=name` where the
    universal name does not follow from the other one.
    """
    found: dict[str, Field] = {}
    for line in filter(None, map(str.strip, table.splitlines())):
        name, type_name, *marks = line.split()
        named = {mark[5:] for mark in marks if mark.startswith("item=")}
        defaults = [mark[1:] for mark in marks if mark.startswith("=")]
        response_only = "resp" in marks
        found[name] = Field(
            type=type_name,
            readonly="ro" in marks or "oldro" in marks,
            default=defaults[-1] if defaults else None,
            indexed="index" in marks,
            multiple="many" in marks or type_name == "crm_multifield",
            required="!" in marks,
            item=None if not item or "old" in marks else next(iter(named), camel(name)),
            item_readonly="ro" in marks or "itemro" in marks or response_only,
            immutable="imm" in marks,
            response_only=response_only,
            deprecated="dep" in marks,
            old="new" not in marks and not response_only,
        )
    return found


def camel(name: str) -> str:
    """The universal name: `STAGE_ID` -> `stageId`, `UF_CRM_44_172` -> `ufCrm44_172`, `UF_CRM_172` -> `ufCrm_172`.

    The last group of digits keeps its underscore (crm.item.add of the documentation).
    """
    head, *rest = name.lower().split("_")
    last = len(rest) - 1
    return head + "".join(
        f"_{part}" if position == last and part.isdigit() and head == "uf" else part[:1].upper() + part[1:]
        for position, part in enumerate(rest)
    )


def upper(name: str) -> str:
    """The way back, as far as a name tells: `ufCrm44_172` -> `UF_CRM_44_172`, `parentId128` -> `PARENT_ID_128`."""
    parts: list[str] = []
    before = ""
    for char in name:
        starts = char.isupper() or (char.isdigit() and not before.isdigit() and before != "_")
        if starts and before not in ("", "_"):
            parts.append("_")
        parts.append(char.upper())
        before = char
    return "".join(parts)
