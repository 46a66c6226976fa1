"""Who calls: webhook credentials of one portal (bitrix24.md, sections 3.3 and 4)."""

from collections.abc import Iterable
from dataclasses import dataclass

from sandbox.portal.errors import INVALID_CREDENTIALS, RestError
from sandbox.portal.fields import integer

SCOPES = frozenset({"crm", "user", "catalog", "sale", "pay_system", "delivery"})
"""What a webhook may do unless it is narrowed."""


@dataclass(frozen=True, slots=True)
class Credential:
    """An incoming webhook: the user whose rights it has, its secret, its scopes.

    For an application `app` is its client id and `token` the access token that it came with; a webhook's is empty.
    """

    user: str
    token: str
    scopes: frozenset[str] = SCOPES
    app: str = ""

    @property
    def name(self) -> str:
        """Who calls, without a secret: the webhook's user, or the application's client id."""
        return self.app or self.user

    @property
    def budget(self) -> tuple[str, str]:
        """What execution time is summed by: this webhook, or the application whatever its tokens."""
        return (self.app, "") if self.app else (self.user, self.token)

    @property
    def user_id(self) -> int:
        """The user as a number; 1 when the address names no number."""
        return integer(self.user) or 1


class Auth:
    """The credentials that one portal accepts.

    `any_token=True` accepts every non-empty user and token, as a stand-in for a portal with many webhooks.
    """

    def __init__(self, credentials: Iterable[Credential], *, any_token: bool = False) -> None:
        self._known = {(item.user, item.token): item for item in credentials}
        self._any = any_token

    def known(self) -> Iterable[Credential]:
        """The webhooks that are accepted, those met with `any_token` included."""
        return tuple(self._known.values())

    def check(self, user: str, token: str) -> Credential:
        """The credential of this address; raises `RestError` 401 INVALID_CREDENTIALS when it is unknown."""
        found = self._known.get((user, token))
        if found is None:
            if not self._any:
                raise RestError(INVALID_CREDENTIALS)
            found = self._known[user, token] = Credential(user, token)
        return found
