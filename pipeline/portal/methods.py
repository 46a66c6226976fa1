"""What the name of a REST method tells: is it valid, a read, idempotent, allowed.

Bitrix24 takes names in any case, with an optional `.json` (its REST docs, general-principles.md); everything here
compares `canonical` names. `params` are the parsed JSON parameters of a call.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import unquote_plus

__all__ = ["BATCH", "NAME_LIMIT", "canonical", "commands", "is_allowed", "is_idempotent", "is_read", "is_valid"]

BATCH = "batch"
#: Longest name that is accepted, in characters; the longest documented one has about 60.
NAME_LIMIT = 200

_NAME = re.compile(r"[A-Za-z0-9_]+(?:\.[A-Za-z0-9_]+)*")
_READ_VERBS = frozenset({"get", "list", "fields", "getfields", "count", "types"})
_READS = frozenset(
    {
        "access.name",
        "app.info",
        "crm.duplicate.findbycomm",
        "methods",
        "profile",
        "scope",
        "server.time",
        "user.admin",
        "user.current",
        "user.search",
    }
)
#: They end in `get`, but take what they return out of a queue (event-offline-get.md).
_NO_READS = frozenset({"event.offline.get"})
_IDEMPOTENT_VERBS = frozenset({"update", "set", "delete", "modify"})
#: Lists of these are appended to by an update, so a repeat makes doubles (how-to-change-email-or-phone.md).
_MULTIFIELDS = frozenset({"phone", "email", "web", "im", "link", "fm"})
_MULTIFIELD_IN_QUERY = re.compile(r"\[(?:phone|email|web|im|link|fm)\]\[", re.IGNORECASE)


def is_valid(method: str) -> bool:
    """Is it a method name? Letters, digits, `_`, single dots between; `.json` may end it, `.xml` may not."""
    if len(method) > NAME_LIMIT or _NAME.fullmatch(method) is None:
        return False
    # an XML answer could be neither judged nor passed on as JSON
    return not method.lower().endswith(".xml")


def canonical(method: str) -> str:
    """Lower case, without `.json`: two names with the same canonical one call the same method."""
    return method.lower().removesuffix(".json")


def commands(params: Any) -> Iterator[tuple[str, str]]:
    """`(canonical method, query string)` of each command in the parameters of a `batch`.

    The method is "" where the command is no text, or its name is no method name.
    """
    if not isinstance(params, dict):
        return
    for name, given in params.items():
        if name.lower() != "cmd":  # PHP code reads parameters in any case
            continue
        entries = given.values() if isinstance(given, dict) else given if isinstance(given, list) else [given]
        for entry in entries:
            method, _, query = entry.partition("?") if isinstance(entry, str) else ("", "", "")
            yield (canonical(method) if is_valid(method) else ""), query


def is_read(method: str, params: Any = None) -> bool:
    """Does it change nothing, so that it may be repeated whatever became of the first try?

    A `batch` is a read when all of its commands are. Names that are not known as reads count as writes.
    """
    name = canonical(method)
    if name == BATCH:
        return all(command != BATCH and is_read(command) for command, _ in commands(params))
    if name in _NO_READS:
        return False
    return name in _READS or name.rpartition(".")[2] in _READ_VERBS


def is_idempotent(method: str, params: Any = None) -> bool:
    """Has a second execution no effect beyond the first? Reads, updates, sets, deletes; never an add.

    An update that carries lists of phones, e-mails and the like appends, so it is not.
    """
    name = canonical(method)
    if name == BATCH:
        return all(
            command != BATCH and is_idempotent(command) and not _appends_in_query(command, query)
            for command, query in commands(params)
        )
    if is_read(name):
        return True
    return name.rpartition(".")[2] in _IDEMPOTENT_VERBS and not _appends(params)


def _appends(params: Any) -> bool:
    if not isinstance(params, dict):
        return False
    for name, value in params.items():
        if name.lower() == "fields" and isinstance(value, dict):
            return any(field.lower() in _MULTIFIELDS and _adds_entries(entry) for field, entry in value.items())
    return False


def _adds_entries(entry: Any) -> bool:
    """An entry with an id is changed, one without is added; `fm` as an object is keyed by id, `n0` adds."""
    if isinstance(entry, dict):
        return any(not key.isdigit() for key in entry)
    if isinstance(entry, list):
        return any(not (isinstance(item, dict) and ("ID" in item or "id" in item)) for item in entry)
    return False


def _appends_in_query(command: str, query: str) -> bool:
    return not is_read(command) and _MULTIFIELD_IN_QUERY.search(unquote_plus(query)) is not None


def is_allowed(method: str, params: Any, allow_list: Iterable[str]) -> bool:
    """Does an allow-list cover the call? Its entries are names or patterns: `crm.deal.list`, `crm.*`, `*`.

    A `batch` is only a carrier: every command in it must be covered, and `batch` itself need not be.
    """
    patterns = [pattern.lower() for pattern in allow_list]
    if "*" in patterns:
        return True
    name = canonical(method)
    if name == BATCH:
        return all(command != BATCH and _matches(command, patterns) for command, _ in commands(params))
    return _matches(name, patterns)


def _matches(name: str, patterns: list[str]) -> bool:
    return name != "" and any(fnmatchcase(name, pattern) for pattern in patterns)
