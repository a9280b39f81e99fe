"""Do metrics of dialogues rank recommenders as people do?

People's ranking is that of their votes (Bradley-Terry), and that of how many were satisfied. Each metric ranks the
same systems by its mean over dialogues: people's own, and each simulator's. Kendall's tau says how far two rankings
agree. Its interval resamples votes, and whole dialogues, so it knows that both sides are uncertain; where a simulator
met four systems alone, there are six pairs to agree on, and the interval shows it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from interplay_bench.audits.validity.figure import Figure, ValidityTable, counted
from interplay_bench.metrics.bradley_terry import PRIOR, bradley_terry
from interplay_bench.metrics.intervals import percentiles
from interplay_bench.metrics.rank_correlation import kendall_tau
from interplay_bench.metrics.rates import rate
from interplay_bench.metrics.score import Score, signature
from interplay_bench.study.arena.arena_dialogues import SATISFACTION, Arena, ArenaVote
from interplay_bench.study.arena.dialogue_measures import MEASURES
from interplay_bench.study.rated.rated_set import RatedDialogue
from interplay_bench.study.resampling import resample_weights

if TYPE_CHECKING:
    from numpy import ndarray

    Array = ndarray[Any, Any]

RESAMPLES = 1_000
VOTES = "votes"
SYSTEM_NOTES = (
    "Beats an average system: Bradley-Terry of people's votes, a tie half a win for both. Satisfied: what people said "
    "after each dialogue.",
)
TAU_NOTES = (
    "1: the metric orders the systems as people do, 0: no relation, -1: the other way round. 95% intervals resample "
    "votes and dialogues, which blurs rankings: they lean towards 0, and a high value may lie at their upper end. In "
    "brackets behind a column: systems met. Few turns and little repetition: turns and repetition with the "
    "sign turned round.",
    "LLM judge: scores that were published with the simulated dialogues.",
)


def ranking_validity(
    arena: Arena, simulated: Mapping[str, Sequence[RatedDialogue]], seed: int = 0
) -> list[ValidityTable]:
    """The systems as people rank them, and each metric's agreement with both rankings."""
    import numpy as np

    systems = arena.systems
    weights = np.concatenate([np.ones((1, len(arena.votes))), resample_weights(len(arena.votes), RESAMPLES, seed)])
    strengths = bradley_terry(_wins(arena.votes, systems, weights))
    met = {each.system for dialogues in simulated.values() for each in dialogues}
    talks = {"people's dialogues": arena.dialogues}
    if met:
        talks["people's, with those that simulators met"] = tuple(d for d in arena.dialogues if d.system in met)
    columns = {
        column: (_Means.of(dialogues, systems, seed + number), _measured(dialogues))
        for number, (column, dialogues) in enumerate({**talks, **simulated}.items(), start=1)
    }
    for column, dialogues in talks.items():
        columns[column][1][f"people's {SATISFACTION}"] = [each.scores.get(SATISFACTION) for each in dialogues]
    everyone = columns["people's dialogues"]
    satisfied = everyone[0].of_values(everyone[1][f"people's {SATISFACTION}"])
    tables = [_system_table(arena, strengths)]
    for against, ranking in ((VOTES, strengths), (SATISFACTION, satisfied)):
        figures = [
            Figure(measure, f"{column} ({means.met})", _tau(means.of_values(values), ranking, against))
            for column, (means, values_by_measure) in columns.items()
            for measure, values in values_by_measure.items()
            if measure != f"people's {against}"
        ]
        title = f"Kendall's tau of systems' means with people's {against}"
        tables.append(ValidityTable(title, "metric", tuple(sorted(figures, key=_order(figures))), TAU_NOTES))
    return tables


def _order(figures: Sequence[Figure]) -> Any:
    rows = list(dict.fromkeys(figure.row for figure in figures))
    return lambda figure: rows.index(figure.row)


def _wins(votes: Sequence[ArenaVote], systems: Sequence[str], weights: Array) -> Array:
    """How often each system beat each other one under each row of ``weights``: (rows, systems, systems)."""
    import numpy as np

    place = {system: n for n, system in enumerate(systems)}
    each = np.zeros((len(votes), len(systems), len(systems)))
    for number, vote in enumerate(votes):
        for one, other in (vote.pair, vote.pair[::-1]):
            each[number, place[one], place[other]] += 0.5 if vote.winner is None else float(vote.winner == one)
    wins: Array = np.tensordot(weights, each, axes=1)
    return wins


class _Means:
    """Systems' means under bootstrap samples of dialogues, the first row being all of them as they are."""

    def __init__(self, weights: Array, member: Array) -> None:
        self.weights, self.member = weights, member
        self.met = int(member.any(axis=0).sum())

    @classmethod
    def of(cls, dialogues: Sequence[RatedDialogue], systems: Sequence[str], seed: int) -> _Means:
        import numpy as np

        weights = np.concatenate([np.ones((1, len(dialogues))), resample_weights(len(dialogues), RESAMPLES, seed)])
        named = np.array([each.system for each in dialogues])
        return cls(weights, (named[:, None] == np.array(systems)[None, :]).astype(float))

    def of_values(self, values: Sequence[float | None]) -> Array:
        """(rows, systems); ``nan`` for a system of which nothing was drawn."""
        import numpy as np

        known = np.array([value is not None for value in values])
        numbers = np.array([0.0 if value is None else value for value in values])
        with np.errstate(invalid="ignore"):
            means: Array = (self.weights * numbers) @ self.member / ((self.weights * known) @ self.member)
        return means


def _measured(dialogues: Sequence[RatedDialogue]) -> dict[str, list[float | None]]:
    """By metric, each dialogue's value; after our metrics, what a language model says, where it does."""
    found: dict[str, list[float | None]] = {name: list(map(of, dialogues)) for name, of in MEASURES.items()}
    aspects = dict.fromkeys(aspect for each in dialogues for aspect in each.scores if aspect != SATISFACTION)
    for aspect in sorted(aspects):
        found[f"LLM judge: {aspect.replace('_', ' ').lower()}"] = [each.scores.get(aspect) for each in dialogues]
    return found


def _tau(means: Array, ranking: Array, against: str) -> Score:
    """Over the systems that were met; resamples in which one of these was not drawn are left out."""
    import numpy as np

    met = ~np.isnan(means[0])
    taus = kendall_tau(means[:, met], ranking[:, met])
    known = taus[1:][~np.isnan(taus[1:])]
    bounds = percentiles(known) if len(known) >= RESAMPLES / 2 else (None, None)
    value = None if np.isnan(taus[0]) else float(taus[0])
    described = signature("kendall-tau-b", against=against, interval="bootstrap-votes+dialogues-95", version=1)
    return Score("tau", value, int(met.sum()), described, *bounds)


def _system_table(arena: Arena, strengths: Array) -> ValidityTable:
    figures = [figure for place in (-strengths[0]).argsort() for figure in _system(arena, strengths, int(place))]
    ties = sum(vote.winner is None for vote in arena.votes)
    title = f"{len(arena.systems)} systems as people rank them: {len(arena.votes)} votes ({ties} ties)"
    return ValidityTable(title, "system", tuple(figures), SYSTEM_NOTES)


def _system(arena: Arena, strengths: Array, place: int) -> Iterator[Figure]:
    system = arena.systems[place]
    votes = sum(system in vote.pair for vote in arena.votes)
    described = signature("bradley-terry", ties="half", prior=PRIOR, interval="bootstrap-votes-95", version=1)
    low, high = percentiles(strengths[1:, place])
    yield Figure(
        system, "beats an average system", Score("win", float(strengths[0, place]), votes, described, low, high)
    )
    yield Figure(system, "votes", counted("votes", votes))
    said = [each.scores[SATISFACTION] for each in arena.dialogues if each.system == system and each.scores]
    yield Figure(system, "satisfied", rate("satisfied", int(sum(said)), len(said), direction="higher"))
