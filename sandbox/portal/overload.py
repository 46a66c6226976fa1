"""The block by overload: set by hand, lifted by hand (bitrix24.md, section 1.4)."""

from sandbox.portal.auth import Credential
from sandbox.portal.errors import OVERLOAD_LIMIT, OVERLOAD_LIMIT_401, RestError


class Overload:
    """Refuses all sources of calls or some of them; `status` is 503 as documented, or 401 as seen in production."""

    def __init__(self, status: int = 503) -> None:
        self.default_status = status
        self.reset()

    def reset(self) -> None:
        """Lift the block and forget how many it refused."""
        self.lift()
        self.refused = 0

    def lift(self) -> None:
        """Let everybody call again."""
        self.on = False
        self.status = self.default_status
        self.users: frozenset[str] = frozenset()

    def block(self, users: frozenset[str] = frozenset(), status: int | None = None) -> None:
        """Block these webhooks' users and apps, or everybody when none is named."""
        self.on = True
        self.users = users
        self.status = status or self.default_status

    def check(self, credential: Credential) -> None:
        """Raises `RestError` OVERLOAD_LIMIT while the caller is blocked."""
        if self.on and (not self.users or credential.name in self.users):
            self.refused += 1
            raise RestError(OVERLOAD_LIMIT_401 if self.status == 401 else OVERLOAD_LIMIT)
