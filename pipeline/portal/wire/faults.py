"""The taxonomy of pipeline/delivery/errors.py as a portal shows it: with its answer and its code.

outcomes.py raises these for answers, client.py for what happens to the connection.
"""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.delivery.errors import (
    Auth,
    Blocked,
    Oversize,
    Permanent,
    PipelineError,
    Throttled,
    Transient,
    Unknown,
)

__all__ = [
    "Answer",
    "Moved",
    "PortalAuth",
    "PortalBlocked",
    "PortalFault",
    "PortalOversize",
    "PortalPermanent",
    "PortalThrottled",
    "PortalTransient",
    "PortalUnknown",
]

_REDACTED = "********"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a portal answered: HTTP status and body, decompressed, else verbatim."""

    status: int
    body: bytes


class PortalFault(PipelineError):
    """Root of a portal's errors. Only its subclasses, which are in the taxonomy, are raised.

    `code`: Bitrix code as text, "" when it gave none; `answer`: None when there was no answer; `sent`: has the
    request, or a part of it, left this machine? If not, nothing can have been executed.
    """

    def __init__(self, text: str, *, code: str = "", answer: Answer | None = None, sent: bool = True) -> None:
        super().__init__(text)
        self.code = code
        self.answer = answer
        self.sent = sent

    def redact(self, secret: str) -> None:
        """Take a secret out of text and answer: error pages like to repeat the address, with the token in it."""
        self.args = tuple(a.replace(secret, _REDACTED) if isinstance(a, str) else a for a in self.args)
        if self.answer is not None:
            body = self.answer.body.replace(secret.encode(), _REDACTED.encode())
            self.answer = Answer(self.answer.status, body)


class PortalTransient(PortalFault, Transient):
    """Not executed, and may pass."""


class Moved(PortalTransient):
    """The portal has another address (HTTP 302); `location` may hold the token: never show it."""

    def __init__(self, text: str, *, location: str, answer: Answer | None = None) -> None:
        super().__init__(text, answer=answer)
        self.location = location

    def redact(self, secret: str) -> None:
        """Also out of the location."""
        super().redact(secret)
        self.location = self.location.replace(secret, _REDACTED)


class PortalThrottled(PortalFault, Throttled):
    """Refused before execution. `method_only`: only this method of this credential is held, not the portal."""

    def __init__(
        self,
        text: str,
        *,
        code: str = "",
        answer: Answer | None = None,
        until: float | None = None,
        method_only: bool = False,
    ) -> None:
        super().__init__(text, code=code, answer=answer)
        self.until = until
        self.method_only = method_only


class PortalAuth(PortalFault, Auth):
    """Refused by right. `credential_dead`: no request with this credential can succeed until somebody mends it."""

    def __init__(
        self,
        text: str,
        *,
        code: str = "",
        answer: Answer | None = None,
        credential_dead: bool = False,
        sent: bool = True,
    ) -> None:
        super().__init__(text, code=code, answer=answer, sent=sent)
        self.credential_dead = credential_dead


class PortalBlocked(PortalFault, Blocked):
    """The whole portal is closed to us: no loop, an alarm, rare probes."""


class PortalPermanent(PortalFault, Permanent):
    """The portal looked at it and said no."""


class PortalUnknown(PortalFault, Unknown):
    """Sent, and no answer tells whether it was executed. A read may be repeated all the same."""


class PortalOversize(PortalFault, Oversize):
    """Executed; the answer is too long. `length` in bytes, at least so many where `exact` is False."""

    def __init__(self, text: str, *, length: int, exact: bool, answer: Answer | None = None) -> None:
        super().__init__(text, answer=answer)
        self.length = length
        self.exact = exact
