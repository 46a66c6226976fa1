"""Files in fields: pairs of name and base64 on a write, numbers of files in the store (bitrix24.md, section 6.7)."""

from typing import Any

from sandbox.portal.fields import integer
from sandbox.portal.fields.casts import scalar
from sandbox.portal.php import as_map
from sandbox.portal.store import Store


def take_file(store: Store, value: Any, held: Any, *, multiple: bool) -> Any:
    """The kept numbers after a write of `value`: one or None, or a list.

    A file is `{"fileData": [name, base64]}` or the pair itself; `{"id": n}` keeps one that is there. Of a multiple
    field those whose id is not passed are gone, without a word.
    """
    if not multiple:
        return _one(store, value, [held] if held else [])
    given = as_map(value) or {}
    if _pair(value) or "fileData" in given:
        given = {"0": value}
    numbers = (_one(store, item, held or []) for item in given.values())
    return [number for number in numbers if number]


def _one(store: Store, value: Any, held: list[Any]) -> int | None:
    given = as_map(value)
    if given is None:
        number = integer(value)
        return number if number in held else None
    pair = _pair(given.get("fileData")) or _pair(value)
    if pair:
        return store.keep_file(*pair)
    if given.get("remove") == "Y":
        return None
    number = integer(given.get("id", given.get("ID")))
    return number if number in held else None


def _pair(value: Any) -> tuple[str, str] | None:
    if not isinstance(value, list) or len(value) != 2:
        return None
    name, content = (scalar(part) for part in value)
    return (name, content) if name and content is not None else None
