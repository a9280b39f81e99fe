"""Does a user simulator take what people liked?

The areas say how well P(accept) ranks what people liked, or took, above what they did not: over all; without the
target, which is liked by construction; and within a place, so that knowing how people's taste changes with the number
of proposals earns nothing. Beside runs stand rules that read no word: place alone, genres, popularity, chance.

SR counts the target alone. What of it is left when a distractor stands in the target's place is preference.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence

from interplay_bench.audits.validity.calibration import calibration_error, calibration_table
from interplay_bench.audits.validity.decisions import DecidedRun, Opinion, opinions
from interplay_bench.audits.validity.figure import Figure, ValidityTable, counted
from interplay_bench.audits.validity.nearness import genre_overlap
from interplay_bench.dialogues.dialogue import Dialogue
from interplay_bench.items.item_catalog import ItemCatalog
from interplay_bench.metrics.auc import auc
from interplay_bench.metrics.balanced_accuracy import BalancedAccuracy

Rule = Callable[[Opinion], float]
PLACE = "place alone (share liked there in train)"
NOTES = (
    "AUC: how often what people liked is above what they did not, 0.5 is chance. Without the target: it is liked by "
    "construction. Within place: pairs of the same place among a dialogue's proposals alone. Balanced accuracy: the "
    "mean of both recalls of accepting, 0.5 is any coin.",
)
SWAPS = ("SR", "SR swapped", "SR - swapped", "ET", "FR")
SWAP_NOTES = (
    "SR - swapped: what of SR is preference for the target, and not for its place. A dash: the run has no "
    "counterfactual (--set counterfactual=random).",
)


def decision_validity(
    found: Sequence[Opinion], catalog: ItemCatalog, runs: Sequence[DecidedRun], seed: int
) -> list[ValidityTable]:
    """The areas of rules and runs; of runs, SR beside what is left of it, and the calibration."""
    liked = sum(each.liked for each in found)
    figures = [
        figure for name, rule in _rules(found, catalog, seed).items() for figure in _rule_figures(name, rule, found)
    ]
    figures += [figure for run in runs for figure in _run_figures(run)]
    title = f"Decisions against likes: {liked} proposals liked or taken, {len(found) - liked} not"
    tables = [ValidityTable(title, "decides by", tuple(figures), NOTES)]
    if runs:
        swaps = [
            Figure(each.name, name, each.run.scores[name]) for name in SWAPS for each in runs if name in each.run.scores
        ]
        tables.append(ValidityTable("SR, and what of it is preference", "run", tuple(swaps), SWAP_NOTES))
    return tables + [calibration_table(run) for run in runs if any(d.probability is not None for d in run.decisions)]


def _rules(found: Sequence[Opinion], catalog: ItemCatalog, seed: int) -> dict[str, Rule]:
    rules: dict[str, Rule] = {}
    if catalog.train is not None:
        shares = liked_by_place(catalog.train.dialogues)
        rules[PLACE] = lambda each: shares.get(each.place, shares[0])
    rules["place alone (later is likelier)"] = lambda each: float(each.place)
    if any(_genres(each) for each in found):
        rules["genre overlap with what they like"] = _genres
    popularity = catalog.popularity
    if popularity is not None:
        rules["popularity"] = lambda each: float(max(popularity.get(item.id, 0) for item in each.items))
    rng = random.Random(seed)
    rules["random"] = lambda each: rng.random()
    return rules


def liked_by_place(dialogues: Sequence[Dialogue]) -> Mapping[int, float]:
    """The share of proposals that are liked, by their place; at 0, that of all. One of each kind is added."""
    asked: Counter[int] = Counter()
    liked: Counter[int] = Counter()
    for each in opinions(dialogues):
        for place in (0, each.place):
            asked[place] += 1
            liked[place] += each.liked
    return {place: (liked[place] + 1) / (asked[place] + 2) for place in (0, *asked)}


def _genres(each: Opinion) -> float:
    """The nearest of the likes to the nearest of the items; 0 where no genre is known."""
    return max((genre_overlap(item, like) or 0.0 for item in each.items for like in each.likes), default=0.0)


def _rule_figures(name: str, rule: Rule, found: Sequence[Opinion]) -> Iterator[Figure]:
    yield from _areas(name, [(rule(each), each) for each in found])


def _run_figures(decided: DecidedRun) -> Iterator[Figure]:
    known = [(d.probability, d.opinion) for d in decided.decisions if d.probability is not None]
    yield from _areas(decided.name, known)
    pairs = [(d.accepts, d.opinion.liked) for d in decided.decisions]
    clusters = [d.opinion.dialogue for d in decided.decisions]
    score = BalancedAccuracy().score("balanced accuracy", pairs, clusters, direction="higher", seed=0)
    yield Figure(decided.name, "balanced accuracy", score)
    if known:
        yield Figure(decided.name, "calibration error", calibration_error(decided))


def _areas(name: str, known: Sequence[tuple[float, Opinion]]) -> Iterator[Figure]:
    others = [(value, each) for value, each in known if not each.is_target]
    for column, chosen, within in (
        ("decision AUC", known, False),
        ("without the target", others, False),
        ("within place", known, True),
    ):
        labels = [each.liked for _, each in chosen]
        if len(set(labels)) == 2:
            strata = [each.place for _, each in chosen] if within else None
            clusters = [each.dialogue for _, each in chosen]
            yield Figure(name, column, auc([value for value, _ in chosen], labels, clusters, strata=strata))
    if known:
        yield Figure(name, "not liked", counted("proposals", sum(not each.liked for _, each in known)))
