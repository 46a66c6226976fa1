"""All tables of a portal, its files, and the counters that span tables."""

from dataclasses import dataclass
from typing import Any

from sandbox.portal.entities import ALL, ITEMS, smart_process
from sandbox.portal.fields import Field
from sandbox.portal.fields.model import camel, upper
from sandbox.portal.store.seeds import seed
from sandbox.portal.store.table import Row, Table


@dataclass(frozen=True, slots=True)
class File:
    """A file that was uploaded: its name and its content in base64."""

    name: str
    content: str


class Store:
    """Tables by entity name; smart processes add theirs."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget all objects; ids begin at 1 again, and the dictionaries are those of a new portal."""
        self.tables = {entity.name: Table(entity) for entity in ALL}
        self.files: dict[int, File] = {}
        self.required: dict[int, set[str]] = {}
        self._types = {entity.type_id: entity.name for entity in ITEMS}
        self._names: dict[str, str] = {}
        self._numbers: dict[str, int] = {}
        seed(self.tables)
        self._declare_user_fields()

    def of_type(self, type_id: int) -> Table | None:
        """The table of a CRM type (1 lead, 2 deal, .. 128 and more smart processes); None = no such type."""
        name = self._types.get(type_id)
        return self.tables[name] if name else None

    def of_short(self, short: str) -> Table | None:
        """The table of an `ownerType` code: D, L, C, CO, Q, SI, T<hex>."""
        wanted = short.upper()
        return next((self.tables[name] for name in self._types.values() if _short(self.tables[name]) == wanted), None)

    def add_type(self, type_id: int, title: str) -> Table:
        """A table for a new smart process."""
        entity = smart_process(type_id, title)
        self._types[type_id] = entity.name
        return self.tables.setdefault(entity.name, Table(entity))

    def drop_type(self, type_id: int) -> None:
        """Forget a smart process and its items."""
        name = self._types.pop(type_id, None)
        if name:
            del self.tables[name]

    def number(self, what: str) -> int:
        """The next number of a counter that spans tables: multifield values, files, events."""
        self._numbers[what] = self._numbers.get(what, 0) + 1
        return self._numbers[what]

    def next_multifield_id(self) -> int:
        """A new id for one phone, e-mail, site: unique within the portal."""
        return self.number("multifield")

    def keep_file(self, name: str, content: str) -> int:
        """Keep an uploaded file; returns its number."""
        number = self.number("file")
        self.files[number] = File(name, content)
        return number

    def original(self, name: str) -> str:
        """The own name of a user field that `crm.item.*` calls `name`: as seen before, else as it tells."""
        return self._names.get(name) or upper(name)

    def remember(self, name: str) -> None:
        """Note the own name of a user field, for those that cannot be told from their universal name."""
        self._names.setdefault(camel(name), name)

    def declare(self, table: Table, row: Row) -> None:
        """Make a user field of `crm.*.userfield.add` known to its entity."""
        name = str(row["FIELD_NAME"])
        kind = _KINDS.get(str(row["USER_TYPE_ID"]), "string")
        table.custom[name] = Field(
            type=kind, multiple=row.get("MULTIPLE") == "Y", required=row.get("MANDATORY") == "Y", item=camel(name)
        )
        self.remember(name)

    def declare_property(self, number: int) -> None:
        """Make a property of products known as their field `propertyN`."""
        self.tables["product"].custom[f"property{number}"] = Field("string", multiple=True)

    def dump(self) -> dict[str, Any]:
        """Everything as JSON values, for `load`."""
        return {
            "tables": {name: table.dump() for name, table in self.tables.items()},
            "files": {str(number): [file.name, file.content] for number, file in self.files.items()},
            "required": {str(type_id): sorted(names) for type_id, names in self.required.items()},
            "names": self._names,
            "numbers": self._numbers,
        }

    def load(self, state: dict[str, Any]) -> None:
        """Replace everything by what `dump` gave; tables of entities that it does not know stay as a new portal's."""
        self.reset()
        self.tables["type"].load(state["tables"].get("type", {"rows": {}, "next_id": 1}))
        for row in self.tables["type"].rows.values():
            self.add_type(int(row["entityTypeId"]), str(row["title"]))
        for name, table in state["tables"].items():
            if name in self.tables:
                self.tables[name].load(table)
        self.files = {int(number): File(*parts) for number, parts in state["files"].items()}
        self.required = {int(type_id): set(names) for type_id, names in state["required"].items()}
        self._names = dict(state["names"])
        self._numbers = dict(state["numbers"])
        for number in self.tables["property"].rows:
            self.declare_property(number)
        self._declare_user_fields()

    def _declare_user_fields(self) -> None:
        for row in self.tables["user_field"].rows.values():
            owner = next((item for item in self.tables.values() if user_field_owner(item) == row["ENTITY_ID"]), None)
            if owner is not None:
                self.declare(owner, row)


_KINDS = {
    "integer": "integer",
    "double": "double",
    "boolean": "bit",
    "date": "date",
    "datetime": "datetime",
    "enumeration": "enumeration",
    "file": "file",
    "employee": "employee",
    "crm_status": "crm_status",
    "iblock_section": "integer",
    "iblock_element": "integer",
}


def user_field_owner(table: Table) -> str:
    """What `ENTITY_ID` of a user field names an entity: CRM_DEAL, CRM_COMPANY, .."""
    return f"CRM_{table.entity.name.upper()}"


def _short(table: Table) -> str:
    return table.entity.short.upper()
