"""A study's plan: who judges which pairs, in which order and on which sides. One JSON file that never changes.

Where the criteria are scales, dialogues are rated alone: a pair then has no second dialogue.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Literal

from interplay_bench.environment.atomic_file import write_file
from interplay_bench.environment.errors import DataError
from interplay_bench.study.criteria import Criterion

FORMAT: Literal["interplay-bench study 1"] = "interplay-bench study 1"
Side = Literal["a", "b"]
JUDGE = "judge:"
"""How the names of language models begin that judge; each sees every pair in both orders."""


class Kind(StrEnum):
    """Why a pair is shown."""

    PAIR = "pair"
    REPEAT = "repeat"
    CONTROL = "control"


@dataclass(frozen=True, slots=True)
class Line:
    """What one side says in one turn: all that an annotator sees of it."""

    role: Literal["user", "recommender"]
    text: str


@dataclass(frozen=True, slots=True)
class Pair:
    """Two dialogues of one persona, or (``b`` is empty) one to rate.

    Of a control, ``a`` is a real dialogue and ``b`` the same with scrambled turns.
    """

    id: str
    profile: str
    a: tuple[Line, ...]
    b: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Question:
    """A criterion asked on a page: once, or of the turn at ``line`` (from 0). ``key`` tells it apart on its page."""

    key: str
    criterion: Criterion
    line: int | None = None

    @property
    def choices(self) -> tuple[str, ...]:
        """What can be answered: a side or a tie, or the number of a level."""
        return tuple(map(str, range(len(self.criterion.scale)))) or ("left", "tie", "right")


@dataclass(frozen=True, slots=True)
class Showing:
    """One page of one annotator: a pair, and which of its dialogues stands on the left."""

    pair: str
    left: Side
    kind: Kind

    def chosen(self, choice: str) -> str:
        """Whom the ``choice`` of a side prefers: ``a``, ``b`` or ``tie``; a level stays what it is."""
        return {"left": self.left, "right": "b" if self.left == "a" else "a"}.get(choice, choice)


@dataclass(frozen=True, slots=True)
class Annotator:
    """Who judges. ``token`` is the secret of their link, ``code`` what they hand in when they are done."""

    name: str
    token: str
    code: str
    showings: tuple[Showing, ...]


@dataclass(frozen=True)
class Plan:
    """The whole study; ``a`` and ``b`` are the names of what is compared, which no annotator sees.

    ``b`` is empty where dialogues are rated alone. ``a_models`` and ``b_models``: which models wrote the dialogues,
    where that is known. ``synthetic``: either side's data were composed for tests and demonstrations.
    """

    format: Literal["interplay-bench study 1"]
    a: str
    b: str
    seed: int
    criteria: tuple[Criterion, ...]
    pairs: tuple[Pair, ...]
    annotators: tuple[Annotator, ...]
    a_models: tuple[str, ...] = ()
    b_models: tuple[str, ...] = ()
    synthetic: bool = False

    @property
    def rates(self) -> bool:
        """Whether dialogues are rated alone."""
        return bool(self.criteria[0].scale)

    @cached_property
    def pair(self) -> Mapping[str, Pair]:
        """The pairs, controls included, by id."""
        return {pair.id: pair for pair in self.pairs}

    @cached_property
    def annotator(self) -> Mapping[str, Annotator]:
        """The annotators by name."""
        return {each.name: each for each in self.annotators}

    @cached_property
    def judged(self) -> tuple[Showing, ...]:
        """A judge's pages: every pair that people are shown, in both orders; a dialogue to rate once."""
        shown = {showing.pair for each in self.annotators for showing in each.showings if showing.kind is Kind.PAIR}
        pages = []
        for pair in self.pairs:
            if pair.id in shown:
                pages.append(Showing(pair.id, "a", Kind.PAIR))
                pages += [] if self.rates else [Showing(pair.id, "b", Kind.REPEAT)]
        return tuple(pages)

    def pages(self, name: str) -> tuple[Showing, ...]:
        """The pages of an annotator or a judge; none for a name that the study does not have."""
        if name.startswith(JUDGE):
            return self.judged
        return self.annotator[name].showings if name in self.annotator else ()

    def questions(self, showing: Showing) -> tuple[Question, ...]:
        """What is asked on a page, in order: turn by turn, then what goes for the whole."""
        lines = self.pair[showing.pair].a
        spoken = [n for n, line in enumerate(lines) if line.role == "recommender"]
        whole = [Question(each.key, each) for each in self.criteria if not each.turns]
        turns = [each for each in self.criteria if each.turns]
        return (*(Question(f"{each.key}@{n + 1}", each, n) for n in spoken for each in turns), *whole)

    def write(self, path: Path) -> None:
        """Write the file that :func:`read_plan` reads; it holds secrets, so that only its owner may read it."""
        import json

        path.parent.mkdir(parents=True, exist_ok=True)
        write_file(path, json.dumps(asdict(self), ensure_ascii=False, indent=1) + "\n", mode=0o600)


def read_plan(path: Path) -> Plan:
    """Read a plan; a :class:`DataError` where it is none."""
    from pydantic import TypeAdapter, ValidationError

    from interplay_bench.environment.validation import first_problem

    try:
        plan = TypeAdapter(Plan).validate_json(path.read_bytes())
    except OSError as error:
        raise DataError(f"The study's plan {path} cannot be read: {error.strerror}.") from None
    except ValidationError as error:
        raise DataError(f"{path} is no plan of a study: {first_problem(error)}.") from None
    if len({bool(criterion.scale) for criterion in plan.criteria}) != 1:
        raise DataError(f"{path}: a study has criteria, either all with a scale or all without.")
    for each in plan.annotators:
        if strange := {showing.pair for showing in each.showings} - set(plan.pair):
            raise DataError(f"{path}: {each.name} is shown pairs that the plan does not hold: {sorted(strange)[0]}.")
    return plan
