"""What decides whether people take an item? Logistic regressions of a few features, without any language model.

python benchmarks/decisions.py sgd DATA        # offers of SGD: place, alternatives named, and the user's goal
python benchmarks/decisions.py redial DATA     # films of ReDial: place, popularity, the wish and the films' facts

Fitted on the train split, scored on the test split. A simulator that is below a row has not learnt what that row knows.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import log1p
from pathlib import Path
from typing import Any

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[1]))

from interplay_bench import Dialogue, Item, Role, load_dataset
from interplay_bench.dialogues.counterfactual import Distractors, swap
from interplay_bench.metrics.auc import auc

Features = Mapping[str, float]
Reader = Callable[[Dialogue, int, int], Features]
"""Reads a dialogue up to a turn that proposes, and the number of proposals before it."""


@dataclass(frozen=True)
class Offer:
    """What is known of a decision, and whether the item was taken or liked."""

    features: Features
    taken: bool
    dialogue: str


@dataclass(frozen=True)
class Regression:
    """Weights of standardised features, fitted with both outcomes weighing the same in all."""

    names: Sequence[str]
    mean: Any
    scale: Any
    weights: Any

    @classmethod
    def fit(cls, offers: Sequence[Offer], names: Sequence[str]) -> Regression:
        """Fit the features ``names`` to what was taken."""
        raw = np.array([[offer.features[name] for name in names] for offer in offers])
        mean, scale = raw.mean(0), raw.std(0) + 1e-9
        x = torch.tensor(np.c_[(raw - mean) / scale, np.ones(len(raw))])
        y = torch.tensor([float(offer.taken) for offer in offers], dtype=torch.double)
        balance = torch.where(y > 0, 0.5 / y.mean(), 0.5 / (1 - y.mean()))
        weights = torch.zeros(x.shape[1], dtype=torch.double, requires_grad=True)
        optimizer = torch.optim.LBFGS([weights], max_iter=200, line_search_fn="strong_wolfe")

        def loss() -> Any:
            optimizer.zero_grad()
            value = torch.nn.functional.binary_cross_entropy_with_logits(x @ weights, y, weight=balance)
            value = value + 1e-4 * weights.square().sum()
            value.backward()
            return value

        optimizer.step(loss)
        return cls(names, mean, scale, weights.detach().numpy())

    def probability(self, features: Features) -> float:
        """How likely the item is taken, if both outcomes were as frequent."""
        x = (np.array([features[name] for name in self.names]) - self.mean) / self.scale
        return float(1 / (1 + np.exp(-(x @ self.weights[:-1] + self.weights[-1]))))


def offers(dialogues: Sequence[Dialogue], read: Reader) -> Iterator[Offer]:
    for dialogue in dialogues:
        for place, index in enumerate(dialogue.proposals()):
            opinion = dialogue.opinion(index)
            if opinion is not None and dialogue.target_turn() is not None:
                yield Offer(read(dialogue, index, place), opinion, dialogue.id)


def said(dialogue: Dialogue, upto: int) -> str:
    return " ".join(turn.text for turn in dialogue.turns[:upto] if turn.role is Role.USER).lower()


def sgd_features(dialogue: Dialogue, index: int, place: int) -> Features:
    turn = dialogue.turns[index]
    domain, text, before = turn.recommended[0].domain, turn.text.lower(), said(dialogue, index)
    goal = re.search(rf"\b{domain}: ([^.]*)", dialogue.persona.target_attributes.lower())
    wishes = [wish.rsplit(" ", 1)[-1] for wish in goal.group(1).split(", ")] if goal else []
    number = re.search(r"\b(\d+)\b", text)
    return {
        "place": place,
        "place²": place**2,
        "turn": index,
        "number": int(number.group(1)) if number else -1,
        "only": float(bool(re.search(r"\b(one|only|1)\b", text))),
        "wishes": len(wishes),
        "met": sum(wish in text for wish in wishes),
        "unsaid": sum(wish not in before for wish in wishes),
        **{f"is {kind}": float(domain == kind) for kind in ("event", "hotel", "movie", "music", "car", "service")},
    }


SGD = {
    "place": ["place", "place²", "turn"],
    "place, alternatives named": ["place", "place²", "turn", "number", "only"],
    "all but the goal": [
        "place",
        "place²",
        "turn",
        "number",
        "only",
        *(f"is {k}" for k in ("event", "hotel", "movie", "music")),
    ],
    "wishes met by the offer": ["wishes", "met"],
    "wishes not yet said": ["unsaid"],
    "all": ["place", "place²", "turn", "number", "only", "wishes", "met", "unsaid"],
}


def sgd(data: str) -> None:
    train, test = (load_dataset("sgd-goal", data, split).dialogues for split in ("train", "test"))
    known, asked = (list(offers(dialogues, sgd_features)) for dialogues in (train, test))
    print(f"SGD: {len(known)} offers of train, {len(asked)} of test, {np.mean([o.taken for o in asked]):.3f} taken")
    for label, names in SGD.items():
        print_auc(label, Regression.fit(known, names), asked)


def print_auc(label: str, model: Regression, asked: Sequence[Offer], more: str = "") -> None:
    scores = [model.probability(offer.features) for offer in asked]
    area = auc(scores, [o.taken for o in asked], [o.dialogue for o in asked], resamples=500)
    print(f"{label:32} decision AUC {area.value:.3f} [{area.low:.3f}, {area.high:.3f}]{more}", flush=True)


def redial_reader(popularity: Mapping[str, int]) -> Reader:
    def read(dialogue: Dialogue, index: int, place: int) -> Features:
        wish = dialogue.persona.target_attributes.lower()
        seen = {genre for film in dialogue.persona.history for genre in film.item.attributes.get("genre", ())}

        def met(item: Item, facet: str) -> int:
            return sum(value in wish for value in item.attributes.get(facet, ()))

        films = dialogue.turns[index].recommended
        return {
            "place": place,
            "place²": place**2,
            "turn": index,
            "films": len(films),
            "popularity": max(log1p(popularity.get(film.id, 0)) for film in films),
            "history": max(len(seen.intersection(film.attributes.get("genre", ()))) for film in films),
            **{facet: max(met(film, facet) for film in films) for facet in ("genre", "theme", "mood")},
            "share": max(met(film, "genre") / max(1, len(film.attributes.get("genre", ()))) for film in films),
        }

    return read


PLACE, WISH = ["place", "place²", "turn", "films"], ["genre", "theme", "mood", "share"]
REDIAL = {
    "place": PLACE,
    "popularity, history": ["popularity", "history"],
    "wish: genres": ["genre", "share"],
    "wish": WISH,
    "all": [*PLACE, *WISH, "popularity", "history"],
}


def redial(data: str) -> None:
    train, test = (load_dataset("redial", data, split) for split in ("train", "test"))
    played = [dialogue for dialogue in test.dialogues if dialogue.target_turn() is not None]
    named = [
        item for dialogue in train.dialogues for i in dialogue.proposals() for item in dialogue.turns[i].recommended
    ]
    read = redial_reader(Counter(item.id for item in named))
    catalog = {item.id: item for item in (*test.items, *train.items, *test.others)}
    kinds = {"random": Distractors(tuple(catalog.values()), 0, "random"), "matched": Distractors(test.items)}
    twins = {
        kind: [None if (item := distractors.draw(d)) is None else swap(d, item) for d in played]
        for kind, distractors in kinds.items()
    }
    asked = list(offers(played, read))
    print(f"ReDial: {len(train)} dialogues of train, {len(played)} replays of test, {len(asked)} decisions on what was "
          f"liked or not, {sum(not offer.taken for offer in asked)} of them disliked")  # fmt: skip
    for source in ("target", "likes"):
        known = list(offers(train.dialogues, read) if source == "likes" else targets(train.dialogues, read))
        for label, names in REDIAL.items():
            model = Regression.fit(known, names)
            success = np.array([first_taken(model, read, d) == d.target_turn() for d in played], float)
            more = f"  SR {success.mean():.3f}"
            for kind, others in twins.items():
                pairs = zip(others, played, strict=True)
                other = [t is not None and first_taken(model, read, t) == d.target_turn() for t, d in pairs]
                difference = success - np.array(other, float)
                half = 1.96 * difference.std() / len(difference) ** 0.5
                more += f"  - {kind} {difference.mean():.3f} ± {half:.3f}"
            print_auc(f"{source}: {label}", model, asked, more)


def targets(dialogues: Sequence[Dialogue], read: Reader) -> Iterator[Offer]:
    for dialogue in dialogues:
        target = dialogue.target_turn()
        for place, index in enumerate(dialogue.proposals() if target is not None else ()):
            yield Offer(read(dialogue, index, place), index == target, dialogue.id)


def first_taken(model: Regression, read: Reader, dialogue: Dialogue) -> int | None:
    taken = (index for place, index in enumerate(dialogue.proposals())
             if model.probability(read(dialogue, index, place)) >= 0.5)  # fmt: skip
    return next(taken, None)


if __name__ == "__main__":
    {"sgd": sgd, "redial": redial}[sys.argv[1]](sys.argv[2])
