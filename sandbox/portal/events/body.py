"""The form that a handler gets (bitrix24.md, section 5.1): everything is a text, keys are bracketed and encoded."""

import hashlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from sandbox.portal.events.model import Delivery

if TYPE_CHECKING:
    from sandbox.portal.portal import Portal


def form(portal: "Portal", delivery: Delivery, moment: float) -> str:
    """The body of one call; an application's has tokens of the user whose doing it was."""
    handler = delivery.handler
    fields: dict[str, Any] = {
        "event": delivery.event,
        "event_handler_id": handler.id,
        "data": delivery.data,
        "ts": int(moment),
        "auth": _auth(portal, delivery),
    }
    return urlencode([pair for name, value in fields.items() for pair in _flat(name, value)])


def _auth(portal: "Portal", delivery: Delivery) -> dict[str, Any]:
    base = portal.base.rstrip("/")
    auth: dict[str, Any] = {}
    handler = delivery.handler
    app = next((item for item in portal.apps.known() if item.client_id == handler.app), None)
    if app is not None:
        pair = portal.apps.issue(app, delivery.user if handler.auth_type == "0" else handler.auth_type)
        auth |= {"access_token": pair.access, "expires": int(pair.until), "expires_in": int(portal.apps.lifetime)}
        auth |= {"scope": ",".join(sorted(app.scopes)), "status": "L", "user_id": pair.user}
        auth["refresh_token"] = pair.refresh
    auth |= {
        "domain": base.partition("//")[2].partition("/")[0],
        "client_endpoint": f"{base}/rest/",
        "server_endpoint": f"{base}/rest/",
        "member_id": hashlib.md5(portal.name.encode(), usedforsecurity=False).hexdigest(),
        "application_token": handler.token,
    }
    return auth


def _flat(name: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, part in value.items():
            yield from _flat(f"{name}[{key}]", part)
    elif isinstance(value, list):
        for position, part in enumerate(value):
            yield from _flat(f"{name}[{position}]", part)
    else:
        yield name, "" if value is None else str(value)
