"""The connection: addresses, logins, and what an answer to a bulk request is read as."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import ValidationError

from pipeline.delivery.errors import Permanent, Throttled
from pipeline.search.client import SearchClient, _addresses, connect
from pipeline.settings import Settings

SECRET = "s3cret/word"


def settings(**given: Any) -> Settings:
    return Settings(_env_file=None, **given)  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("given", "addresses", "login"),
    [
        ("http://h:9201", ["http://h:9201"], None),
        ("https://h/es/", ["https://h:443/es"], None),
        ("http://u:p%2Fx@h", ["http://h:9200"], ("u", "p/x")),
        ("http://a:1, http://u:p@[::1]:2", ["http://a:1", "http://[::1]:2"], ("u", "p")),
    ],
)
def test_addresses_and_their_login(given: str, addresses: list[str], login: tuple[str, str] | None) -> None:
    assert _addresses(given) == (addresses, login)


@pytest.mark.parametrize(
    ("given", "scheme"),
    [
        ({"es_url": "http://u:p@h:1"}, "Basic dTpw"),
        ({"es_url": "http://u:p@h:1", "es_user": "x", "es_password": "y"}, "Basic eDp5"),
        ({"es_url": "http://u:p@h:1", "es_api_key": "key"}, "ApiKey key"),
        ({"es_url": "http://h:1"}, None),
    ],
)
async def test_the_login_that_is_used(given: dict[str, str], scheme: str | None) -> None:
    es = connect(settings(**given))
    assert es._headers.get("authorization") == scheme
    await es.close()


def test_a_wrong_address_is_refused() -> None:
    with pytest.raises(ValidationError, match="an address such as"):
        settings(es_url="h:9200")


async def test_nothing_that_is_said_holds_the_password() -> None:
    client = SearchClient(settings(es_url="http://u:s3cret%2Fword@127.0.0.1:1"))
    with pytest.raises(Exception) as caught:
        await client.bulk([b"{}", b"{}"])
    assert SECRET not in str(caught.value) and "s3cret" not in repr(client.es)
    await client.close()


async def test_each_line_of_an_answer_is_read_in_its_order() -> None:
    items = [
        {"index": {"status": 201}},
        {"index": {"status": 409, "error": {"type": "version_conflict_engine_exception", "reason": "newer"}}},
        {"index": {"status": 429, "error": {"type": "es_rejected_execution_exception", "reason": "full"}}},
        {"index": {"status": 400, "error": {"type": "document_parsing_exception", "reason": "field"}}},
    ]

    async def bulk(**_: Any) -> dict[str, Any]:
        return {"items": items}

    client = SearchClient(settings())
    client._es = SimpleNamespace(bulk=bulk)  # type: ignore[assignment]
    results = await client.bulk([])
    assert [type(result) for result in results] == [type(None), type(None), Throttled, Permanent]
