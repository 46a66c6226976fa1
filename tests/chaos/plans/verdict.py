"""Counts what came of the plans of a phase, and says it in one line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from pipeline.delivery.plans import changelog_name
from pipeline.delivery.reading import read_compacted
from pipeline.delivery.store import unpack
from pipeline.portal.requests.row import decode, is_done, request_prefix
from pipeline.topology import DEAD_LETTERS
from tests.chaos.plans.case import Case, judged
from tests.chaos.plans.objects import Objects, marker_of
from tests.chaos.plans.phases import Disturbed
from tests.chaos.plans.stage import PlansStage
from tests.support.bridge import read_topic

__all__ = ["PlansVerdict", "judge", "too_quiet", "total"]

#: what a worker says of records that it passed over (pipeline/delivery/consumer.py)
_SKIPPED = "were never read"


@dataclass
class PlansVerdict:
    """Figures of a phase. `failures` empty = it held."""

    phase: str
    seconds: float
    disturbed: Disturbed
    sent: int = 0
    right: int = 0
    lost: list[Case] = field(default_factory=list)
    unanswered: list[Case] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    unknown: list[Case] = field(default_factory=list)
    wrong: dict[str, str] = field(default_factory=dict)
    letters: list[str] = field(default_factory=list)
    overlaps: int = 0
    overlaps_with_dead: int = 0
    handovers: int = 0
    faults: dict[str, int] = field(default_factory=dict)
    unheard: int = 0
    cuts: int = 0
    lookups: int = 0
    refused: dict[str, int] = field(default_factory=dict)
    ends: list[int | None] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def figures(self) -> str:
        """What must be 0 but for the first two."""
        return (
            f"sent {self.sent}, answered right {self.right}, lost {len(self.lost)}, "
            f"unanswered {len(self.unanswered)}, doubled {len(self.doubled)}, missing {len(self.missing)}, "
            f"unknown {len(self.unknown)}, wrong {len(self.wrong)}, dead letters {len(self.letters)}, "
            f"overlaps {self.overlaps}"
        )

    def line(self) -> str:
        """The one line."""
        kills = self.disturbed.kills
        more = [f"workers ended by themselves {self.ends}"] if self.ends else []
        more += [f"portals handed over {self.handovers} times"] if self.handovers else []
        more += [f"refused by limits {self.refused}"] if any(self.refused.values()) else []
        more += self.disturbed.notes
        return (
            f"{self.phase}: {self.figures()}; kills {len(kills)} "
            f"(in flight at the portals: {', '.join(map(str, kills))}), "
            f"faults hit {sum(self.faults.values())}, "
            f"requests cut at the portal's time limit {self.cuts}, "
            f"adds executed whose answer never came {self.unheard}, settling look-ups {self.lookups}, "
            f"overlaps with calls that nobody waits for {self.overlaps_with_dead}, seconds {self.seconds:.0f}"
            + "".join(f"; {text}" for text in more)
        )


async def judge(
    stage: PlansStage, phase: str, disturbed: Disturbed, faults: dict[str, int], seconds: float
) -> PlansVerdict:
    """Look at every answer, at the portals, and at what is left in queues and tables. Workers must be dead by now."""
    verdict = PlansVerdict(phase, seconds, disturbed, faults=faults, failures=list(disturbed.failures))
    control = stage.control
    await control.quiet()
    verdict.overlaps, verdict.overlaps_with_dead = await control.overlap()
    verdict.handovers = await control.handovers()
    verdict.lookups = await control.lookups()
    verdict.cuts = await control.cuts()
    verdict.refused = await control.refused()
    objects = await control.objects()
    verdict.unheard = sum(held.unheard for held in objects.values())
    for keeper in stage.keepers:
        verdict.ends += keeper.ended
        skipped = [line for line in keeper.worker.log.read_text(errors="replace").splitlines() if _SKIPPED in line]
        verdict.failures += [f"{keeper.worker.folder.name}: {line}" for line in skipped]
    open_ids = await _look_at_rest(stage, verdict)
    for case in stage.cases:
        _look_at_answers(case, objects, open_ids, verdict)
    _look_for_doubles(stage.cases, objects, verdict)
    _conclude(stage, verdict)
    return verdict


def _look_at_answers(case: Case, objects: Mapping[str, Objects], open_ids: set[str], verdict: PlansVerdict) -> None:
    verdict.sent += case.confirmed
    if not case.answers:
        (verdict.unanswered if case.message_id in open_ids else verdict.lost).append(case)
        return
    problems = []
    for answer in case.answers:
        if answer.error_class == "unknown":
            verdict.unknown.append(case)
        problem = judged(case, answer, objects)
        if problem is not None:
            problems.append(problem)
        else:
            held = objects[case.portal].found
            verdict.missing += [f"{case.message_id}: {place}" for place in case.places if not held.get(tuple(place))]
    if problems:
        verdict.wrong[f"{case.message_id} ({case.kind}, {case.way}, {case.portal})"] = problems[0]
    else:
        verdict.right += 1


def _look_for_doubles(cases: Iterable[Case], objects: Mapping[str, Objects], verdict: PlansVerdict) -> None:
    """By what the portals hold, and by what they have executed: by marker, by external id, by stamp."""
    seen: set[tuple[str, tuple[str, str, str]]] = set()
    for case in cases:
        held = objects[case.portal]
        for place in map(tuple, case.places):
            times = max(len(held.found.get(place, ())), held.executed[place])
            if times > max(1, case.attempts if case.record is None else 1) and (case.portal, place) not in seen:
                seen.add((case.portal, place))
                verdict.doubled.append(
                    f"{case.message_id} ({case.kind}, {case.way}, {case.portal}): {place} {times} times"
                )
    for portal, held in objects.items():
        for (entity, by, value), times in held.executed.items():
            known = any((portal, (entity, "marker", text)) in seen for text in _markers(held, entity, value))
            if by == "external" and times > 1 and not known and (portal, (entity, by, value)) not in seen:
                verdict.doubled.append(f"{portal}: {entity} with the external id {value!r} was added {times} times")


def _markers(objects: Objects, entity: str, external: str) -> list[str]:
    return [marker_of(row) for row in objects.found.get((entity, "external", external), ())]


async def _look_at_rest(stage: PlansStage, verdict: PlansVerdict) -> set[str]:
    """Message ids of requests that are not done."""
    left = await stage.outside.left()
    if left:
        verdict.failures.append(f"{left} messages are left in the request queue or were held un-acked")
    verdict.wrong |= {f"answer to nothing {number}": text for number, text in enumerate(stage.outside.strangers)}
    servers = stage.settings.kafka_servers
    rows = await read_compacted(servers, changelog_name(stage.settings, "requests"))
    prefix = request_prefix().encode()
    unfinished = [
        decode(stored)
        for key, packed in rows.items()
        if key.startswith(prefix) and not is_done(stored := unpack(packed)[1])
    ]
    if unfinished:
        shown = ", ".join(f"{row.identity} {row.message_id} {row.state}" for row in unfinished[:5])
        verdict.failures.append(f"{len(unfinished)} requests are not done in the table: {shown}")
    if await read_compacted(servers, changelog_name(stage.settings, "parked")):
        verdict.failures.append("answers are still parked")
    letters = await read_topic(servers, f"{stage.settings.topic_prefix}{DEAD_LETTERS}")
    verdict.letters = [dict(letter.headers).get("amqp-message-id", b"?").decode() for letter in letters]
    return {row.message_id or "" for row in unfinished}


def _conclude(stage: PlansStage, verdict: PlansVerdict) -> None:
    if verdict.sent < len(stage.cases):
        verdict.failures.append(f"only {verdict.sent} of {len(stage.cases)} plans were sent")
    if len(verdict.disturbed.kills) < verdict.disturbed.demanded:
        done = len(verdict.disturbed.kills)
        verdict.failures.append(f"only {done} of {verdict.disturbed.demanded} kills had requests in flight at a portal")
    if verdict.handovers < verdict.disturbed.handovers:
        verdict.failures.append(f"portals were handed over {verdict.handovers} times only")
    if not verdict.unheard:
        verdict.failures.append("no add was executed without its answer: nothing could have been doubled")
    if stage.shape.safe:
        _must_be_nothing(verdict)
        if not verdict.lookups:
            verdict.failures.append("no add was looked up")
    elif not verdict.doubled:
        verdict.failures.append("nothing was doubled: this test cannot see doubles")


def _must_be_nothing(verdict: PlansVerdict) -> None:
    named = {
        "lost": [_about(case) for case in verdict.lost],
        "unanswered": [_about(case) for case in verdict.unanswered],
        "doubled": verdict.doubled,
        "missing": verdict.missing,
        "unknown": [f"{_about(case)}{' (an add that is stamped)' * case.stampable}" for case in verdict.unknown],
        "wrong": [f"{name}: {problem}" for name, problem in verdict.wrong.items()],
        "dead letters": verdict.letters,
        "overlaps": [f"{verdict.overlaps} calls"] if verdict.overlaps else [],
    }
    for name, found in named.items():
        if found:
            verdict.failures.append(f"{name} {len(found)}: " + "; ".join(found[:5]))


def _about(case: Case) -> str:
    return f"{case.message_id} ({case.kind}, {case.way}, {case.portal})"


def total(verdicts: Iterable[PlansVerdict]) -> str:
    """The sums of several phases, in one line."""
    sums: Counter[str] = Counter()
    for one in verdicts:
        sums.update(
            {
                "sent": one.sent,
                "answered right": one.right,
                "lost": len(one.lost),
                "unanswered": len(one.unanswered),
                "doubled": len(one.doubled),
                "missing": len(one.missing),
                "unknown": len(one.unknown),
                "wrong": len(one.wrong),
                "dead letters": len(one.letters),
                "overlaps": one.overlaps,
                "kills with requests in flight": len(one.disturbed.kills),
                "faults hit": sum(one.faults.values()),
                "requests cut": one.cuts,
                "adds executed whose answer never came": one.unheard,
                "settling look-ups": one.lookups,
            }
        )
    return "total: " + ", ".join(f"{name} {count}" for name, count in sums.items())


def too_quiet(verdicts: Sequence[PlansVerdict]) -> list[str]:
    """What never happened in all these phases, although it should have: they say less than they seem to."""
    hits: Counter[str] = Counter()
    for one in verdicts:
        hits.update(one.faults)
    found = [f"nothing was hit by the fault {name}" for name, count in sorted(hits.items()) if not count]
    if not sum(one.cuts for one in verdicts):
        found.append("no request was cut at the portal's time limit")
    return found
