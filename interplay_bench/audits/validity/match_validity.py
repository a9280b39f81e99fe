"""Does an item that people liked score higher than one that they did not?

Each suggestion is scored against the dialogue's target, and against what the seeker says they like. The area under the
ROC curve says how often a liked one is above a disliked one; 0.5 is chance. A score that cannot tell them apart does
not measure liking, whatever its mean. The means stand beside it: of liked and disliked suggestions, and of suggestions
against *another* dialogue's target, which is the floor of the score: what a suggestion earns that knows nothing of the
dialogue.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from interplay_bench.audits.validity.figure import Figure, ValidityTable, counted
from interplay_bench.audits.validity.nearness import OF_SUGGESTION_ALONE, Nearness
from interplay_bench.audits.validity.suggestions import Suggestion
from interplay_bench.dialogues.dialogue import Item
from interplay_bench.metrics.auc import auc
from interplay_bench.metrics.intervals import mean_score

Reference = Callable[[Suggestion], tuple[Item, ...]]
TARGET, LIKES = "the target", "what they like"
REFERENCES: Mapping[str, Reference] = {
    TARGET: lambda each: alike(each, (each.target,) if each.target else ()),
    LIKES: lambda each: alike(each, each.likes),
}
NOTES = (
    "AUC: how often a liked suggestion is above a disliked one, 0.5 is chance; the target is left out. What they "
    "like: items that the seeker named and liked, as the persona has them. Popularity and random look at the "
    "suggestion alone.",
    "As runs count it: items that the ratings lack are embedded from their texts, where the scorer can; else they are "
    "0. Rated items alone: where both are in the ratings. Unrated items as 0: as scorers count that embed no texts.",
)
FLOOR_NOTES = (
    "Against the dialogue's own target, and against the next dialogue's, which is the floor: what a suggestion earns "
    "that was made for somebody else.",
)


def alike(each: Suggestion, items: tuple[Item, ...]) -> tuple[Item, ...]:
    """Of ``items`` those of the suggestion's domain: a hotel is no nearer to a song for being liked."""
    return tuple(item for item in items if item.domain == each.item.domain)


def match_validity(found: Sequence[Suggestion], measures: Mapping[str, Nearness]) -> list[ValidityTable]:
    """The table of areas, and that of means."""
    liked = sum(each.liked for each in found)
    said = f"{liked} suggestions liked, {len(found) - liked} not"
    areas = [figure for name, near in measures.items() for figure in _areas(name, near, found)]
    means = [figure for name, near in measures.items() for figure in _means(name, near, found)]
    return [
        ValidityTable(f"Match Score against likes: {said}", "score", tuple(areas), NOTES),
        ValidityTable("Match Score's means and its floor", "score", tuple(means), FLOOR_NOTES),
    ]


def _areas(name: str, near: Nearness, found: Sequence[Suggestion]) -> Iterator[Figure]:
    for reference, items in REFERENCES.items():
        known = [(value, each) for each in found if items(each) and (value := near(each.item, items(each))) is not None]
        labels = [each.liked for _, each in known]
        if len(set(labels)) == 2:
            clusters = [each.dialogue for _, each in known]
            score = auc([value for value, _ in known], labels, clusters, against=reference, measure=name)
            yield Figure(name, f"AUC to {reference}", score)
            yield Figure(name, f"not liked ({reference})", counted("disliked suggestions", labels.count(False)))


def _means(name: str, near: Nearness, found: Sequence[Suggestion]) -> Iterator[Figure]:
    aimed = [each for each in found if REFERENCES[TARGET](each)]
    # The next dialogue's target: each suggestion meets one that it was not made for, and all runs meet the same.
    targets = list({each.dialogue: each.target for each in aimed}.items())
    following = {dialogue: targets[(n + 1) % len(targets)][1] for n, (dialogue, _) in enumerate(targets)}
    groups: dict[str, list[tuple[Suggestion, Item | None]]] = {
        "liked": [(each, each.target) for each in aimed if each.liked],
        "not liked": [(each, each.target) for each in aimed if not each.liked],
        "to another's target": [(each, following[each.dialogue]) for each in aimed],
    }
    for column, pairs in groups.items():
        values = [
            (value, each.dialogue)
            for each, target in pairs
            if target and alike(each, (target,)) and (value := near(each.item, (target,))) is not None
        ]
        if values and name not in OF_SUGGESTION_ALONE:
            numbers, clusters = zip(*values, strict=True)
            yield Figure(name, column, mean_score(column, numbers, clusters, direction=None, measure=name))
