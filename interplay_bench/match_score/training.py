"""Train a Match Score model, compare it with the collaborative reference, and say what came of it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from interplay_bench.checkpoint import FOLDER
from interplay_bench.errors import DataError, RunError, UsageError
from interplay_bench.match_score import artefact, bpr, reference
from interplay_bench.match_score.encoding import encode
from interplay_bench.match_score.evaluation import Judgement, Split, judge, neighbours, split
from interplay_bench.match_score.ratings import PLACES, Interactions, read_movielens
from interplay_bench.match_score.recipe import MatchScoreRecipe
from interplay_bench.progress import Progress
from interplay_bench.provenance import machine, revision, versions
from interplay_bench.trainable import TrainingRequest

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SAMPLE, IMPLICIT = "sample", "implicit"
EPOCHS = 100
"""Of the collaborative reference: its library's own number."""


def train(request: TrainingRequest, progress: Progress) -> Path:
    """Train what the request's card asks for, print the report, and return the model's folder.

    Raises :class:`DataError` or :class:`RunError` for data that is not there and a folder that is taken.
    """
    folder = request.output or Path(FOLDER) / request.card.name
    print(render(make(request, folder, progress)))
    return folder


def make(request: TrainingRequest, folder: Path, progress: Progress) -> dict[str, Any]:
    """Train into ``folder``; returns the report."""
    import numpy as np

    recipe = MatchScoreRecipe.of(request.card, request.settings)
    if (folder / artefact.REPORT).is_file():
        raise RunError(f"{folder} already holds a finished training. Choose another --output, or remove it.")
    data = read(request.data)
    parts = split(data.users, data.items, len(data.catalog), request.seed)
    began = time.monotonic()
    made = fit(recipe, parts, data, request.seed, progress)
    seconds = round(time.monotonic() - began, 1)
    fits: dict[str, Fit] = {recipe.variant: made}
    if recipe.compare and recipe.variant != IMPLICIT:
        fits[IMPLICIT] = _implicit(recipe, parts, data, request.seed)
    liked = np.bincount(data.items, minlength=len(data.catalog))
    report: dict[str, Any] = {
        "command": request.command,
        "recipe": recipe.to_json(),
        "data": _described(data, parts),
        "seed": request.seed,
        "held_out": {name: found.to_json() for each in fits.values() for name, found in each.judged.items()},
        "neighbours": {name: dict(neighbours(each.vectors, data.catalog, liked)) for name, each in fits.items()},
        "seconds": seconds,
        "versions": versions(),
        "git": revision(),
        "machine": machine(),
    }
    artefact.save(folder, made.vectors, made.projection, data.catalog, report)
    return report


def read(places: tuple[str, ...]) -> Interactions:
    """What ``--data`` names: ``sample``, a MovieLens release's folder, or one by name in the working directory."""
    if len(places) != 1:
        raise UsageError("Say whose ratings to learn from: --data FOLDER (a MovieLens release), or --data sample.")
    (place,) = places
    if place == SAMPLE:
        from interplay_bench.match_score.sample_interactions import compose

        return compose()
    folder = Path(place).expanduser()
    if not folder.is_dir():
        hint = " It is to be had at grouplens.org/datasets/movielens." if place in PLACES else ""
        raise DataError(f"There is no folder {place}: --data takes a MovieLens release's folder.{hint}")
    return read_movielens(folder)


@dataclass(frozen=True)
class Fit:
    """A model: the items' ``vectors``, the ``projection`` of their texts, and how well it orders what was held out.

    ``vectors`` hold all that items have learnt but their bias, so that films without ratings, which are their texts
    alone, lie in the same space as those with.

    ``judged``: by name, the model with all that items learn of their own, and its items' texts alone.
    """

    vectors: NDArray[np.float32]
    projection: NDArray[np.float32]
    judged: Mapping[str, Judgement]


def fit(recipe: MatchScoreRecipe, parts: Split, data: Interactions, seed: int, progress: Progress) -> Fit:
    """Train one model and judge it."""
    if recipe.variant == IMPLICIT:
        return _implicit(recipe, parts, data, seed)
    text = encode(data.texts, recipe.encoder, progress)
    factors = bpr.Factors.start(text, data.user_count, recipe.dim, seed)
    rates = bpr.Rates(recipe.user_rate, recipe.rate, recipe.own_rate, recipe.decay)
    own = recipe.variant != "text"
    trainer = bpr.BPR(factors, rates, recipe.batch, own, recipe.variant == "text+residual", seed)
    with progress("learning from ratings", recipe.epochs, 0) as advance:
        for _ in range(recipe.epochs):
            trainer.epoch(*parts.train)
            advance(1)
    pure = factors.pure
    judged: dict[str, Judgement] = {
        recipe.variant: judge(parts, factors.users, factors.items, factors.bias, pure, seed)
    }
    if own:
        judged[f"{recipe.variant}, its texts alone"] = judge(parts, factors.users, pure, None, pure, seed)
    return Fit(factors.items, factors.projection, judged)


def _implicit(recipe: MatchScoreRecipe, parts: Split, data: Interactions, seed: int) -> Fit:
    import numpy as np

    shape = (data.user_count, len(data.catalog))
    model = reference.fit(*parts.train, shape, recipe.dim, EPOCHS, seed)
    vectors = np.ascontiguousarray(model.item_factors[:, :-1])
    judged = judge(parts, model.user_factors, model.item_factors, None, None, seed)
    return Fit(vectors, np.zeros((0, recipe.dim), np.float32), {IMPLICIT: judged})


def render(report: dict[str, Any]) -> str:
    """The report for a person: what was held out, and the neighbours of well-known films."""
    from tabulate import tabulate

    data = report["data"]
    rows = [[name, *values.values()] for name, values in report["held_out"].items()]
    heads = ["variant", *next(iter(report["held_out"].values()))]
    title = f"{data['name']}{', synthetic' if data['synthetic'] else ''}: {data['positives']:,} positives"
    near = [
        tabulate([[film, ", ".join(found)] for film, found in films.items()], ["film", f"nearest ({name})"])
        for name, films in report["neighbours"].items()
    ]
    return "\n\n".join([title, tabulate(rows, heads, missingval="-", floatfmt=".4f"), *near])


def _described(data: Interactions, parts: Split) -> dict[str, Any]:
    return {
        "name": data.name,
        "synthetic": data.synthetic,
        "rows": data.read,
        "positives": len(data.users),
        "users": data.user_count,
        "items": len(data.catalog),
        "trained_on": len(parts.train[0]),
        "held_out": len(parts.held[0]),
        "cold": len(parts.cold[0]),
        "cold_items": len(parts.cold_items),
    }
