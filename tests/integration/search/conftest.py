"""An index of the test's own."""

from collections.abc import AsyncIterator

import pytest

from stack.elasticsearch import Elasticsearch
from tests.support.search import Index
from tests.support.services import GivenElasticsearch


@pytest.fixture
async def index(elasticsearch: Elasticsearch | GivenElasticsearch) -> AsyncIterator[Index]:
    index = Index(elasticsearch.url)
    yield index
    await index.remove()
