"""pipeline/delivery/names.py: another Faust is refused with one line."""

import re

import pytest
from faust.tables.recovery import Recovery
from faust.transport.drivers.aiokafka import Consumer

from pipeline.delivery import names
from pipeline.delivery.app import make_app
from pipeline.delivery.names import TESTED_VERSION, check_private_names, missing_names
from tests.unit.delivery.fakes import settings


def test_the_installed_faust_has_all_names() -> None:
    assert missing_names() == []
    check_private_names()


@pytest.mark.parametrize(("owner", "name"), [(Recovery, "_resume_streams"), (Consumer, "_new_offset")])
def test_a_missing_name_is_told_with_the_version(owner: type, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for base in owner.__mro__:
        if name in vars(base):
            monkeypatch.delattr(base, name)
    source = names._source
    monkeypatch.setattr(names, "_source", lambda base: re.sub(rf"\b{name}\b", "gone", source(base)))
    monkeypatch.setattr(names, "version", lambda package: "9.9.9")
    assert f"{owner.__name__}.{name}" in missing_names()
    with pytest.raises(RuntimeError) as raised:
        make_app(settings())
    text = str(raised.value)
    assert all(part in text for part in ("9.9.9", TESTED_VERSION, f"{owner.__name__}.{name}"))
    assert "\n" not in text


def test_the_pinned_version_is_the_tested_one() -> None:
    import tomllib
    from pathlib import Path

    project = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text())
    assert f"faust-streaming=={TESTED_VERSION}" in project["project"]["dependencies"]
