"""A small learnt labeller: does an answer take a proposal up, or turn it down?

Logistic regression over MiniLM's vector of the answer's text, with "it" for the titles that were proposed, and the two
verdicts of the rules. ``audit labels --fit FILE`` fits it on what people labelled; the weights are JSON and name that
data, whose licence they follow. Rules need no weights and stay the default.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, ValidationError

from interplay_bench.audits.people_answers import Answer
from interplay_bench.dialogues.action_rules import accepts, asks_for_another
from interplay_bench.environment.atomic_file import replacing
from interplay_bench.environment.errors import DataError, UsageError
from interplay_bench.metrics.bertscore import SMALL
from interplay_bench.metrics.similarity import embed

if TYPE_CHECKING:
    from numpy import ndarray

    Array = ndarray[Any, Any]

CLASSES = ("accept", "reject", "neither")
PENALTY = 10.0
"""The inverse of the ridge penalty (scikit-learn's C); chosen on SGD's train split."""
NEVER = -1e9
"""The bias of a class that the data does not have."""
FOLDS = 5
MOST = 1 << 24
"""The largest file of weights that is read, in bytes."""


class LearntLabels(BaseModel):
    """A fitted labeller. ``weights``: a row per class, over a text's vector and two flags; ``bias``: one per class."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    trained_on: str
    encoder: str
    weights: tuple[tuple[float, ...], ...]
    bias: tuple[float, ...]

    @classmethod
    def fit(cls, answers: Sequence[Answer], trained_on: str) -> LearntLabels:
        """Fit on people's labels. Raises :class:`DataError` where they are all the same."""
        return cls._fit(features([answer.text for answer in answers]), answers, trained_on)

    @classmethod
    def _fit(cls, vectors: Array, answers: Sequence[Answer], trained_on: str) -> LearntLabels:
        import numpy as np
        from sklearn.linear_model import LogisticRegression

        gold = [_class(answer) for answer in answers]
        if len(set(gold)) < 2:
            raise DataError(f"{trained_on} has {len(gold)} answers, all of one kind: nothing can be learnt from them.")
        model = LogisticRegression(C=PENALTY, max_iter=1000).fit(vectors, gold)
        weights, bias = np.zeros((len(CLASSES), vectors.shape[1])), np.full(len(CLASSES), NEVER)
        kinds = list(model.classes_)
        bias[kinds] = 0
        # Of two classes, scikit-learn has one row: the second against the first.
        weights[kinds[-len(model.coef_) :]], bias[kinds[-len(model.coef_) :]] = model.coef_, model.intercept_
        return cls(
            trained_on=trained_on,
            encoder=SMALL,
            weights=tuple(tuple(row) for row in weights.round(5).tolist()),
            bias=tuple(bias.round(5).tolist()),
        )

    @classmethod
    def read(cls, path: Path) -> LearntLabels:
        """Read a file of weights. Raises :class:`UsageError` that says what is wrong with it."""
        try:
            if path.stat().st_size > MOST:
                raise UsageError(f"{path} is too large for a labeller's weights.")
            found = cls.model_validate_json(path.read_bytes())
        except OSError as error:
            raise UsageError(
                f"{path} cannot be read ({error.strerror}): give the file of `audit labels --fit`."
            ) from None
        except ValidationError:
            raise UsageError(f"{path} is no labeller's weights: make them with `audit labels --fit`.") from None
        if not len(found.weights) == len(CLASSES) == len(found.bias) or len(set(map(len, found.weights))) != 1:
            raise UsageError(f"{path} is no labeller of {', '.join(CLASSES)}: make one with `audit labels --fit`.")
        return found

    def write(self, path: Path) -> None:
        """Write the weights as JSON."""
        with replacing(path) as draft:
            draft.write_text(self.model_dump_json())

    @property
    def signature(self) -> str:
        """Names the labeller wherever its labels are used."""
        digest = hashlib.sha256(self.model_dump_json().encode()).hexdigest()
        return f"labels:minilm+rules|on:{self.trained_on}|weights:{digest[:12]}"

    def verdicts(self, texts: Sequence[str]) -> list[str]:
        """One of :data:`CLASSES` for each text."""
        return self._verdicts(features(texts)) if texts else []

    def _verdicts(self, vectors: Array) -> list[str]:
        import numpy as np

        scores = vectors @ np.array(self.weights).T + np.array(self.bias)
        return [CLASSES[kind] for kind in scores.argmax(axis=1)]


def features(texts: Sequence[str]) -> Array:
    """A row per text: its vector of length 1, then whether the rules take it for an acceptance, and for a rejection."""
    import numpy as np

    once = list(dict.fromkeys(texts))
    vectors = dict(zip(once, embed(once), strict=True))
    return np.array([[*vectors[text], accepts(text), asks_for_another(text)] for text in texts], dtype=float)


def relabelled(answers: Sequence[Answer], model: LearntLabels) -> list[Answer]:
    """The answers as the labeller reads them, in place of the rules."""
    return _with(answers, model.verdicts([answer.text for answer in answers]))


def cross_fitted(answers: Sequence[Answer]) -> list[Answer]:
    """The answers, each as a labeller reads it that was fitted on other dialogues, in :data:`FOLDS` parts."""
    if not answers:
        return []
    vectors = features([answer.text for answer in answers])
    folds = [int(hashlib.sha256(a.dialogue.encode()).hexdigest(), 16) % FOLDS for a in answers]
    verdicts = [""] * len(answers)
    for fold in sorted(set(folds)):
        inside = [place for place, each in enumerate(folds) if each == fold]
        outside = [place for place, each in enumerate(folds) if each != fold]
        model = LearntLabels._fit(vectors[outside], [answers[place] for place in outside], "the other folds")
        for place, verdict in zip(inside, model._verdicts(vectors[inside]), strict=True):
            verdicts[place] = verdict
    return _with(answers, verdicts)


def _with(answers: Sequence[Answer], verdicts: Sequence[str]) -> list[Answer]:
    accept, reject, _ = CLASSES
    return [
        replace(answer, read_as_accepted=verdict == accept, read_as_rejected=verdict == reject)
        for answer, verdict in zip(answers, verdicts, strict=True)
    ]


def _class(answer: Answer) -> int:
    if answer.accepted is answer.rejected:
        return CLASSES.index("neither")
    return CLASSES.index("accept" if answer.accepted else "reject")
