"""What handlers of all families take from a call: ids, fields, start; and the defaults of a new row."""

from typing import Any

from sandbox.portal.errors import ID_INVALID, RestError, must_be_array
from sandbox.portal.fields import TYPES, integer
from sandbox.portal.methods.spec import Call
from sandbox.portal.php import as_map
from sandbox.portal.portal import Portal
from sandbox.portal.store import Row, Table

RECOGNISED = (
    *("TITLE", "NAME", "LAST_NAME", "ORIGINATOR_ID", "ORIGIN_ID", "XML_ID"),
    *("title", "name", "originatorId", "originId", "xmlId"),
)
"""Fields by which a test knows an object; they stand in the log."""
DAY = 86400


def old_id(call: Call) -> int:
    """The `id` of an old method; raises `RestError` 400 for anything but a positive whole number."""
    row_id = integer(call.param("id"))
    if row_id is None or row_id <= 0:
        raise RestError(ID_INVALID)
    call.touched["ID"] = row_id
    return row_id


def new_id(call: Call, name: str = "id") -> int:
    """An id parameter that is checked already (`params`); noted in the log."""
    row_id = integer(call.param(name)) or 0
    call.touched["ID"] = row_id
    return row_id


def start(call: Call) -> int:
    """Where a page begins; -1 = without counting."""
    return integer(call.param("start")) or 0


def old_fields(call: Call, name: str = "fields") -> dict[str, Any]:
    """The `fields` of an old method, its external ids noted; raises `RestError` 400 for no array."""
    given = as_map(call.param(name))
    if given is None:
        raise RestError(must_be_array(name))
    note(call, given)
    return given


def new_fields(call: Call, name: str = "fields") -> dict[str, Any]:
    """The fields of a method that has them checked already; external ids noted."""
    given = as_map(call.param(name)) or {}
    note(call, given)
    return given


def note(call: Call, given: dict[str, Any]) -> None:
    """Keep for the log by what an object is known."""
    for name in RECOGNISED:
        if name in given:
            call.touched[name] = given[name]


def defaults(table: Table, portal: Portal, call: Call) -> Row:
    """The fields that a new row has before anything was given."""
    now = portal.clock.now()
    row: Row = {}
    for name, field in table.entity.fields.items():
        default = field.default
        if default is None:
            continue
        if default == "@user":
            row[name] = call.credential.user_id
        elif default == "@now":
            row[name] = int(now)
        elif default in ("@today", "@week"):
            row[name] = portal.stamps.iso(now + (7 * DAY if default == "@week" else 0))[:10]
        elif default == "@bx":
            row[name] = f"bx_{int(now):x}{portal.store.number('xml_id') % 0x100000:05x}"
        else:
            row[name] = TYPES[field.type].take(default, portal.zone)
    return row
