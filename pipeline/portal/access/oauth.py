"""OAuth apps of the portals that this worker owns: one that renews for each, and access tokens that are valid.

A refresh token is used up when it is used, and the next one comes in the same answer. So the next one is in the table
(confirmed) before anything else happens with that answer: a crash in between would lock the app out of its portal.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

from pipeline.portal.access.token_server import TokenServer
from pipeline.portal.access.tokens import Tokens, TokenTable, seed
from pipeline.portal.wire.faults import PortalAuth
from pipeline.settings import PortalSettings

__all__ = ["OAuth", "is_expiry"]

logger = logging.getLogger(__name__)

#: In the portal's seconds: a token is renewed so long before it expires, and counts as just got so long.
MARGIN = 60.0
#: What a portal answers about a token that another may be better than (reference: Bitrix24, section 3.3); capitals.
_EXPIRY = frozenset({"EXPIRED_TOKEN", "INVALID_TOKEN", "NO_AUTH_FOUND"})


def is_expiry(fault: PortalAuth) -> bool:
    """May the call succeed with a new access token?"""
    return fault.code.upper() in _EXPIRY


class OAuth:
    """Access tokens by portal and credential, for the owner of those portals."""

    def __init__(
        self,
        portals: Mapping[str, PortalSettings],
        table: TokenTable,
        server: TokenServer,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`clock`: unix time. A portal's `scale` shrinks the times of its tokens, too."""
        self._portals = portals
        self._table = table
        self._server = server
        self._clock = clock
        self._keepers: dict[tuple[str, str], _Keeper] = {}

    async def access(self, portal: str, credential: str) -> str:
        """A valid access token: the one in memory, else in the table, else a new one. Callers share a renewal.

        Raises:
            PortalAuth: with `credential_dead`, and not `sent`: the token server refuses; the text says what to do.
            Transient: the token server, or Kafka, is away.
            Lost: the portal is not ours any more.
        """
        return await self._keeper(portal, credential).access()

    def expired(self, portal: str, credential: str, access: str) -> bool:
        """The portal refused that token (see `is_expiry`): the next `access` gives another.

        Returns:
            True: the call may be made again with it. False: this one was just got; the credential is dead until
            somebody mends it, and a later `access` is a probe.
        """
        return self._keeper(portal, credential).expired(access)

    async def release(self, timeout: float) -> None:
        """The portals go to another owner: let renewals end (seconds), write what is not written, forget all."""
        keepers = list(self._keepers.values())
        self._keepers.clear()
        await asyncio.gather(*(keeper.release(timeout) for keeper in keepers))

    def _keeper(self, portal: str, credential: str) -> _Keeper:
        keeper = self._keepers.get((portal, credential))
        if keeper is None:
            settings = self._portals[portal]
            keeper = self._keepers[portal, credential] = _Keeper(
                portal, credential, settings, self._table, self._server, self._clock
            )
        return keeper


class _Keeper:
    """The tokens of one credential."""

    def __init__(
        self,
        portal: str,
        credential: str,
        settings: PortalSettings,
        table: TokenTable,
        server: TokenServer,
        clock: Callable[[], float],
    ) -> None:
        self._portal = portal
        self._credential = credential
        self._address = settings.address
        self._settings = settings.credentials[credential]
        self._table = table
        self._server = server
        self._scale = settings.scale
        self._margin = MARGIN / settings.scale
        self._clock = clock
        self._loaded = False
        #: in force: they stand in the table
        self._tokens: Tokens | None = None
        #: from the token server, and not yet in the table: never used, never dropped
        self._unwritten: Tokens | None = None
        #: when the ones in force were got by this process
        self._got_at = float("-inf")
        #: the portal refused the one in force; and it was just got
        self._stale = False
        self._dead = False
        self._renewing: asyncio.Task[Tokens] | None = None

    async def access(self) -> str:
        if self._is_good():
            assert self._tokens is not None
            return self._tokens.access
        # a caller that gives up must not end the renewal: its answer comes once
        return (await asyncio.shield(self._start())).access

    def expired(self, access: str) -> bool:
        if self._tokens is None or self._tokens.access != access:
            return True
        if not self._stale:
            self._stale = True
            self._dead = self._clock() < self._got_at + self._margin
        return not self._dead

    async def release(self, timeout: float) -> None:
        task = self._start() if self._unwritten is not None else self._renewing
        if task is None:
            return
        _, late = await asyncio.wait([task], timeout=timeout)
        if late:
            logger.warning("portal %s, credential %s: left while its token was renewed", self._portal, self._credential)
            task.cancel()
            await asyncio.wait([task])

    def _is_good(self) -> bool:
        tokens = self._tokens
        return tokens is not None and not self._stale and self._clock() < tokens.expires_at - self._margin

    def _start(self) -> asyncio.Task[Tokens]:
        if self._renewing is None:
            name = f"token of portal {self._portal}, credential {self._credential}"
            self._renewing = asyncio.create_task(self._renew(), name=name)
            self._renewing.add_done_callback(self._ended)
        return self._renewing

    def _ended(self, task: asyncio.Task[Tokens]) -> None:
        self._renewing = None
        # who waits gets the error; nobody may be left to wait
        if not task.cancelled():
            task.exception()

    async def _renew(self) -> Tokens:
        if not self._loaded:
            self._tokens = self._table.read(self._portal, self._credential, self._settings)
            self._loaded = True
            if self._tokens is not None and self._is_good():
                return self._tokens
        if self._unwritten is None:
            self._unwritten = await self._ask()
        tokens = self._unwritten
        await self._table.write(self._portal, self._credential, tokens)
        self._unwritten = None
        self._tokens = tokens
        self._got_at = self._clock()
        self._stale = self._dead = False
        lifetime = tokens.expires_at - self._got_at
        logger.info("portal %s, credential %s: new token for %.0f s", self._portal, self._credential, lifetime)
        return tokens

    async def _ask(self) -> Tokens:
        refresh = self._tokens.refresh if self._tokens is not None else self._settings.refresh_token.get_secret_value()
        asked = self._clock()
        renewed = await self._server.renew(self._settings, refresh)
        self._compare(renewed.endpoint)
        return Tokens(
            access=renewed.access,
            refresh=renewed.refresh,
            expires_at=asked + renewed.lifetime / self._scale,
            endpoint=renewed.endpoint,
            seeded=seed(self._settings),
        )

    def _compare(self, endpoint: str) -> None:
        """The token server knows where its portal is: another host is a renamed portal, or another one's app."""
        known = self._tokens.endpoint if self._tokens is not None else ""
        told, ours = urlsplit(endpoint).hostname, urlsplit(self._address).hostname
        if told and told != ours and endpoint != known:
            logger.warning(
                "portal %s, credential %s: the app belongs to %s, the settings name %s",
                self._portal,
                self._credential,
                told,
                ours,
            )
