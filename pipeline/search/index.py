"""The index of products: names, analysis, fields (docs/search.md tells how each field is searched).

An alias such as `catalog` stands before exactly one index `catalog-v000001`; its filter hides what is removed. While
an index is filled anew, `catalog-next` stands before that one.
"""

from __future__ import annotations

import re
from typing import Any

__all__ = ["VISIBLE", "first_alias", "index_name", "next_alias", "number_of", "pattern", "settings_and_mappings"]

#: the alias' filter: removed products stay as tombstones (decision 0015)
VISIBLE: dict[str, Any] = {"bool": {"must_not": {"term": {"removed": True}}}}


def index_name(alias: str, number: int) -> str:
    """`catalog-v000001`."""
    return f"{alias}-v{number:06d}"


def number_of(alias: str, index: str) -> int | None:
    """The number of one of this alias' indices; None for any other."""
    found = re.fullmatch(re.escape(alias) + r"-v(\d{6,})", index)
    return int(found[1]) if found else None


def pattern(alias: str) -> str:
    """All indices of an alias."""
    return f"{alias}-v*"


def next_alias(alias: str) -> str:
    """The alias of the index that is being filled."""
    return f"{alias}-next"


def first_alias() -> dict[str, Any]:
    """The body of the alias that searches and the sink use."""
    return {"filter": VISIBLE, "is_write_index": True}


_TEXT = {"type": "text", "analyzer": "ru"}
_HTML = {"type": "text", "analyzer": "ru_html", "fields": {"exact": {"type": "text", "analyzer": "exact_html"}}}
_EXACT = {"exact": {"type": "text", "analyzer": "exact"}}
_ARTICLE = {
    "type": "keyword",
    "normalizer": "article",
    "fields": {
        "prefix": {"type": "text", "analyzer": "article_prefix", "search_analyzer": "article_whole"},
        "raw": {"type": "keyword"},
    },
}
_WORD = {"type": "keyword", "normalizer": "word"}


def settings_and_mappings() -> dict[str, Any]:
    """The body that an index is made with."""
    return {"settings": {"number_of_shards": 1, "auto_expand_replicas": "0-1", "analysis": _ANALYSIS}, "mappings": {
        # what an older or newer worker writes is kept, and not searched
        "dynamic": False,
        "properties": {
            "name": {
                **_TEXT,
                "fields": {
                    **_EXACT,
                    "prefix": {"type": "text", "analyzer": "prefix", "search_analyzer": "exact"},
                    "raw": {"type": "keyword", "ignore_above": 256},
                },
            },
            "suggest": {"type": "completion", "analyzer": "exact", "max_input_length": 100},
            "preview": _HTML,
            "detail": _HTML,
            "brand": {**_WORD, "fields": {"text": {"type": "text", "analyzer": "exact"}, "raw": {"type": "keyword"}}},
            "brand_xml_id": _WORD,
            "sntinvest_articul": _ARTICLE,
            "fac_articul": _ARTICLE,
            "xml_id": {"type": "keyword"},
            "site_id": {"type": "keyword"},
            "code": {"type": "keyword"},
            "catalog": {"type": "keyword"},
            "section": {"type": "keyword"},
            "section_site_id": {"type": "keyword"},
            "section_path": {"type": "text", "analyzer": "ru", "fields": {"raw": {"type": "keyword"}}},
            "price": {"type": "double"},
            "currency": {"type": "keyword"},
            "prices": {
                "type": "nested",
                "properties": {
                    "type": {"type": "keyword"},
                    "amount": {"type": "double"},
                    "currency": {"type": "keyword"},
                },
            },
            "properties": {"type": "flattened", "ignore_above": 1024},
            "properties_text": _TEXT,
            "active": {"type": "boolean"},
            "removed": {"type": "boolean"},
            "changed": {"type": "date"},
        },
    }}  # fmt: skip


_STEMS = ["lowercase", "ru_stop", "keyword_repeat", "ru_stem", "remove_duplicates"]


def _analyzer(filters: list[str], *char_filters: str, tokenizer: str = "standard") -> dict[str, Any]:
    return {"type": "custom", "tokenizer": tokenizer, "char_filter": [*char_filters], "filter": filters}


_ANALYSIS: dict[str, Any] = {
    "char_filter": {
        "yo": {"type": "mapping", "mappings": ["ё=>е", "Ё=>Е"]},
        "article": {"type": "pattern_replace", "pattern": r"[\s\p{Pd}\u2212._/\\,]+", "replacement": ""},
    },
    "filter": {
        "ru_stop": {"type": "stop", "stopwords": "_russian_"},
        "ru_stem": {"type": "stemmer", "language": "russian"},
        "begin": {"type": "edge_ngram", "min_gram": 2, "max_gram": 15, "preserve_original": True},
    },
    "normalizer": {
        "article": {"type": "custom", "char_filter": ["article"], "filter": ["lowercase"]},
        "word": {"type": "custom", "char_filter": ["yo"], "filter": ["lowercase", "trim"]},
    },
    "analyzer": {
        # the word as it is beside its stem: *болты* of query_string is not stemmed, and must hit all the same
        "ru": _analyzer(_STEMS, "yo"),
        "ru_html": _analyzer(_STEMS, "html_strip", "yo"),
        "exact": _analyzer(["lowercase"], "yo"),
        "exact_html": _analyzer(["lowercase"], "html_strip", "yo"),
        "prefix": _analyzer(["lowercase", "begin"], "yo"),
        "article_prefix": _analyzer(["lowercase", "begin"], "article", tokenizer="keyword"),
        "article_whole": _analyzer(["lowercase"], "article", tokenizer="keyword"),
    },
}
