"""Interactions for the sample's films, composed: **synthetic**, so that the offline default is whole.

A reader likes a few traits and genres, as drawn; a film is liked with a probability that grows with how many of them it
has. ``interplay-bench train match-score --data sample`` makes the model that is shipped beside this file.
"""

from __future__ import annotations

import tomllib
from importlib.resources import files
from typing import Any

from interplay_bench.dialogues.dialogue import Item
from interplay_bench.metrics.match_score.ratings import Interactions, item_text

READERS, TASTES, SHARE = 1500, 5, 0.12


def compose(seed: int = 0) -> Interactions:
    """Draw readers and what they like among the films of the sample data set."""
    import numpy as np

    rng = np.random.default_rng(seed)
    films = tomllib.loads((files("interplay_bench.datasets.sample") / "films.toml").read_text("utf-8"))["film"]
    facts = [_facts(film) for film in films]
    known = sorted({fact for each in facts for fact in each})
    has = np.array([[fact in each for fact in known] for each in facts], dtype=np.float32)
    common = has.sum(axis=0) / has.sum()
    users, items = [], []
    for reader in range(READERS):
        tastes = rng.choice(len(known), TASTES, replace=False, p=common)
        appeal = has[:, tastes].sum(axis=1) + rng.gumbel(0, 0.4, len(films))
        liked = np.argsort(-appeal)[: max(3, int(SHARE * len(films)))]
        users += [reader] * len(liked)
        items += liked.tolist()
    catalog = tuple(Item(f"{film['title']} ({film['year']})", film["title"], film["year"]) for film in films)
    texts = tuple(_text(film) for film in films)
    pairs = np.array(users, dtype=np.int32), np.array(items, dtype=np.int32)
    return Interactions("sample", *pairs, READERS, catalog, texts, len(users), synthetic=True)


def _facts(film: dict[str, Any]) -> set[str]:
    return {*film["traits"], *film["genres"], *film["directors"], f"{film['year'] // 10}0s"}


def _text(film: dict[str, Any]) -> str:
    traits = tuple(trait.replace("_", " ") for trait in film["traits"])
    return item_text(film["title"], traits, tuple(film["genres"]))
