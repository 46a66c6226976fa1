"""What kinds of objects a portal keeps, as data: names, fields, texts of errors."""

from dataclasses import dataclass, field

from sandbox.portal.fields.model import Field, camel, read_fields

_CUSTOM = Field("custom", item="")
_PARENT = Field("crm_entity", item="")


@dataclass(frozen=True, slots=True)
class Entity:
    """One kind of object.

    `name` is its table in the store; `type_id` the number of a CRM type (0 = none) and `short` its letters in
    `ownerType`; `key` the field that holds the id (None = known by other fields). `title` is the pattern of the name
    that the portal gives to a nameless object, in the field `named`; `missing` the text of update and delete for an
    id that is not there; `open` entities know every `UF_CRM_*` and `PARENT_ID_*`.
    """

    name: str
    fields: dict[str, Field]
    type_id: int = 0
    short: str = ""
    key: str | None = "ID"
    title: str | None = None
    named: str = "TITLE"
    missing: str = "Not found"
    open: bool = False
    items: dict[str, str] = field(init=False)
    """The names of `crm.item.*`, each with the field's own name."""

    def __post_init__(self) -> None:
        names = {known.item: name for name, known in self.fields.items() if known.item}
        object.__setattr__(self, "items", names)

    def find(self, name: str) -> Field | None:
        """The field of that exact name; None = unknown."""
        known = self.fields.get(name)
        if known is not None or not self.open:
            return known
        if name.startswith("UF_CRM_"):
            return _CUSTOM
        return _PARENT if name.startswith("PARENT_ID_") else None


def item_name(entity: Entity, name: str, *, original: bool = False) -> str | None:
    """A field's name in `crm.item.*`, None for one that is not there; `original` leaves user fields as they are."""
    known = entity.fields.get(name)
    if known is not None:
        return known.item
    if name.startswith("PARENT_ID_"):
        return "parentId" + name.removeprefix("PARENT_ID_")
    return name if original else camel(name)


def crm_entity(
    name: str,
    type_id: int,
    short: str,
    table: str,
    *,
    title: str | None = None,
    named: str = "TITLE",
    missing: str = "Not found",
) -> Entity:
    """An entity with both views, from the lines of its fields (`read_fields`)."""
    fields = read_fields(table, item=True)
    return Entity(name, fields, type_id=type_id, short=short, title=title, named=named, missing=missing, open=True)


def plain_entity(name: str, table: str, key: str | None = "ID", missing: str = "Not found") -> Entity:
    """An entity with one view: dictionaries, requisites, all of catalog and sale."""
    return Entity(name=name, fields=read_fields(table), key=key, missing=missing)
