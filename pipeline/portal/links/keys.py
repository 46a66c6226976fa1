"""How a link is named: external keys, and the keys of the table `links`.

    l/<portal>/<entity>/<external key>   the link: JSON {"id", "hash", "version", "at"}
    i/<portal>/<entity>/<id>             the external key
    p/...                                parts of objects (parts.py)

Portal and entity have `/` and `%` escaped; what stands last needs nothing.
"""

from __future__ import annotations

__all__ = [
    "alias_entity",
    "escaped",
    "external_key",
    "id_place",
    "link_place",
    "link_prefix",
    "read_link_place",
    "split_external",
]

#: between originator and id; no system has it in its ids (a control character)
_SEPARATOR = "\x1f"


def alias_entity(entity: str) -> str:
    """The entity under which aliases of its objects are linked: second external keys."""
    return f"alias:{entity}"


def external_key(originator: str | None, external: str) -> str:
    """One text for an external id and the system that gave it (ORIGINATOR_ID and ORIGIN_ID of Bitrix24).

    The same id of two originators makes two keys. None and "" are no originator.

    Raises:
        ValueError: no id, or a part holds the separator (U+001F).
    """
    if not external:
        raise ValueError("an external id is needed")
    if _SEPARATOR in external or _SEPARATOR in (originator or ""):
        raise ValueError("an external id or originator must not hold the character U+001F")
    return f"{originator}{_SEPARATOR}{external}" if originator else external


def split_external(key: str) -> tuple[str | None, str]:
    """`(originator or None, external id)` of an external key."""
    originator, found, external = key.partition(_SEPARATOR)
    return (originator, external) if found else (None, key)


def link_prefix(portal: str = "", entity: str = "") -> bytes:
    """Beginning of the keys of all links, of those of a portal, or of one entity of it."""
    parts = ["l", *([escaped(portal)] if portal else []), *([escaped(entity)] if portal and entity else [])]
    return ("/".join(parts) + "/").encode()


def link_place(portal: str, entity: str, external: str) -> bytes:
    """Key of a link."""
    return link_prefix(portal, entity) + external.encode()


def id_place(portal: str, entity: str, id: str) -> bytes:
    """Key of the way back, from the portal's id."""
    return f"i/{escaped(portal)}/{escaped(entity)}/{id}".encode()


def read_link_place(key: bytes) -> tuple[str, str, str] | None:
    """`(portal, entity, external key)`; None for a key that is not a link's."""
    kind, portal, entity, external = key.decode().split("/", 3)
    return (_unescape(portal), _unescape(entity), external) if kind == "l" else None


def escaped(text: str) -> str:
    """A text that has no `/`."""
    return text.replace("%", "%25").replace("/", "%2F")


def _unescape(text: str) -> str:
    return text.replace("%2F", "/").replace("%25", "%")
