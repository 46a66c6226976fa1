"""The table `tokens`: what the OAuth apps of our portals hold now, sealed (design, section 5, Credentials).

Only the owner of a portal renews its tokens, so each row has one writer. Refresh tokens rotate: the row is the only
place where the newest one stands, and it outlives every worker.
"""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass, field

import orjson

from pipeline.delivery.errors import Auth
from pipeline.delivery.tables import DurableTable
from pipeline.portal.access.seal import Sealer
from pipeline.portal.partition import partition_of
from pipeline.settings import CredentialSettings

__all__ = ["TokenTable", "Tokens", "seed"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a renewal gave. `expires_at`: unix time; `endpoint`: the portal's address as the token server names it.

    `seeded` is the `seed` of the settings that the first of these tokens was got with.
    """

    access: str = field(repr=False)
    refresh: str = field(repr=False)
    expires_at: float
    endpoint: str
    seeded: str


def seed(settings: CredentialSettings) -> str:
    """Fingerprint of the app and the refresh token in the settings: another one = somebody pasted a new token."""
    text = f"{settings.client_id}\0{settings.refresh_token.get_secret_value()}"
    return hashlib.sha256(b"seed of an OAuth credential:" + text.encode()).hexdigest()[:32]


class TokenTable:
    """Rows by portal and credential: JSON of `Tokens`, sealed."""

    def __init__(self, table: DurableTable, sealer: Sealer) -> None:
        self._table = table
        self._sealer = sealer

    def read(self, portal: str, credential: str, settings: CredentialSettings) -> Tokens | None:
        """The tokens, None when there are none that came of the refresh token in the settings."""
        sealed = self._table.get(partition_of(portal), _key(portal, credential))
        if sealed is None:
            return None
        try:
            tokens = Tokens(**orjson.loads(self._sealer.open_bytes(sealed)))
        except (Auth, ValueError, TypeError):
            logger.warning("portal %s, credential %s: the kept tokens cannot be opened", portal, credential)
            return None
        if tokens.seeded != seed(settings):
            logger.info("portal %s, credential %s: the settings hold a new refresh token", portal, credential)
            return None
        return tokens

    async def write(self, portal: str, credential: str, tokens: Tokens) -> None:
        """Returns when the changelog has it. Raises Lost and Transient as `DurableTable.put_all`."""
        sealed = self._sealer.seal_bytes(orjson.dumps(tokens))
        await self._table.put(partition_of(portal), _key(portal, credential), sealed)


def _key(portal: str, credential: str) -> bytes:
    return f"t/{portal}/{credential}".encode()
