"""Whatever a client sends, a portal answers with a result or a documented error, never with a crash."""

import asyncio
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.portal.clock import Clock
from sandbox.portal.entities import DEAL
from sandbox.portal.errors import RestError
from sandbox.portal.faults import FaultBook
from sandbox.portal.methods import registry
from sandbox.portal.methods.spec import Call
from sandbox.portal.options import DEFAULT_CREDENTIAL, Options
from sandbox.portal.php import from_json, parse_query
from sandbox.portal.portal import Portal

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
    st.sampled_from(["-1", "--5", "1e999", "9" * 5000, "2024-08-30", "9999-12-31", "0001-01-01", "$result[a][0]"]),
)
NAMES = st.sampled_from([*DEAL.fields, "UF_CRM_1", "PHONE", "PHOTO", "NO_SUCH", ""])
FILTERS = st.builds(str.__add__, st.sampled_from(["", ">", "<=", "!", "@", "!@", "%", "=%", "!%"]), NAMES)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES | FILTERS, inner, max_size=3)
)
PARAMS = st.fixed_dictionaries(
    {},
    optional={
        "id": SCALARS | st.integers(1, 3),
        "fields": st.dictionaries(NAMES, VALUES, max_size=6) | VALUES,
        "filter": st.dictionaries(FILTERS, VALUES, max_size=3) | VALUES,
        "order": st.dictionaries(NAMES, VALUES, max_size=3) | VALUES,
        "select": VALUES,
        "start": SCALARS,
        "cmd": st.dictionaries(st.text(max_size=2), st.text(max_size=20), max_size=3) | VALUES,
        "halt": SCALARS,
    },
)
METHODS = sorted(registry())


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["crm.deal.list", "crm.contact.list", *METHODS]), PARAMS), max_size=8))
def test_every_call_has_an_answer(calls: list[tuple[str, dict[str, Any]]]) -> None:
    portal = Portal("default", Options(), registry(), Clock(), FaultBook())

    for number in range(3):
        odd = {"TITLE": "a" * number, "UF_CRM_1": [["x"], {"y": "z"}, "", None], "OPPORTUNITY": float(number)}
        for name in ("deal", "contact"):
            portal.store.tables[name].insert({**odd, "PHOTO": [number, "text", {"a": 1}][number]})

    async def run() -> None:
        for method, params in calls:
            call = Call(method, from_json(params) or {}, DEFAULT_CREDENTIAL, "127.0.0.1", 1)
            try:
                outcome = await portal.execute(call)
            except RestError as error:
                orjson.dumps(error.problem.body())
            else:
                orjson.dumps(outcome.reply.result)

    asyncio.run(run())


@given(st.text(st.sampled_from("ab01[]=&.% +%5B"), max_size=40))
def test_every_query_can_be_read(text: str) -> None:
    orjson.dumps(parse_query(text))


@pytest.mark.parametrize("path", sorted(Path(__file__).parents[3].glob("sandbox/**/*.py")), ids=lambda path: path.name)
def test_the_sandbox_knows_nothing_of_the_product(path: Path) -> None:
    text = path.read_text()
    assert "import pipeline" not in text
    assert "from pipeline" not in text
