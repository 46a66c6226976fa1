"""What a table holds, from its changelog: by partition and key, the greatest revision (decision 0001)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from pipeline.delivery import reading
from pipeline.delivery.store import REVISION_BYTES


@dataclass
class Record:
    partition: int
    key: bytes
    value: bytes | None


def row(partition: int, revision: int, text: bytes, key: bytes = b"k") -> Record:
    return Record(partition, key, revision.to_bytes(REVISION_BYTES, "big") + text)


@pytest.mark.parametrize(
    ("records", "held"),
    [
        ([row(0, 1, b"waiting"), row(0, 2, b"done")], {(0, b"k"): b"done"}),
        ([row(0, 1, b"waiting"), row(0, 2, b"done"), row(0, 1, b"late")], {(0, b"k"): b"done"}),
        ([row(0, 2, b"done"), row(1, 1, b"another")], {(0, b"k"): b"done", (1, b"k"): b"another"}),
        ([row(0, 2, b"done"), Record(0, b"k", None)], {}),
    ],
)
async def test_the_greatest_revision_stands(
    monkeypatch: pytest.MonkeyPatch, records: list[Record], held: dict[tuple[int, bytes], bytes]
) -> None:
    async def given(servers: object, topic: str) -> AsyncIterator[Record]:
        for record in records:
            yield record

    monkeypatch.setattr(reading, "_records", given)
    assert await reading.read_table([], "changelog") == held
