"""What judges say, and how far they agree with people: position, verbosity and self-preference; kappa and alpha.

A judge's verdict on a pair is what both orders say, a tie where they disagree. People's is what most of them say.
Agreement is over the pairs that both judged; its intervals resample pairs.

Cohen, J. (1960). Educational and Psychological Measurement 20. Krippendorff, K. (2011). Computing Krippendorff's
alpha-reliability. University of Pennsylvania.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from interplay_bench.metrics.intervals import percentiles
from interplay_bench.study.answer import Answer
from interplay_bench.study.criteria import Criterion
from interplay_bench.study.plan import JUDGE, Kind, Pair, Plan
from interplay_bench.study.preference import Preference, Vote, net_votes, preference
from interplay_bench.study.study_report import LEVELS, votes_of

if TYPE_CHECKING:
    from numpy import ndarray

    Array = ndarray[Any, Any]

JURY = "jury"
RESAMPLES = 2_000
Interval = tuple[float | None, float | None, float | None]
"""A value with its 95% bounds."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the judge prefers with A first, and with B first: ``a``, ``b``, or ``None`` where it gave no answer."""

    a_first: str | None
    b_first: str | None

    @property
    def prefers(self) -> str:
        """What both orders say; a tie where they disagree or one of them said nothing."""
        return self.a_first if self.a_first is not None and self.a_first == self.b_first else "tie"


@dataclass(frozen=True, slots=True)
class JudgeReport:
    """One judge by one criterion. The jury has no orders: ``first``, ``alike`` and ``silent`` are ``None``.

    ``first``: the share of its answers for the dialogue shown first (0.5: no position bias); ``alike``: the share of
    pairs judged alike in both orders; ``silent``: prompts without an answer. ``longer``: the share of its decided
    verdicts for the dialogue with more words, ``people_longer`` that of the people's. ``own``: its win ratio for
    dialogues that it wrote itself less the people's; ``None`` where it wrote none, or one side alone decided nothing.
    ``agreement`` (the plain share), ``kappa`` (Cohen's) and ``alpha`` (Krippendorff's, nominal): with the people.
    """

    judge: str
    criterion: str
    preference: Preference
    first: float | None
    alike: float | None
    silent: int | None
    longer: float | None
    people_longer: float | None
    own: float | None
    pairs: int
    agreement: Interval
    kappa: Interval
    alpha: Interval


def judge_reports(plan: Plan, answers: Sequence[Answer]) -> list[JudgeReport]:
    """Every judge by every criterion; of two judges or more also their jury, by majority."""
    people = votes_of(plan, [a for a in answers if not a.annotator.startswith(JUDGE)], Kind.PAIR)
    judges = sorted({answer.annotator for answer in answers if answer.annotator.startswith(JUDGE)})
    verdicts = {name: _verdicts(plan, answers, name) for name in judges}
    found = []
    for criterion in plan.criteria:
        votes = people[criterion.key]
        all_votes: list[Vote] = []
        for name in judges:
            own = verdicts[name][criterion.key]
            said = {pair: verdict.prefers for pair, verdict in own.items()}
            all_votes += [Vote(name, pair, side) for pair, side in said.items()]
            found.append(_report(plan, criterion, name, said, votes, own))
        if len(judges) > 1:
            found.append(_report(plan, criterion, JURY, _majority(all_votes), votes))
    return found


def confusion_agreement(cells: Array) -> tuple[Array, Array, Array]:
    """Share alike, Cohen's kappa, Krippendorff's nominal alpha of tables (... x k x k) that count two raters' answers.

    NaN where both raters gave one and the same answer throughout.
    """
    import numpy as np

    n = cells.sum(axis=(-2, -1))
    alike = np.trace(cells, axis1=-2, axis2=-1) / n
    rows, columns = cells.sum(axis=-1), cells.sum(axis=-2)
    by_chance = (rows * columns).sum(axis=-1) / n**2
    values = rows + columns
    with np.errstate(invalid="ignore", divide="ignore"):
        kappa = (alike - by_chance) / (1 - by_chance)
        pooled = (values * (values - 1)).sum(axis=-1) / (2 * n * (2 * n - 1))
        alpha = 1 - (1 - alike) / (1 - pooled)
    return alike, np.where(by_chance < 1, kappa, np.nan), np.where(pooled < 1, alpha, np.nan)


def _report(
    plan: Plan,
    criterion: Criterion,
    name: str,
    said: Mapping[str, str],
    people: Sequence[Vote],
    orders: Mapping[str, Verdict] | None = None,
) -> JudgeReport:
    most = _majority(people)
    own = _own_side(plan, name)
    found = preference([Vote(name, pair, side) for pair, side in said.items()], plan.seed)
    theirs = preference(people, plan.seed)
    excess = None if found.ratio is None or theirs.ratio is None else found.ratio - theirs.ratio
    both = [(said[pair], most[pair]) for pair in said if pair in most]
    given = [(v.a_first == "a", v.a_first) for v in orders.values()] if orders else []
    given += [(v.b_first == "b", v.b_first) for v in orders.values()] if orders else []
    first = [at_first for at_first, side in given if side is not None]
    return JudgeReport(
        name,
        criterion.key,
        found,
        _share(first),
        _share([v.prefers != "tie" for v in orders.values()]) if orders else None,
        len(given) - len(first) if orders else None,
        _longer(plan.pair, said),
        _longer(plan.pair, most),
        None if own is None or excess is None else excess if own == "a" else -excess,
        len(both),
        *_agreement(both, plan.seed),
    )


def _verdicts(plan: Plan, answers: Sequence[Answer], name: str) -> Mapping[str, Mapping[str, Verdict]]:
    """By criterion and pair, for every pair that the judge was shown."""
    given = {(a.criterion, s.pair, s.left): s.chosen(a.choice) for a in answers if a.annotator == name
             for s in (a.showing(plan),)}  # fmt: skip
    pairs = dict.fromkeys(showing.pair for showing in plan.judged)
    return {
        key: {pair: Verdict(given.get((key, pair, "a")), given.get((key, pair, "b"))) for pair in pairs}
        for key in (criterion.key for criterion in plan.criteria)
    }


def _majority(votes: Sequence[Vote]) -> dict[str, str]:
    return {pair: "a" if net > 0 else "b" if net < 0 else "tie" for pair, net in net_votes(votes).items()}


def _longer(pairs: Mapping[str, Pair], said: Mapping[str, str]) -> float | None:
    """The share of decided verdicts for the dialogue with more words; pairs of equal length are left out."""
    chosen = []
    for pair, side in said.items():
        a, b = (sum(len(line.text.split()) for line in lines) for lines in (pairs[pair].a, pairs[pair].b))
        if side != "tie" and a != b:
            chosen.append((side == "a") == (a > b))
    return _share(chosen)


def _own_side(plan: Plan, name: str) -> str | None:
    """Which side's dialogues the judge wrote, if one side's alone."""
    model = name.removeprefix(JUDGE)
    sides = [side for side, models in (("a", plan.a_models), ("b", plan.b_models)) if model in models]
    return sides[0] if len(sides) == 1 else None


def _agreement(both: Sequence[tuple[str, str]], seed: int) -> tuple[Interval, Interval, Interval]:
    """Resampling pairs is drawing the cells of their table anew: each pair is one count in one cell."""
    import numpy as np

    nothing: Interval = (None, None, None)
    if not both:
        return nothing, nothing, nothing
    counts = Counter((LEVELS[one], LEVELS[other]) for one, other in both)
    k, n = len(LEVELS), len(both)
    table = np.array([[counts[row, column] for column in range(k)] for row in range(k)], dtype=float)
    drawn = np.random.default_rng(seed).multinomial(n, table.ravel() / n, size=RESAMPLES).reshape(-1, k, k)
    values = zip(confusion_agreement(table), confusion_agreement(drawn.astype(float)), strict=True)
    one, two, three = (_interval(value, resampled) for value, resampled in values)
    return one, two, three


def _interval(value: Array, resampled: Array) -> Interval:
    import numpy as np

    known = resampled[~np.isnan(resampled)]
    if np.isnan(value) or len(known) < RESAMPLES / 2:
        return (None if np.isnan(value) else float(value)), None, None
    return float(value), *percentiles(known)


def _share(values: Sequence[bool]) -> float | None:
    return sum(values) / len(values) if values else None
