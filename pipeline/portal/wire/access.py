"""How a call shows who it is: a webhook in the address, an OAuth app's access token in the body.

Source: Bitrix24: `general-principles.md`, `local-webhooks.md` (reference: Bitrix24, section 4). A token of OAuth
could stand in the query too; in the body it is in no access log.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import quote

import orjson

from pipeline.portal.wire.faults import PortalPermanent

__all__ = ["Access"]

_BOM = b"\xef\xbb\xbf"
#: JSON's white space
_BLANK = b" \t\r\n"


@dataclass(frozen=True, slots=True)
class Access:
    """What a portal lets a call in by. Made by `webhook` or `oauth`; the token is not shown.

    `user` is None for OAuth.
    """

    user: str | None
    token: str = field(repr=False)

    @classmethod
    def webhook(cls, user: str, token: str) -> Access:
        """An incoming webhook: `<address>/<user>/<token>/<method>`."""
        return cls(user, token)

    @classmethod
    def oauth(cls, access_token: str) -> Access:
        """An OAuth app: `<address>/<method>` with `auth` in the body."""
        return cls(None, access_token)

    @property
    def is_oauth(self) -> bool:
        """Does its token pass after an hour, and can be had anew?"""
        return self.user is None

    def path(self, method: str) -> str:
        """What follows the address, quoted."""
        parts = (method,) if self.user is None else (self.user, self.token, method)
        return "/".join(quote(part, safe="") for part in parts)

    def body(self, body: bytes) -> bytes:
        """The JSON body (empty = no parameters) as it is sent.

        For OAuth `auth` is put at its end, in place of an `auth` of its own: all else stays byte for byte, as some
        methods look at the order of their parameters (reference: Bitrix24, section 4).

        Raises:
            PortalPermanent: for OAuth only: the body is no JSON object, so that it has no place for `auth`.
        """
        if self.user is not None:
            return body or b"{}"
        text = body.removeprefix(_BOM).strip(_BLANK) or b"{}"
        try:
            given = orjson.loads(text)
        except orjson.JSONDecodeError:
            given = None
        if not isinstance(given, dict):
            raise PortalPermanent(
                "an OAuth credential calls with a JSON object as its body: the access token stands in it", sent=False
            )
        if "auth" in given:
            del given["auth"]
            text = orjson.dumps(given)
        comma = b"," if given else b""
        return text[:-1].rstrip(_BLANK) + comma + b'"auth":' + orjson.dumps(self.token) + b"}"
