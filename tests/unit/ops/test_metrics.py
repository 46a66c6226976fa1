"""One list of metrics: each explained, and docs/metrics.md lists exactly them."""

import re
from pathlib import Path

from pipeline.delivery import metrics
from pipeline.ops.metrics import document

DOCUMENT = Path(__file__).parents[3] / "docs" / "metrics.md"


def test_each_metric_has_a_help_text_and_our_prefix() -> None:
    found = list(metrics.declared())
    assert len(found) >= 25
    for metric in found:
        (family,) = metric.describe()
        assert family.name.startswith("pipeline_"), family.name
        assert len(family.documentation) > 15, family.name
        assert family.documentation.endswith("."), family.name


def test_every_metric_of_the_module_is_in_the_list() -> None:
    of_module = {id(value) for name, value in vars(metrics).items() if name.isupper() and hasattr(value, "describe")}
    of_module.discard(id(metrics.REGISTRY))
    assert of_module == {id(metric) for metric in metrics.declared()}


def test_every_metric_is_counted_somewhere() -> None:
    """A metric that nobody counts shows 0 for ever, which looks like good news."""
    package = Path(metrics.__file__).parents[1]
    sources = "".join(path.read_text() for path in package.rglob("*.py") if path != Path(metrics.__file__))
    names = [name for name, value in vars(metrics).items() if name.isupper() and hasattr(value, "_labelnames")]
    assert len(names) == len(list(metrics.declared()))
    assert [name for name in names if not re.search(rf"\b{name}\b", sources)] == []


def test_the_document_lists_exactly_them() -> None:
    text = DOCUMENT.read_text()
    _, _, rest = text.partition("<!-- metrics: begin -->\n")
    table, _, _ = rest.partition("<!-- metrics: end -->")
    assert table == document(), "print it anew: python -m pipeline.ops.metrics"
