"""Requests whose answers can be checked: each carries a marker that only its own answer can have."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from sandbox.portal.journal import digest_of

__all__ = ["SEEDED", "Answer", "Case", "Seed", "make_cases", "plan_kinds", "problem_of"]

USER, TOKEN = "1", "sandbox"

#: How often each kind occurs among 100 requests.
_SHARES = {"list": 30, "get": 25, "update": 20, "add": 20, "wrong": 5}
#: Kinds that need a deal in the portal beforehand.
SEEDED = ("list", "get", "update")
#: Kinds of wrong requests, and the error class of their answer.
_WRONG = {
    "no method": "permanent",
    "method that is no name": "permanent",
    "no token": "auth",
    "token of no known form": "auth",
    "token that the portal refuses": "auth",
    "bad JSON": "permanent",
    "JSON that is no object": "permanent",
    "unknown portal": "permanent",
    "no such deal": "permanent",
}


@dataclass(frozen=True, slots=True)
class Seed:
    """A deal that was made before the test: its id and its marker (TITLE and ORIGIN_ID)."""

    id: int
    marker: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What came out of the answer queue."""

    answer_id: str
    error_class: str | None
    status: str
    portal: str
    body: bytes


@dataclass(slots=True)
class Case:
    """One request. `error_class`: of the answer that is right, None = success.

    `attempts` counts publishes that the broker may have taken: more than one makes more than one request.
    `digest` is the portal's own of the parameters, None where nothing may reach it.
    """

    message_id: str
    portal: str
    kind: str
    method: str
    marker: str
    headers: dict[str, Any]
    body: bytes
    digest: str | None
    deal: int | None = None
    error_class: str | None = None
    attempts: int = 0
    confirmed: bool = False
    answers: list[Answer] = field(default_factory=list)


def plan_kinds(dice: random.Random, count: int) -> list[str]:
    """`count` kinds in the shares of the mix, in random order; at least one of each."""
    rest = count - len(_SHARES)
    kinds = [*_SHARES, *dice.choices(list(_SHARES), weights=list(_SHARES.values()), k=rest)]
    dice.shuffle(kinds)
    return kinds


def make_cases(
    dice: random.Random, run: str, kinds: Sequence[tuple[str, str]], seeds: Mapping[str, list[Seed]]
) -> list[Case]:
    """Cases for (portal, kind) pairs; each takes a seed of its own. `run` makes ids unique."""
    left = {portal: list(given) for portal, given in seeds.items()}
    cases = []
    for number, (portal, kind) in enumerate(kinds):
        message_id = f"{run}-{number:05d}"
        if kind == "wrong":
            cases.append(_wrong(dice, message_id, portal, number))
        else:
            cases.append(_right(message_id, portal, kind, left[portal].pop() if kind in SEEDED else None))
    return cases


def _right(message_id: str, portal: str, kind: str, seed: Seed | None) -> Case:
    marker = seed.marker if seed else f"add {message_id}"
    deal = seed.id if seed else None
    params: dict[str, Any] = {
        "list": lambda: {"filter": {"=ORIGIN_ID": marker}, "select": ["ID", "TITLE", "ORIGIN_ID"]},
        "get": lambda: {"ID": deal},
        "update": lambda: {"ID": deal, "fields": {"TITLE": f"updated {message_id}"}},
        "add": lambda: {"fields": {"TITLE": marker, "ORIGINATOR_ID": "chaos", "ORIGIN_ID": message_id}},
    }[kind]()
    method = f"crm.deal.{kind}"
    headers = {"method": method, "user": USER, "token": TOKEN, "portal": portal}
    body = orjson.dumps(params)
    return Case(message_id, portal, kind, method, marker, headers, body, digest_of(params), deal)


def _wrong(dice: random.Random, message_id: str, portal: str, number: int) -> Case:
    what = list(_WRONG)[number % len(_WRONG)]
    headers: dict[str, Any] = {"method": "crm.deal.list", "user": USER, "token": TOKEN, "portal": portal}
    body = orjson.dumps({"filter": {"=ORIGIN_ID": message_id}})
    digest = None
    if what == "no method":
        del headers["method"]
    elif what == "method that is no name":
        headers["method"] = dice.choice(["../crm.deal.list", "crm deal list", "crm.deal.list\n"])
    elif what == "no token":
        del headers["token"]
    elif what == "token of no known form":
        headers["token"] = "a/b"
    elif what == "token that the portal refuses":
        headers["token"] = "not-one-of-yours"
    elif what == "bad JSON":
        body = b'{"filter": '
    elif what == "JSON that is no object":
        body = b'"text"'
    elif what == "unknown portal":
        headers["portal"] = "nowhere"
    elif what == "no such deal":
        headers["method"] = "crm.deal.get"
        body = orjson.dumps({"ID": 900_000_000 + number})
    case = Case(message_id, portal, f"wrong: {what}", headers.get("method", ""), what, headers, body, digest)
    case.error_class = _WRONG[what]
    return case


def problem_of(case: Case, answer: Answer) -> str | None:
    """Why this is not the right answer to that request; None = it is."""
    if answer.error_class != case.error_class:
        return f"error class {answer.error_class}, not {case.error_class}: {answer.body[:200]!r}"
    try:
        body = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        return f"no JSON: {answer.body[:200]!r}"
    if case.error_class is not None:
        return None if "error" in body else f"an error answer without an error: {answer.body[:200]!r}"
    if answer.portal != case.portal:
        return f"it is of portal {answer.portal}, not {case.portal}"
    if answer.status != "200" or not _fits(case, body.get("result")):
        return f"status {answer.status}, and it does not fit {case.kind} {case.marker!r}: {answer.body[:200]!r}"
    return None


def _fits(case: Case, result: Any) -> bool:
    if case.kind == "list":
        return isinstance(result, list) and [row.get("ORIGIN_ID") for row in result] == [case.marker]
    if case.kind == "get":
        return isinstance(result, dict) and (result.get("ORIGIN_ID"), result.get("ID")) == (
            case.marker,
            str(case.deal),
        )
    if case.kind == "update":
        return result is True
    return isinstance(result, int) and not isinstance(result, bool)
