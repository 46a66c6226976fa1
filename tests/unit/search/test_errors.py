"""What answers of Elasticsearch mean."""

from typing import Any

import pytest
from elastic_transport import ApiError, ApiResponseMeta, ConnectionError, ConnectionTimeout, HttpHeaders, NodeConfig

from pipeline.delivery.errors import Auth, Blocked, Permanent, Throttled, Transient
from pipeline.search.errors import MissingIndex, TooLarge, of_exception, of_item

NODE = NodeConfig("http", "127.0.0.1", 9200)


def api(status: int, body: Any = "") -> ApiError:
    return ApiError("failed", ApiResponseMeta(status, "1.1", HttpHeaders(), 0.1, NODE), body)


@pytest.mark.parametrize("status", [200, 201, 409])
def test_written_or_a_newer_one_is_there(status: int) -> None:
    assert of_item(status, {"type": "version_conflict_engine_exception", "reason": "x"}) is None


@pytest.mark.parametrize(
    ("status", "kind", "meaning"),
    [
        (400, "document_parsing_exception", Permanent),
        (404, "index_not_found_exception", MissingIndex),
        (429, "es_rejected_execution_exception", Throttled),
        (429, "cluster_block_exception", Blocked),
        (403, "cluster_block_exception", Blocked),
        (403, "security_exception", Auth),
        (401, "security_exception", Auth),
        (503, "unavailable_shards_exception", Transient),
        (500, "", Transient),
    ],
)
def test_lines_and_requests_mean_the_same(status: int, kind: str, meaning: type[Exception]) -> None:
    cause = {"type": kind, "reason": "because"}
    assert type(of_item(status, cause)) is meaning
    assert type(of_exception(api(status, {"error": cause}))) is meaning


def test_the_reason_holds_the_causes_below() -> None:
    cause = {"type": "number_format_exception", "reason": 'For input string: "abc"'}
    error = of_item(400, {"type": "document_parsing_exception", "reason": "field [price]", "caused_by": cause})
    assert "field [price]" in str(error) and 'For input string: "abc"' in str(error)


def test_what_has_no_body_of_elasticsearch() -> None:
    assert isinstance(of_exception(api(413)), TooLarge)
    assert isinstance(of_exception(api(502, "<html>bad gateway")), Transient)
    assert isinstance(of_exception(ConnectionTimeout("timed out")), Transient)
    assert isinstance(of_exception(ConnectionError("refused")), Transient)


@pytest.mark.parametrize(("status", "body"), [(404, "<html>nginx"), (405, None), (200, {}), (406, {"error": "header"})])
def test_what_is_no_elasticsearch_makes_no_dead_letters(status: int, body: Any) -> None:
    assert isinstance(of_exception(api(status, body)), Blocked)


def test_what_is_no_answer_is_a_defect() -> None:
    with pytest.raises(KeyError):
        of_exception(KeyError("x"))
