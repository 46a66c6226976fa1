"""Who is told of what: handlers of applications, outgoing webhooks, offline queues."""

import hashlib
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from sandbox.portal.events.delivery import Queue
from sandbox.portal.events.model import Handler, Settings
from sandbox.portal.events.offline import OfflineQueue
from sandbox.portal.events.troubles import Troubles

if TYPE_CHECKING:
    from sandbox.portal.methods.spec import Call, Change, Method, Reply
    from sandbox.portal.portal import Portal

PING = "ONOFFLINEEVENT"
_APPS_ONLY = ("ONCRMDEALMOVETOCATEGORY",)


@dataclass(frozen=True, slots=True)
class Subscription:
    """An application's wish for offline events; `connector` names the source whose own writes it does not want."""

    app: str
    event: str
    connector: str


class Events:
    """All about events of one portal; `follow` is called with every call that succeeded."""

    def __init__(self, portal: "Portal") -> None:
        self._portal = portal
        self.settings = Settings()
        self.troubles = Troubles()
        self.queue = Queue(portal, self.settings, self.troubles)
        self.offline = OfflineQueue()
        self.reset()

    def reset(self) -> None:
        """Forget handlers, subscriptions and queues; settings and troubles stay."""
        self.handlers: dict[int, Handler] = {}
        self.subscriptions: list[Subscription] = []
        self._last = 0
        self.queue.reset()
        self.offline.reset()

    def add(self, url: str, events: tuple[str, ...], **more: Any) -> Handler:
        """A new handler; its application token is the same for all of one application."""
        self._last += 1
        owner = more.get("app") or url
        token = (
            more.pop("token", "")
            or hashlib.md5(f"{self._portal.name}/{owner}".encode(), usedforsecurity=False).hexdigest()
        )
        handler = Handler(self._last, url, tuple(event.upper() for event in events), token, **more)
        self.handlers[handler.id] = handler
        return handler

    def follow(self, call: "Call", method: "Method", reply: "Reply") -> None:
        """Tell everybody of what a call wrote."""
        for change in call.changes:
            self.happened(change, call)

    def happened(self, change: "Change", call: "Call") -> None:
        """Tell handlers and offline queues of one change."""
        event = change.event.upper()
        data: dict[str, Any] = {"FIELDS": dict(change.fields)}
        if event.startswith("ONCRMTIMELINECOMMENT") and self.settings.comment_data == "ID":
            data = dict(change.fields)
        for handler in self.handlers.values():
            if self._wants(handler, event):
                self.queue.send(handler, event, data, call.credential.user)
        source = call.param("auth_connector")
        told: set[str] = set()
        for wish in self.subscriptions:
            if wish.event != event or (wish.connector and source == wish.connector):
                continue
            self.offline.put(wish.app, wish.connector, event, data, self._portal.clock.now())
            told.add(wish.app)
        for app in told:
            self._ping(app, call.credential.user)

    def _wants(self, handler: Handler, event: str) -> bool:
        if handler.app:
            return event in handler.events
        return event not in _APPS_ONLY and any(fnmatchcase(event, pattern) for pattern in handler.events)

    def _ping(self, app: str, user: str) -> None:
        """ONOFFLINEEVENT, at most once in `minTimeout` of the portal's seconds."""
        clock = self._portal.clock
        for handler in self.handlers.values():
            if handler.app != app or PING not in handler.events:
                continue
            pause = handler.options.get("minTimeout", 1)
            if clock.now() - handler.called >= clock.scaled(float(pause)):
                handler.called = clock.now()
                self.queue.send(handler, PING, {}, user)
