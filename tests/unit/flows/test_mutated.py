"""Broken messages: each makes plans that a gateway takes, or is refused with a text that says where; nothing else."""

from __future__ import annotations

from pipeline.delivery.errors import BadInput
from pipeline.portal.plan import parse_plan
from sandbox.site.day import make_day
from sandbox.site.mutate import mutated
from sandbox.site.sizes import Sizes
from tests.unit.flows.desk import DAY_MAPPING, TOPICS, records_of

KINDS = {"users": "user", "section": "section", "products": "product", "mutualsettlements": "settlement"}
COUNT = 600


def test_a_broken_message_is_an_effect_or_a_dead_letter() -> None:
    flows = {kind: module.flow(DAY_MAPPING) for kind, module in TOPICS.items()}
    day = make_day(Sizes(users=10, products=20, sections=5, settlements=10), 7)
    made = refused = 0
    for one in mutated(day.messages, COUNT, 7):
        try:
            for record in records_of(flows[KINDS[one.message.exchange]], one.message.body):
                assert record.value is not None
                parse_plan(record.value)
            made += 1
        except BadInput as error:
            assert str(error).strip(), one.what
            refused += 1
    assert made and refused, "some are good messages all the same"
