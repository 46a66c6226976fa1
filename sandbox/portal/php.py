"""PHP's view of parameters: bracket queries in, arrays that are lists or maps out.

Rules: PHP's `parse_str` (`php_register_variable_ex`), `json_decode(..., true)` and `json_encode`, as
bitrix24.md sections 2.1 and 2.2 rely on them.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import unquote_plus

#: Subscripts that mean the next free index: nothing, or one blank of C.
_APPENDS = frozenset(["", " ", "\t", "\n", "\v", "\f", "\r"])


class _Node(dict[int | str, Any]):
    """A PHP array under construction; keeps the next free index, so that `a[]=` stays cheap."""

    __slots__ = ("next_index",)

    def __init__(self) -> None:
        super().__init__()
        self.next_index: int | None = None

    def slot(self, key: str | None) -> int | str:
        """The key that `[key]` means here; None is PHP's `[]`, the next free index."""
        if key is None:
            index: int | str = self.next_index or 0
        else:
            index = int(key) if _is_php_int(key) else key
        # a first negative index is counted on from, as by PHP 8
        if isinstance(index, int) and (self.next_index is None or index >= self.next_index):
            self.next_index = index + 1
        return index


def _is_php_int(text: str) -> bool:
    """Whether PHP turns this array key into an integer: decimal, no leading zeroes, no plus."""
    digits = text[1:] if text.startswith("-") else text
    if not (digits.isascii() and digits.isdigit()) or len(digits) > 18:
        return False
    return digits == "0" if digits[0] == "0" and text[0] != "-" else digits[0] != "0"


def php_map(values: Mapping[Any, Any]) -> list[Any] | dict[str, Any]:
    """A map as `json_encode` shows a PHP array: `[]` when empty, a list when the keys are 0..n-1 in order."""
    for position, key in enumerate(values):
        if key != position and key != str(position):
            return {str(name): value for name, value in values.items()}
    return list(values.values())


def from_json(value: Any) -> Any:
    """A decoded JSON value as PHP keeps it, recursively: `{}` is `[]`, `{"0": a, "1": b}` is `[a, b]`."""
    if isinstance(value, dict):
        return php_map({key: from_json(item) for key, item in value.items()})
    if isinstance(value, list):
        return [from_json(item) for item in value]
    return value


def as_map(value: Any) -> dict[str, Any] | None:
    """A PHP array as a map with string keys, whether it is a list or a map here; None for a scalar."""
    if isinstance(value, dict):
        return value
    if isinstance(value, list):
        return {str(position): item for position, item in enumerate(value)}
    return None


def parse_query(text: str) -> dict[str, Any]:
    """A query string or form body as PHP's `parse_str` reads it: strings, nested lists and maps.

    Invalid percent escapes stay as they are; invalid UTF-8 becomes U+FFFD. Never raises.
    """
    return parse_pairs(_split(text))


def _split(text: str) -> Iterator[tuple[str, str]]:
    for part in text.split("&"):
        if part:
            key, _, value = part.partition("=")
            yield unquote_plus(key, errors="replace"), unquote_plus(value, errors="replace")


def parse_pairs(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """Decoded (name with brackets, value) pairs as one nested array; a later pair replaces an earlier one."""
    root = _Node()
    for name, value in pairs:
        path = _path(name)
        if path:
            _put(root, path, value)
    return {str(key): _finish(value) for key, value in root.items()}


def _path(name: str) -> list[str | None]:
    """`a[b][]` -> ["a", "b", None]; an empty list for names that PHP drops."""
    name = name.partition("\0")[0].lstrip(" ")
    base, bracket, rest = name.partition("[")
    base = base.replace(" ", "_").replace(".", "_")
    if not base:
        return []
    if not bracket:
        return [base]
    path: list[str | None] = [base]
    while True:
        inside, closed, after = rest.partition("]")
        if not closed:
            if len(path) == 1:
                # PHP joins an unclosed first bracket to the name and mends its odd characters.
                tail = rest.replace(" ", "_").replace(".", "_").replace("[", "_")
                return [f"{base}_{tail}"]
            return path
        path.append(None if inside in _APPENDS else inside)
        if not after.startswith("["):
            return path
        rest = after[1:]


def _put(root: _Node, path: list[str | None], value: Any) -> None:
    node = root
    for position, step in enumerate(path):
        # The name itself goes through the same integer rule as a subscript.
        key = node.slot(step)
        if position == len(path) - 1:
            node[key] = value
            return
        child = node.get(key)
        if not isinstance(child, _Node):
            child = node[key] = _Node()
        node = child


def _finish(value: Any) -> Any:
    if isinstance(value, _Node):
        return php_map({key: _finish(item) for key, item in value.items()})
    return value
