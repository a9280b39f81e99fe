"""What is measured of a dialogue with a recommender without asking anyone: higher is meant to be better."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from interplay_bench.dialogues.action_rules import label
from interplay_bench.dialogues.dialogue import Action, Role, Turn
from interplay_bench.items.title_index import TitleIndex
from interplay_bench.metrics.distinct import word_v1
from interplay_bench.metrics.specificity import unique_ngrams
from interplay_bench.study.evaluators.surface import item_named, length, novelty, repetition, sentiment, turns
from interplay_bench.study.plan import Line
from interplay_bench.study.rated.rated_set import RatedDialogue, RatedItem

Measure = Callable[[RatedDialogue], float | None]
_TITLES = TitleIndex(())


def acceptance(dialogue: RatedDialogue) -> float:
    """1 where the user takes a proposal in words, by the action rules; else 0."""
    actions = (turn.action for turn in label(_turns(dialogue.lines)))
    return float(any(action is Action.ACCEPT for action in actions))


def distinct_4(dialogue: RatedDialogue) -> float | None:
    """The share of different 4-grams among the recommender's in this dialogue; ``None`` where there are none."""
    said = [word_v1(line.text) for line in dialogue.lines if line.role == "recommender"]
    grams = [tuple(words[n : n + 4]) for words in said for n in range(len(words) - 3)]
    return len(set(grams)) / len(grams) if grams else None


def specificity_2(dialogue: RatedDialogue) -> float:
    """Different 2-grams that the user says in this dialogue."""
    return float(unique_ngrams([line.text for line in dialogue.lines if line.role == "user"], 2))


def _turns(lines: Sequence[Line]) -> list[Turn]:
    """The lines as turns; what is written as a title is an item, a proposal where the recommender names it first."""
    found: list[Turn] = []
    named: set[str] = set()
    for line in lines:
        role = Role.USER if line.role == "user" else Role.RECOMMENDER
        items = tuple(dict.fromkeys(mention.item for mention in _TITLES.search(line.text).unknown))
        new = tuple(item for item in items if item.name not in named) if role is Role.RECOMMENDER else ()
        named.update(item.name for item in items)
        found.append(Turn(role, Action.CHAT, line.text, recommended=new))
    return found


def _of_item(measure: Callable[[RatedItem], float | None], sign: int = 1) -> Measure:
    def value(dialogue: RatedDialogue) -> float | None:
        found = measure(RatedItem(dialogue, None, 0.0))
        return None if found is None else sign * found

    return value


MEASURES: Mapping[str, Measure] = {
    "acceptance (rules)": acceptance,
    "Dist-4 of the dialogue": distinct_4,
    "specificity-2 of the user": specificity_2,
    "words of the recommender": _of_item(length),
    "few turns": _of_item(turns, -1),
    "little repetition": _of_item(repetition, -1),
    "novelty": _of_item(novelty),
    "item named": _of_item(item_named),
    "user's last sentiment": _of_item(sentiment),
}
