"""The one connection to Elasticsearch; its errors leave as those of the taxonomy (pipeline/search/errors.py)."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit, urlunsplit

from elastic_transport import ApiError, TransportError
from elasticsearch import AsyncElasticsearch, OrjsonSerializer

from pipeline.delivery import metrics
from pipeline.delivery.errors import Permanent, PipelineError
from pipeline.search.errors import of_exception, of_item
from pipeline.settings import Settings

__all__ = ["SearchClient", "connect"]

T = TypeVar("T")
_OF_BULK = "items.*.status,items.*.error"


def connect(settings: Settings) -> AsyncElasticsearch:
    """A client for these settings; it connects at its first request, and repeats nothing by itself.

    Raises Permanent: they name no Elasticsearch.
    """
    if settings.es_url is None:
        raise Permanent("ES_URL is not set: there is no Elasticsearch")
    addresses, login = _addresses(settings.es_url.get_secret_value())
    options: dict[str, Any] = {}
    if settings.es_api_key is not None:
        options["api_key"] = settings.es_api_key.get_secret_value()
    elif settings.es_user:
        password = settings.es_password
        options["basic_auth"] = (settings.es_user, password.get_secret_value() if password is not None else "")
    elif login is not None:
        options["basic_auth"] = login
    if settings.es_ca_file is not None:
        options["ca_certs"] = str(settings.es_ca_file)
    return AsyncElasticsearch(
        addresses,
        serializer=OrjsonSerializer(),
        request_timeout=settings.es_timeout,
        max_retries=0,
        retry_on_timeout=False,
        **options,
    )


class SearchClient:
    """Bulk requests, and any other request through `call`."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._es: AsyncElasticsearch | None = None

    @property
    def es(self) -> AsyncElasticsearch:
        """Elasticsearch's own client; made at the first use, in the loop that uses it."""
        if self._es is None:
            self._es = connect(self._settings)
        return self._es

    async def bulk(self, lines: Sequence[Any]) -> list[PipelineError | None]:
        """Send lines (bytes) of a bulk request; what became of each action, None = written, or a newer one is there.

        Raises:
            PipelineError: the request failed as a whole.
        """
        answer = await self.call(self.es.bulk(operations=lines, filter_path=_OF_BULK))
        results: list[PipelineError | None] = []
        for item in answer["items"]:
            ((_, outcome),) = item.items()
            if outcome["status"] == 409:
                metrics.SEARCH_NEWER.inc()
            results.append(of_item(outcome["status"], outcome.get("error")))
        return results

    async def call(self, request: Awaitable[T]) -> T:
        """Await a request of `es`. Raises PipelineError."""
        try:
            return await request
        except (ApiError, TransportError) as error:
            raise of_exception(error) from None

    async def close(self) -> None:
        """Close the connections."""
        if self._es is not None:
            await self._es.close()
            self._es = None


def _addresses(text: str) -> tuple[list[str], tuple[str, str] | None]:
    """Addresses without user info, with their ports; and the user info of the first that has one."""
    addresses, login = [], None
    for address in text.split(","):
        parts = urlsplit(address.strip())
        if parts.username is not None and login is None:
            login = unquote(parts.username), unquote(parts.password or "")
        port = parts.port or (443 if parts.scheme == "https" else 9200)
        host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
        addresses.append(urlunsplit((parts.scheme, f"{host}:{port}", parts.path.rstrip("/"), "", "")))
    return addresses, login
