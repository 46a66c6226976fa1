"""pipeline/delivery/flow.py: declaration and typed decode."""

from typing import Any

import pytest
from pydantic import BaseModel

from pipeline.delivery.errors import BadInput
from pipeline.delivery.flow import Event, Flow, as_json, as_model, flow


class User(BaseModel):
    id: int
    name: str
    mails: list[str] = []


def test_json_or_bad_input() -> None:
    assert as_json(b'{"a": [1, null]}') == {"a": [1, None]}
    for raw in (b"", b"{", b"\xff", b"{'a': 1}"):
        with pytest.raises(BadInput, match="no JSON"):
            as_json(raw)


def test_a_model_lists_every_fault_with_its_place() -> None:
    decode = as_model(User)
    assert decode(b'{"id": 5, "name": "x"}') == User(id=5, name="x")
    with pytest.raises(BadInput) as raised:
        decode(b'{"id": "secret-value", "mails": ["a", 5]}')
    text = str(raised.value)
    assert "id: " in text and "name: " in text and "mails.1: " in text
    assert "\n" not in text and "secret-value" not in text
    with pytest.raises(BadInput, match="message: "):
        decode(b"no json")


def test_the_decorator_declares() -> None:
    @flow("one", "events.user", model=User, in_flight=3, version="2")
    async def effects(event: Event[Any]) -> None: ...

    @flow("two", ("a", "b"), decode=as_json)
    def pure(event: Event[Any]) -> None: ...

    assert isinstance(effects, Flow) and isinstance(pure, Flow)
    assert (effects.topics, effects.pure, effects.in_flight, effects.version) == (("events.user",), False, 3, "2")
    assert (pure.topics, pure.pure, pure.decode) == (("a", "b"), True, as_json)
    assert effects.decode(b'{"id": 1, "name": "n"}').name == "n"


def test_without_model_bytes_and_the_records_key() -> None:
    declared = flow("raw", "a")(lambda event: None)
    event = Event("a", 0, 1, b"key", {}, b"\xff", None, 0.0)
    assert declared.decode(b"\xff") == b"\xff"
    assert declared.key(event) == b"key"
