"""What came of the broken messages, in tables."""

from __future__ import annotations

import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from sandbox.site.mutate import MUTATIONS, Mutated
from tests.chaos.mutated.fates import Fate
from tests.chaos.mutated.letters import names_a_place, personal, secrets, shape

__all__ = ["MutatedVerdict", "judge_bad", "judge_good"]

_LISTED = 20


@dataclass
class MutatedVerdict:
    """Figures. `ends`: mutation -> how its messages ended. `delays` in seconds, of the good ones; `alone` without bad.

    `plans` is the portal's work in both plays: delays that grow less than it does are no matter of the bad ones.

    `failures` empty = it held.
    """

    seconds: float = 0.0
    good: int = 0
    ends: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    texts: Counter[str] = field(default_factory=Counter)
    refusals: Counter[str] = field(default_factory=Counter)
    delays: list[float] = field(default_factory=list)
    alone: list[float] = field(default_factory=list)
    plans: int = 0
    plans_alone: int = 0
    worker: str = ""
    failures: list[str] = field(default_factory=list)

    def fail(self, lines: Iterable[str]) -> None:
        """Note faults, the first ones of many."""
        lines = list(lines)
        more = len(lines) - _LISTED
        self.failures += lines[:_LISTED] + ([f"and {more} more of these"] if more > 0 else [])

    def table(self) -> str:
        """Mutations, then the texts of dead letters without values, then the rest."""
        names = ("effect", "refused", "failed", "mixed", "lost")
        lines = [f"  {'mutation':<18}" + "".join(f"{name:>9}" for name in names)]
        total: Counter[str] = sum(self.ends.values(), Counter())
        for mutation, ends in [*self.ends.items(), ("all", total)]:
            lines.append(f"  {mutation:<18}" + "".join(f"{ends[name]:>9}" for name in names))
        lines += ["", "  texts of dead letters, without values:"]
        lines += [f"  {count:>6}  {text}" for text, count in sorted(self.texts.items(), key=lambda one: -one[1])]
        if self.refusals:
            lines += ["", "  plans that the portal refused:"]
            lines += [f"  {count:>6}  {text}" for text, count in self.refusals.most_common()]
        lines += ["", f"  good messages between  {self.good}, all done: {'yes' if self.delays else 'no'}"]
        lines += [f"  their delay            {_delays(self.delays)}"]
        if self.alone:
            ratio = statistics.median(self.delays) / statistics.median(self.alone) if self.delays else 0.0
            lines += [f"  without the bad ones   {_delays(self.alone)}; ratio of the medians {ratio:.2f}"]
            lines += [f"  plans carried out      {self.plans}, without the bad ones {self.plans_alone}"]
        return "\n".join(
            [*lines, f"  worker                 {self.worker}", f"  seconds                {self.seconds:.0f}"]
        )


def judge_bad(
    verdict: MutatedVerdict, bad: Mapping[str, Mutated], fates: Mapping[str, Fate], known: Mapping[str, str]
) -> None:
    """Each broken message by itself: accounted for, and its dead letters fit to be read. `known`: secrets."""
    wrong: list[str] = []
    for name, one in bad.items():
        fate = fates.get(name, Fate())
        mutation = one.what.partition(" at ")[0]
        assert mutation in MUTATIONS, mutation
        ends = fate.ends()
        faults = list(fate.faults())
        verdict.ends[mutation]["lost" if faults else next(iter(ends)) if len(ends) == 1 else "mixed"] += 1
        wrong += [f"{name} ({one.what}, {one.message.exchange}): {fault}" for fault in faults]
        wrong += [f"{name} ({one.what}): {fault}" for fault in _letters(verdict, one, fate, known)]
    verdict.fail(wrong)


def judge_good(
    verdict: MutatedVerdict, sent: Mapping[str, float], fates: Mapping[str, Fate], delays: list[float]
) -> None:
    """Each good message is done; how long it took goes to `delays`, seconds."""
    wrong: list[str] = []
    for name, at in sent.items():
        fate = fates.get(name, Fate())
        faults = [*fate.faults(), *(f"dead letter: {letter.text[:200]}" for letter in fate.letters)]
        wrong += [f"{name}: {fault}" for fault in faults]
        if not faults:
            delays.append(fate.done - at)
    verdict.fail(wrong)


def _letters(verdict: MutatedVerdict, one: Mutated, fate: Fate, known: Mapping[str, str]) -> Iterable[str]:
    for letter in fate.letters:
        plan = bool(letter.headers.get("plan"))
        texts = verdict.refusals if plan else verdict.texts
        texts.update(set(shape(letter.text)))
        if not names_a_place(letter.text, plan=plan):
            yield f"the dead letter names no place: {letter.text[:200]}"
        if letter.headers.get("dl-error-class") != "permanent":
            yield f"dead letter of class {letter.headers.get('dl-error-class')}: {letter.text[:200]}"
        if told := personal(letter.text, one.message.body):
            yield f"the text of the dead letter tells {', '.join(told)}"
        yield from secrets(letter.headers, known)


def _delays(delays: list[float]) -> str:
    if not delays:
        return "unknown"
    ordered = sorted(delays)
    return f"median {statistics.median(ordered):.2f} s, 95% {ordered[int(len(ordered) * 0.95)]:.2f} s"
