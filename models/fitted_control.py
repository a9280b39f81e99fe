"""Controls that are hard to beat: fitted on the train split, blind to what a recommendation is, or to what words mean.

A simulator that does not beat them has learnt where people accept, or which words two texts share, not what somebody
likes.
"""

from __future__ import annotations

import math
import re
from abc import abstractmethod
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from interplay_bench.dialogues.dialogue import Dialogue, Role, View
from interplay_bench.environment.errors import IncompatibleModelError
from interplay_bench.items.item_catalog import ItemCatalog
from interplay_bench.simulators.adapter import Decision, UserSimulator, Verdict, adapter

PLACES = 6
"""Recommending turns that are told apart; later ones are one."""
WORD = re.compile(r"[^\W\d_]{3,}")
"""What counts as a word: three letters or more. Years and numbers stand in titles, not in wishes."""


class FittedPolicy(UserSimulator):
    """A user who decides by a logistic regression over a few numbers.

    It learns which recommending turn of a train dialogue proposes the target, and then takes whatever is at least as
    likely as the threshold with the highest success rate there.
    """

    control = True
    window = 1000

    def __init__(self) -> None:
        self._model: Any = None
        self._threshold = 0.5
        self._fitted: dict[str, object] = {}

    @abstractmethod
    def features(self, view: View) -> list[float]:
        """What the control sees of a view that ends with a recommending turn."""

    def prepare(self, dialogues: Sequence[Dialogue]) -> None:
        """Learn what the features need from the train split, before these are computed."""

    def set_catalog(self, catalog: ItemCatalog) -> None:
        """Fit on the train split; raises :class:`IncompatibleModelError` where there is none."""
        train = catalog.train
        replays = [] if train is None else [views for d in train.dialogues if (views := _until_the_target(d))]
        if train is None or all(len(views) == 1 for views in replays):
            raise IncompatibleModelError(
                f"This control is fitted on the train split, and {catalog.source.name} has none beside the data that "
                "proposes targets among other items (or it is what is evaluated): leave it out."
            )
        from sklearn.linear_model import LogisticRegression

        self.prepare(train.dialogues)
        rows = [[self.features(view) for view in views] for views in replays]
        taken = [at == len(views) - 1 for views in replays for at in range(len(views))]
        self._model = LogisticRegression(max_iter=1000).fit([row for each in rows for row in each], taken)
        likely = [self._likely(each) for each in rows]
        self._threshold = max(sorted({p for each in likely for p in each}), key=lambda at: _successes(likely, at))
        self._fitted = {
            "fitted_on": train.fingerprint,
            "dialogues": len(replays),
            "coefficients": [round(float(value), 6) for value in (*self._model.intercept_, *self._model.coef_[0])],
            "threshold": round(self._threshold, 6),
        }

    def identity(self) -> Mapping[str, object]:
        """What it was fitted on, and what came of it."""
        return self._fitted

    def decide(self, views: Sequence[View]) -> list[Decision]:
        """Take what is likely enough to be the target."""
        if self._model is None:
            raise IncompatibleModelError("This control is fitted first: it needs a data set with a train split.")
        likely = self._likely([self.features(view) for view in views]) if views else []
        return [Decision(Verdict.ACCEPT if p >= self._threshold else Verdict.REJECT, p) for p in likely]

    def _likely(self, rows: Sequence[Sequence[float]]) -> list[float]:
        """P(target) of each row; rounded, so that one more or less in a batch changes no threshold."""
        return [round(float(p), 9) for p in self._model.predict_proba(list(map(list, rows)))[:, 1]]


def _until_the_target(dialogue: Dialogue) -> list[View]:
    """The views at each recommending turn up to the one with the target; none where it is never proposed."""
    end = dialogue.target_turn()
    if end is None:
        return []
    points = [index for index in dialogue.proposals() if index <= end]
    return [View.of(Role.USER, dialogue.persona, dialogue.turns[: index + 1]) for index in points]


def _successes(likely: Sequence[Sequence[float]], threshold: float) -> int:
    """In how many dialogues the first turn that reaches the threshold is the last, the target's."""
    return sum(each[-1] >= threshold and all(p < threshold for p in each[:-1]) for each in likely)


@adapter("position")
class Position(FittedPolicy):
    """Control: knows only the place of a recommendation, how many items it names, and how many turns came before."""

    def features(self, view: View) -> list[float]:
        """A mark for the place, the number of items, the number of turns."""
        place = min(sum(1 for turn in view.turns if turn.recommended), PLACES)
        marks = [float(place == each) for each in range(1, PLACES + 1)]
        return [*marks, float(len(view.turns[-1].recommended)), len(view.turns) / 10]


@adapter("overlap")
class Overlap(FittedPolicy):
    """Control: counts words, rare ones more, that a recommendation shares with what the user looks for."""

    def __init__(self) -> None:
        super().__init__()
        self._rarity: dict[str, float] = {}
        self._unseen = 0.0

    def prepare(self, dialogues: Sequence[Dialogue]) -> None:
        """Learn how rare each word is among the recommender's turns."""
        texts = [words(turn.text) for d in dialogues for turn in d.turns if turn.role is Role.RECOMMENDER]
        counts = Counter(word for each in texts for word in each)
        self._rarity = {word: math.log((1 + len(texts)) / (1 + count)) for word, count in counts.items()}
        self._unseen = math.log(1 + len(texts))

    def features(self, view: View) -> list[float]:
        """The summed inverse document frequency of the shared words, and its share of the wish's."""
        wish, said = words(view.persona.target_attributes), words(view.turns[-1].text)
        shared, whole = (sum(self._rarity.get(word, self._unseen) for word in each) for each in (wish & said, wish))
        return [shared, shared / whole if whole else 0.0]


def words(text: str) -> frozenset[str]:
    """The different words of a text, in lower case."""
    return frozenset(WORD.findall(text.casefold()))
