"""Whatever a client sends, a portal answers with a result or a documented error, never with a crash."""

import asyncio
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.portal.clock import Clock
from sandbox.portal.entities import ALL, DEAL
from sandbox.portal.errors import RestError
from sandbox.portal.faults import FaultBook
from sandbox.portal.fields.model import camel
from sandbox.portal.methods.spec import Call
from sandbox.portal.options import Options
from sandbox.portal.php import from_json, parse_query
from sandbox.portal.portal import Portal
from tests.unit.sandbox.calling import APP
from tests.unit.sandbox.calling import METHODS as REGISTRY
from tests.unit.sandbox.test_conformance import furnished, params_of

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
    st.sampled_from(["-1", "--5", "1e999", "9" * 5000, "2024-08-30", "9999-12-31", "0001-01-01", "$result[a][0]"]),
)
ALL_NAMES = sorted({name for entity in ALL for name in (*entity.fields, *entity.items)})
NAMES = st.sampled_from([*DEAL.fields, *DEAL.items]) | st.sampled_from(
    [*ALL_NAMES, "UF_CRM_1", "ufCrm_1", "property1", "fm", "contacts", "logic", "0", "NO_SUCH", ""]
)
FILTERS = st.builds(str.__add__, st.sampled_from(["", ">", "<=", "!", "@", "!@", "%", "=%", "!%"]), NAMES)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES | FILTERS, inner, max_size=3)
)
ROWS = st.lists(st.dictionaries(NAMES, VALUES, max_size=4), max_size=3)
PARAMS = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(["id", "entityId", "ownerId"], SCALARS | st.integers(1, 3)),
        "entityTypeId": st.sampled_from([1, 2, 3, 4, 7, 31, 128, 1030]) | SCALARS,
        "ownerType": st.sampled_from(["D", "L", "SI", "T80"]) | SCALARS,
        "fields": st.dictionaries(NAMES, VALUES, max_size=6) | VALUES,
        "filter": st.dictionaries(FILTERS, VALUES, max_size=3) | VALUES,
        "order": st.dictionaries(NAMES, VALUES, max_size=3) | VALUES,
        "select": VALUES | st.just(["id", "iblockId", "*"]),
        **dict.fromkeys(["rows", "productRows", "items", "data"], ROWS | VALUES),
        **dict.fromkeys(["params", "values", "type", "event", "handler", "event_type", "options", "name"], VALUES),
        **dict.fromkeys(["start", "halt", "limit", "process_id", "clear", "auth_connector", "code"], SCALARS),
        "cmd": st.dictionaries(st.text(max_size=2), st.text(max_size=20), max_size=3) | VALUES,
    },
)
METHODS = sorted(REGISTRY)
_TABLES = {entity.name: entity for entity in ALL}
FAMILIES = {
    key: _TABLES[name]
    for key, name in (
        ("crm.company", "company"),
        ("crm.contact", "contact"),
        ("crm.lead", "lead"),
        ("crm.item.productrow", "product_row"),
        ("crm.item.payment", "payment"),
        ("crm.requisite.bankdetail", "bank_detail"),
        ("crm.requisite.preset", "preset"),
        ("crm.requisite", "requisite"),
        ("crm.address", "address"),
        ("crm.timeline", "comment"),
        ("crm.status", "status"),
        ("crm.category", "category"),
        ("crm.dealcategory", "category"),
        ("crm.deal.userfield", "user_field"),
        ("crm.deal.productrows", "product_row"),
        ("crm.type", "type"),
        ("crm.orderentity", "order_link"),
        ("catalog.productpropertyenum", "property_enum"),
        ("catalog.productproperty", "property"),
        ("catalog.product", "product"),
        ("catalog.section", "section"),
        ("catalog.pricetype", "price_type"),
        ("catalog.price", "price"),
        ("catalog.measure", "measure"),
        ("catalog.vat", "vat"),
        ("sale.order", "order"),
        ("sale.basketitem", "basket_item"),
        ("sale.payment", "payment"),
        ("sale.shipmentitem", "shipment_item"),
        ("sale.shipment", "shipment"),
        ("user", "user"),
    )
}
STATE = furnished().portal.store.dump()


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(METHODS) | st.sampled_from(["crm.deal.list", "crm.item.list"]), PARAMS), max_size=6
    )
)
def test_every_call_has_an_answer(calls: list[tuple[str, dict[str, Any]]]) -> None:
    portal = Portal("default", Options(), REGISTRY, Clock(), FaultBook())
    portal.store.load(orjson.loads(orjson.dumps(STATE)))

    for number in range(3):
        odd = {"TITLE": "a" * number, "UF_CRM_1": [["x"], {"y": "z"}, "", None], "OPPORTUNITY": float(number)}
        for name in ("deal", "contact"):
            portal.store.tables[name].insert({**odd, "PHOTO": [None, number, 1][number]})

    async def run() -> None:
        for method, params in calls:
            call = Call(method, from_json(params) or {}, APP, "127.0.0.1", 1)
            try:
                outcome = await portal.execute(call)
            except RestError as error:
                orjson.dumps(error.problem.body())
            else:
                orjson.dumps(outcome.reply.result)
        # What came in by any input can be written to a file and read again.
        portal.store.load(orjson.loads(orjson.dumps(portal.store.dump(), option=orjson.OPT_NON_STR_KEYS)))
        await portal.close()

    asyncio.run(run())


def _own_names(family: str) -> list[str]:
    """What a family of methods calls its fields."""
    entity = next((item for key, item in FAMILIES.items() if family.startswith(key)), DEAL)
    return [*entity.fields, *entity.items, *map(camel, entity.fields), "UF_CRM_1", "ufCrm_1", "fm", "property1"]


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_family_with_odd_values_has_answers(data: st.DataObject) -> None:
    """All verbs of one family with its own fields, each of them with a value that it was not made for."""
    family = data.draw(st.sampled_from(sorted({name.rpartition(".")[0] for name in METHODS if "." in name})))
    names = st.sampled_from(_own_names(family))
    filters = st.builds(str.__add__, st.sampled_from(["", ">", "<=", "!", "@", "!@", "%", "=%", "!%"]), names)
    values = SCALARS | st.lists(SCALARS, max_size=3) | st.dictionaries(names, SCALARS, max_size=2)
    fields = data.draw(st.dictionaries(names, values, min_size=1, max_size=12))
    conditions = data.draw(st.dictionaries(filters, values, max_size=4))
    order = data.draw(st.dictionaries(names, SCALARS, max_size=2))
    portal = Portal("default", Options(), REGISTRY, Clock(), FaultBook())
    portal.store.load(orjson.loads(orjson.dumps(STATE)))

    async def run() -> None:
        for name in METHODS:
            if name.rpartition(".")[0] != family:
                continue
            params = params_of(portal.methods[name])
            params["fields"] = {**params["fields"], **fields}
            params["filter"] = {**params["filter"], **conditions}
            for key in ("rows", "productRows", "items", "data"):
                params[key] = [fields, *params[key]]
            try:
                outcome = await portal.execute(Call(name, from_json({**params, "order": order}), APP, "127.0.0.1", 1))
            except RestError as error:
                orjson.dumps(error.problem.body())
            else:
                orjson.dumps(outcome.reply.result)
        await portal.close()

    asyncio.run(run())


@given(st.text(st.sampled_from("ab01[]=&.% +%5B"), max_size=40))
def test_every_query_can_be_read(text: str) -> None:
    orjson.dumps(parse_query(text))


@pytest.mark.parametrize("path", sorted(Path(__file__).parents[3].glob("sandbox/**/*.py")), ids=lambda path: path.name)
def test_the_sandbox_knows_nothing_of_the_product(path: Path) -> None:
    text = path.read_text()
    assert "import pipeline" not in text
    assert "from pipeline" not in text
