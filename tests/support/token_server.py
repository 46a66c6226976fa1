"""A token server on loopback that rotates refresh tokens, and can be told to misbehave."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import parse_qs

import orjson

from tests.support.http_server import Reader, Writer, http, read_request, serving

CLIENT_ID = "local.app"
CLIENT_SECRET = "client-secret-of-a-test"
REFRESH = "refresh-token-of-a-test-0"


class TokenScript:
    """Gives `access-token-of-a-test-1` and `refresh-token-of-a-test-1`, then 2, and so on; each once.

    `answers`: HTTP answers to give instead, one a request, b"" = cut the connection. `gate` holds answers back, after
    the rotation. `lifetime`: `expires_in`.
    """

    def __init__(self) -> None:
        self.address = ""
        self.current = REFRESH
        self.renewals = 0
        self.requests: list[tuple[str, dict[str, str], dict[str, str]]] = []
        self.answers: list[bytes] = []
        self.lifetime: object = 3600
        self.endpoint = "https://one.example/rest/"
        self.gate = asyncio.Event()
        self.gate.set()
        self.arrived = asyncio.Event()

    @property
    def secrets(self) -> list[str]:
        """All that must be seen nowhere."""
        numbers = range(self.renewals + 1)
        return [
            CLIENT_SECRET,
            *(f"refresh-token-of-a-test-{number}" for number in numbers),
            *(f"access-token-of-a-test-{number}" for number in numbers),
        ]

    async def serve(self, reader: Reader, writer: Writer) -> None:
        """One connection."""
        while True:
            line, headers, body = await read_request(reader)
            form = {name: values[0] for name, values in parse_qs(body.decode(), strict_parsing=True).items()}
            self.requests.append((line, headers, form))
            self.arrived.set()
            answer = self.answers.pop(0) if self.answers else self._renew(form)
            await self.gate.wait()
            if not answer:
                return
            writer.write(answer)
            await writer.drain()

    def _renew(self, form: dict[str, str]) -> bytes:
        if (form["client_id"], form["client_secret"]) != (CLIENT_ID, CLIENT_SECRET):
            return refusal(401, "invalid_client")
        if form["grant_type"] != "refresh_token" or form["refresh_token"] != self.current:
            return refusal(400, "invalid_grant")
        self.renewals += 1
        self.current = f"refresh-token-of-a-test-{self.renewals}"
        answer = {
            "access_token": f"access-token-of-a-test-{self.renewals}",
            "refresh_token": self.current,
            "expires_in": self.lifetime,
            "client_endpoint": self.endpoint,
            "domain": "oauth.bitrix24.tech",
            "status": "L",
        }
        return http(200, orjson.dumps(answer), "Content-Type: application/json")


def refusal(status: int, code: str, text: str = "") -> bytes:
    return http(status, orjson.dumps({"error": code, "error_description": text}))


@asynccontextmanager
async def token_server() -> AsyncIterator[TokenScript]:
    """A running one."""
    script = TokenScript()
    async with serving(script.serve) as address:
        script.address = address.replace("/rest/", "/oauth/token/")
        yield script
