"""pipeline/delivery/records.py: headers in both forms, size on the wire."""

from aiokafka.record.default_records import DefaultRecordBatchBuilder
from hypothesis import given
from hypothesis import strategies as st

from pipeline.delivery.records import read_headers, wire_headers, wire_size

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
HEADERS = st.dictionaries(TEXTS, TEXTS, max_size=8)


@given(HEADERS)
def test_headers_come_back(headers: dict[str, str]) -> None:
    assert read_headers(wire_headers(headers)) == headers
    assert read_headers(dict(wire_headers(headers))) == headers


def test_foreign_headers_are_shown_never_refused() -> None:
    assert read_headers([("a", b"\xff\xfe"), ("b", None), ("c", b"")]) == {"a": "\\xff\\xfe", "b": "", "c": ""}  # type: ignore[list-item]
    assert read_headers(None) == {}


@given(key=st.none() | st.binary(max_size=50), value=st.none() | st.binary(max_size=500), headers=HEADERS)
def test_the_size_is_never_below_that_of_a_batch(
    key: bytes | None, value: bytes | None, headers: dict[str, str]
) -> None:
    batch = DefaultRecordBatchBuilder(
        magic=2,
        compression_type=0,
        is_transactional=0,
        producer_id=1,
        producer_epoch=1,
        base_sequence=1,
        batch_size=10**6,
    )
    batch.append(0, timestamp=1_700_000_000_000, key=key, value=value, headers=wire_headers(headers))
    assert len(batch.build()) <= wire_size(key, value, headers)
