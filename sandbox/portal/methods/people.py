"""`user.get`, `user.current`, `user.search`, `feature.get`."""

from collections.abc import Iterator
from typing import Any

from sandbox.portal import listing
from sandbox.portal.errors import Problem, RestError
from sandbox.portal.fields.casts import scalar
from sandbox.portal.methods.given import start
from sandbox.portal.methods.spec import Call, Method, Reply
from sandbox.portal.php import as_map
from sandbox.portal.portal import Portal
from sandbox.portal.store import Row
from sandbox.portal.views import old_view

_FEATURES = {"rest_offline_extended": "Y", "rest_auth_connector": "Y"}
_RESERVED = ("filter", "sort", "order", "start", "select", "admin_mode", "image_resize", "auth")
_SEARCHED = ("NAME", "LAST_NAME", "SECOND_NAME", "EMAIL", "WORK_POSITION")


def methods() -> Iterator[Method]:
    """The methods of this file."""
    yield Method("user.get", _get, scope="user", result="rows")
    yield Method("user.search", _search, scope="user", result="rows")
    yield Method("user.current", _current, scope="user", result="row")
    yield Method("feature.get", _feature, result="{value}")


def _shown(portal: Portal, row: Row) -> dict[str, Any]:
    shown = old_view(portal.store.tables["user"], row, portal.zone, multi=False)
    return {**shown, "ACTIVE": bool(row.get("ACTIVE")), "UF_DEPARTMENT": row.get("UF_DEPARTMENT") or []}


def _conditions(call: Call) -> dict[str, Any]:
    """A filter, whose fields may stand beside it as well."""
    beside = {name: value for name, value in call.params.items() if name.lower() not in _RESERVED}
    given = {**beside, **listing.pages.array("filter", call.param("filter"))}
    flags = {True: "1", False: "0", "true": "1", "false": "0", "Y": "1", "N": "0"}
    active = given.get("ACTIVE")
    if isinstance(active, bool | str) and active in flags:
        given["ACTIVE"] = flags[active]
    return given


def _page(portal: Portal, call: Call, conditions: dict[str, Any]) -> Reply:
    sort, order = call.param("sort"), call.param("order")
    ways = {sort: order if isinstance(order, str) else "ASC"} if isinstance(sort, str) and sort else {}
    table = portal.store.tables["user"]
    page = listing.find(table, conditions, ways, start(call), portal.zone)
    rows = [_shown(portal, row) for row in page.rows]
    names = [str(name) for name in (as_map(call.param("select")) or {}).values()]
    if names and "*" not in names:
        rows = [{name: value for name, value in row.items() if name in ("ID", *names)} for row in rows]
    return Reply(rows, page.total, page.next)


async def _get(portal: Portal, call: Call) -> Reply:
    return _page(portal, call, _conditions(call))


async def _search(portal: Portal, call: Call) -> Reply:
    """`FIND` looks into names, e-mail and position; other conditions as in user.get."""
    conditions = _conditions(call)
    text = (scalar(conditions.pop("FIND", None)) or "").casefold()
    if text:
        rows = portal.store.tables["user"].rows.values()
        found = [row["ID"] for row in rows if any(text in str(row.get(n) or "").casefold() for n in _SEARCHED)]
        conditions["@ID"] = found or [0]
    return _page(portal, call, conditions)


async def _current(portal: Portal, call: Call) -> Reply:
    row = portal.store.tables["user"].rows.get(call.credential.user_id)
    if row is None:
        # Any webhook has a user, whoever was seeded.
        row = {"ID": call.credential.user_id, "ACTIVE": 1, "NAME": "Sandbox", "UF_DEPARTMENT": [1]}
    return Reply(_shown(portal, row))


async def _feature(portal: Portal, call: Call) -> Reply:
    code = scalar(call.param("code"))
    if not code:
        raise RestError(Problem(400, "ERROR_ARGUMENT", "Argument 'CODE' is null or empty"))
    return Reply({"value": _FEATURES.get(code, "N")})
