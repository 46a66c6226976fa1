"""Reading a REST request: address, query, body (bitrix24.md, section 4)."""

from dataclasses import dataclass
from typing import Any

import orjson
from aiohttp import web

from sandbox.portal.errors import MALFORMED_JSON, RestError
from sandbox.portal.php import as_map, from_json, parse_pairs, parse_query


@dataclass(frozen=True, slots=True)
class Address:
    """`/{portal}/rest/{user}/{token}/{method}`; `portal` is None for `/rest/...`, missing parts are empty."""

    portal: str | None
    user: str
    token: str
    method: str

    @property
    def is_app(self) -> bool:
        """`/rest/{method}`: an application's form, its access token is among the parameters."""
        return not self.user and bool(self.method)


def read_address(path: str) -> Address | None:
    """The parts of a path; double slashes and a slash at the end do no harm. None = not a REST address."""
    parts = [part for part in path.split("/") if part]
    if not parts:
        return None
    portal = None
    if parts[0] != "rest":
        portal = parts.pop(0)
        if not parts or parts[0] != "rest":
            return None
    rest = parts[1:]
    if len(rest) == 1:
        # The OAuth form /rest/{method}: no credential in the address.
        return Address(portal, "", "", _method(rest[0]))
    if len(rest) > 3:
        return None
    user, token, method = [*rest, "", "", ""][:3]
    return Address(portal, user, token, _method(method))


def _method(name: str) -> str:
    name = name.lower()
    return name.removesuffix(".json")


async def read_body(request: web.Request) -> tuple[bytes, list[tuple[str, Any]]]:
    """The raw body, or for multipart the (name, value) pairs; a file becomes `{"name", "size"}`."""
    if request.content_type == "multipart/form-data":
        pairs: list[tuple[str, Any]] = []
        for name, value in (await request.post()).items():
            if isinstance(value, web.FileField):
                data = value.file.read()
                pairs.append((name, {"name": value.filename, "size": len(data)}))
            else:
                pairs.append((name, value if isinstance(value, str) else bytes(value).decode(errors="replace")))
        return b"", pairs
    return await request.read(), []


def read_params(query: str, content_type: str, body: bytes, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """All parameters, the body's over the query's; raises `RestError` 400 for malformed JSON.

    Shapes are PHP's: `{}` is `[]`, a map with keys 0..n-1 is a list; queries and forms hold only texts.
    """
    params = parse_query(query) if query else {}
    if pairs:
        params.update(parse_pairs(pairs))
    elif body.strip():
        params.update(_json(body) if _is_json(content_type, body) else parse_query(body.decode(errors="replace")))
    return params


def take_token(params: dict[str, Any], header: str) -> str | None:
    """An application's access token, taken out of the parameters (`auth`), else from `Authorization: Bearer`."""
    given = params.pop("auth", None)
    if isinstance(given, str) and given:
        return given
    scheme, _, token = header.partition(" ")
    return token.strip() if scheme.lower() == "bearer" and token.strip() else None


def _is_json(content_type: str, body: bytes) -> bool:
    if content_type == "application/x-www-form-urlencoded":
        return False
    return content_type.endswith("json") or body.lstrip()[:1] in (b"{", b"[")


def _json(body: bytes) -> dict[str, Any]:
    try:
        decoded = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise RestError(MALFORMED_JSON) from error
    return as_map(from_json(decoded)) or {}
