"""Counts what came of the plans of a phase, and says it in one line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pipeline.delivery.plans import changelog_name
from pipeline.delivery.reading import read_compacted, read_table
from pipeline.portal.requests.row import decode, is_done, request_prefix
from pipeline.topology import DEAD_LETTERS
from tests.chaos.plans.case import Case, judged
from tests.chaos.plans.doubles import doubled
from tests.chaos.plans.objects import Objects
from tests.chaos.plans.phases import Disturbed
from tests.chaos.plans.stage import PlansStage
from tests.support.bridge import read_topic

__all__ = ["PlansVerdict", "judge"]

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
    verdict.doubled = doubled(stage.cases, objects)
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
        verdict.wrong[case.name] = problems[0]
    else:
        verdict.right += 1


async def _look_at_rest(stage: PlansStage, verdict: PlansVerdict) -> set[str]:
    """Message ids of requests that are not done."""
    left = await stage.outside.left()
    if left:
        verdict.failures.append(f"{left} messages are left in the request queue or were held un-acked")
    verdict.wrong |= {f"answer to nothing {number}": text for number, text in enumerate(stage.outside.strangers)}
    servers = stage.settings.kafka_servers
    rows = await read_table(servers, changelog_name(stage.settings, "requests"))
    prefix = request_prefix().encode()
    stored = [row for (_, key), row in rows.items() if key.startswith(prefix)]
    unfinished = [decode(row) for row in stored if not is_done(row)]
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
        "lost": [case.name for case in verdict.lost],
        "unanswered": [case.name for case in verdict.unanswered],
        "doubled": verdict.doubled,
        "missing": verdict.missing,
        "unknown": [f"{case.name}{' (an add that is stamped)' * case.stampable}" for case in verdict.unknown],
        "wrong": [f"{name}: {problem}" for name, problem in verdict.wrong.items()],
        "dead letters": verdict.letters,
        "overlaps": [f"{verdict.overlaps} calls"] if verdict.overlaps else [],
    }
    for name, found in named.items():
        if found:
            verdict.failures.append(f"{name} {len(found)}: " + "; ".join(found[:5]))
