"""The one taxonomy of errors of the whole product.

    PipelineError            error_class
    ├── Transient            transient   try again here, with backoff; never given up because of time alone
    ├── Throttled(until)     throttled   the target said when to come back; nothing was executed
    ├── Auth                 auth        the credential is wrong or may not do this
    ├── Blocked              blocked     the target shut us out as a whole: pause it and raise an alarm
    ├── Permanent            permanent   it can never succeed as it is: answer with the error, dead letter
    │   ├── BadInput         permanent   the message itself is wrong; the text says where and what was expected
    │   └── Oversize         oversize    executed, but the answer is too long to be carried
    └── Unknown              unknown     nobody knows whether it was executed: settle by look-up

Each outside system decides in one place which of these an outcome is (portal: pipeline/portal/wire/outcomes.py).
Anything else that is raised is a defect or a broken machine: the worker ends with un-acked work.
"""

from __future__ import annotations

from typing import ClassVar

__all__ = [
    "Auth",
    "BadInput",
    "Blocked",
    "Oversize",
    "Permanent",
    "PipelineError",
    "Throttled",
    "Transient",
    "Unknown",
]


class PipelineError(Exception):
    """Root of the taxonomy. `str()` of it is shown to users: it must hold no secret."""

    error_class: ClassVar[str] = "permanent"


class Transient(PipelineError):
    """A passing fault: connection refused, reset before sending, broker away. Safe to repeat."""

    error_class: ClassVar[str] = "transient"


class Throttled(PipelineError):
    """The target refused before executing. `until` is a unix time in seconds, or None when it did not say."""

    error_class: ClassVar[str] = "throttled"

    def __init__(self, message: str, until: float | None = None) -> None:
        super().__init__(message)
        self.until = until


class Auth(PipelineError):
    """The credential is missing, wrong, expired or without the right."""

    error_class: ClassVar[str] = "auth"


class Blocked(PipelineError):
    """The target is closed to us as a whole (OVERLOAD_LIMIT, portal deleted, no tariff)."""

    error_class: ClassVar[str] = "blocked"


class Permanent(PipelineError):
    """It can never succeed as it is."""

    error_class: ClassVar[str] = "permanent"


class BadInput(Permanent):
    """The message is wrong; the text names the place and what was expected."""


class Oversize(Permanent):
    """The call was executed; its answer is longer than a topic carries."""

    error_class: ClassVar[str] = "oversize"


class Unknown(PipelineError):
    """Sent, and no answer that tells whether it was executed."""

    error_class: ClassVar[str] = "unknown"
