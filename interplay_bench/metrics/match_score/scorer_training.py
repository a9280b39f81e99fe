"""Train a Match Score model, compare it with the collaborative reference, and say what came of it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from interplay_bench.environment.errors import DataError, RunError, UsageError
from interplay_bench.environment.paths import typed_path
from interplay_bench.environment.progress import Progress
from interplay_bench.environment.provenance import machine, revision, versions
from interplay_bench.metrics.match_score import artefact, bpr
from interplay_bench.metrics.match_score import implicit_reference as reference
from interplay_bench.metrics.match_score.encoding import Centring, encode
from interplay_bench.metrics.match_score.interaction_files import FILE, LASTFM, read_interactions, read_lastfm
from interplay_bench.metrics.match_score.ratings import PLACES, Interactions, read_movielens
from interplay_bench.metrics.match_score.scorer_evaluation import Judgement, Split, judge, neighbours, split
from interplay_bench.metrics.match_score.scorer_recipe import MatchScoreRecipe
from interplay_bench.simulators.checkpoint import FOLDER
from interplay_bench.simulators.trainable import TrainingRequest

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
    data = read(request.data, recipe.domain)
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
    artefact.save(folder, made.vectors, made.projection, data.catalog, report, made.centring)
    return report


def read(places: tuple[str, ...], domain: str) -> Interactions:
    """What ``--data`` names: ``sample``, or a folder: a MovieLens release's, Last.fm's, or anyone's interactions."""
    if len(places) != 1:
        raise UsageError(
            f"Say whose ratings to learn from: --data FOLDER (a MovieLens release, Last.fm's, or one with {FILE}), or "
            "--data sample."
        )
    (place,) = places
    if place == SAMPLE:
        from interplay_bench.metrics.match_score.sample_interactions import compose

        return compose()
    folder = typed_path(place)
    if not folder.is_dir():
        hint = " It is available at grouplens.org/datasets/movielens." if place in PLACES else ""
        raise DataError(f"There is no folder {place}: --data takes a MovieLens release's folder.{hint}")
    if (folder / FILE).is_file():
        return read_interactions(folder, domain)
    return read_lastfm(folder) if (folder / LASTFM).is_file() else read_movielens(folder)


@dataclass(frozen=True)
class Fit:
    """A model: the items' ``vectors``, the ``projection`` of their texts, and how well it orders what was held out.

    ``vectors`` hold all that items have learnt but their bias, so that films without ratings, which are their texts
    alone, lie in the same space as those with.

    ``judged``: by name, the model with all that items learn of their own, and its items' texts alone. ``centring``: of
    the texts, where the model reads any.
    """

    vectors: NDArray[np.float32]
    projection: NDArray[np.float32]
    judged: Mapping[str, Judgement]
    centring: Centring | None = None


def fit(recipe: MatchScoreRecipe, parts: Split, data: Interactions, seed: int, progress: Progress) -> Fit:
    """Train one model and judge it."""
    if recipe.variant == IMPLICIT:
        return _implicit(recipe, parts, data, seed)
    text = encode(data.texts, recipe.encoder, progress)
    factors = bpr.Factors.start(text.vectors, data.user_count, recipe.dim, seed)
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
    return Fit(factors.items, factors.projection, judged, text.centring)


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
    made = ", synthetic" if data["synthetic"] else ""
    title = f"{data['name']} ({data['domain']}{made}): {data['positives']:,} positives"
    left_out = [f"{count:,} {reason}" for reason, count in data["dropped"].items()]
    if left_out:
        title += f"\nLeft out: {'; '.join(left_out)}."
    near = [
        tabulate([[film, ", ".join(found)] for film, found in films.items()], [data["domain"], f"nearest ({name})"])
        for name, films in report["neighbours"].items()
    ]
    return "\n\n".join([title, tabulate(rows, heads, missingval="-", floatfmt=".4f"), *near])


def _described(data: Interactions, parts: Split) -> dict[str, Any]:
    return {
        "name": data.name,
        "synthetic": data.synthetic,
        "domain": "+".join(sorted({item.domain for item in data.catalog})),
        "rows": data.read,
        "dropped": dict(sorted(data.dropped.items())),
        "positives": len(data.users),
        "users": data.user_count,
        "items": len(data.catalog),
        "trained_on": len(parts.train[0]),
        "held_out": len(parts.held[0]),
        "cold": len(parts.cold[0]),
        "cold_items": len(parts.cold_items),
    }
