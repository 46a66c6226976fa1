"""What events are made of: a handler, one delivery, the settings of the queue server."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Settings:
    """How the queue server behaves; the portal's seconds.

    An event leaves `latency` after its cause. A handler that takes longer than `slow` is called less often: a pause
    of what it took, doubled each time and at most `pause`. After `timeout` a call is given up; nothing is repeated.
    `comment_data` is the place of a comment's id: `FIELDS` as seen in production, `ID` as documented.
    """

    latency: float = 0.5
    timeout: float = 30.0
    slow: float = 1.0
    pause: float = 60.0
    comment_data: str = "FIELDS"


@dataclass(slots=True)
class Handler:
    """A URL that is called: of an application (`app` is its client id), or an outgoing webhook (`app` is "").

    `events` are upper-case names, for a webhook patterns as well; `pause` is the penalty of a slow one.
    """

    id: int
    url: str
    events: tuple[str, ...]
    token: str = field(repr=False)
    app: str = ""
    user: str = "1"
    auth_type: str = "0"
    options: dict[str, Any] = field(default_factory=dict)
    pause: float = 0.0
    called: float = 0.0


@dataclass(slots=True)
class Delivery:
    """One call of a handler: `due` and `sent` in unix seconds, `took` in real ones; `status` None = no answer.

    `outcome` is waiting, delivered, failed or lost: nothing but `delivered` ever reached the handler's end.
    """

    id: int
    handler: Handler
    event: str
    data: dict[str, Any]
    user: str
    due: float
    sent: float | None = None
    took: float | None = None
    status: int | None = None
    outcome: str = "waiting"

    def shown(self) -> dict[str, Any]:
        """The delivery for the control API, without a token."""
        names = ("id", "event", "data", "due", "sent", "took", "status", "outcome")
        return {"handler": self.handler.id, "url": self.handler.url, **{name: getattr(self, name) for name in names}}
