"""AB-ReDial: satisfaction and its aspects on 200 dialogues of ReDial, and on up to three turns of each.

Siro, C., Aliannejadi, M. and de Rijke, M. (2023). Understanding and predicting user satisfaction with conversational
recommender systems. TOIS 42. The scores of turns stand in a file of their own, whose dialogues are cut to those turns
and are therefore read as dialogues of their own.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from interplay_bench.datasets.reading import need_rows, opened, tidy
from interplay_bench.environment.errors import DataError
from interplay_bench.study.criteria import read_criteria
from interplay_bench.study.plan import Line
from interplay_bench.study.rated.rated_set import RatedDialogue, RatedSet, mean_scores, rated

FILES = ("annotated_dialogues.csv", "annotated_turns.csv")
Scores = dict[int | None, dict[str, float]]
"""By line, and by ``None`` for the dialogue."""


@rated("ab-redial")
def read(folder: Path) -> RatedSet:
    """Read both files; a dialogue's annotators are those of rows with the same words."""
    given: dict[tuple[Line, ...], list[Scores]] = {}
    for path in (folder / name for name in FILES):
        for number, row in _rows(path):
            lines, scores = _row(row, f"row {number} of {path}")
            given.setdefault(lines, []).append(scores)
    need_rows(len(given), folder / FILES[0])
    dialogues = (_dialogue(number, lines, scores) for number, (lines, scores) in enumerate(given.items(), 1))
    overall = next(each for each in read_criteria("scales.toml") if each.key == "dialogue_overall")
    turn = replace(overall, key="overall", name="Turn overall", question="How satisfied is the user now?", turns=True)
    return RatedSet("ab-redial", (*read_criteria("scales.toml"), turn), tuple(dialogues))


def _rows(path: Path) -> Iterator[tuple[int, Mapping[str, str]]]:
    with opened(path, newline="") as file:
        yield from enumerate(csv.DictReader(file, restval=""), 1)


def _row(row: Mapping[str, str], where: str) -> tuple[tuple[Line, ...], Scores]:
    """Utterances and scores come in the columns' order: a turn's scores stand behind the exchange that they are of."""
    lines: list[Line] = []
    scores: Scores = {None: {}}
    for column, text in row.items():
        if column is None or not (text or "").strip():
            continue
        if column.startswith("utterance"):
            role, _, said = text.partition("\t")
            lines.append(Line("user" if role == "USER" else "recommender", tidy(said)))
        elif column not in ("ConvId", "justification-text"):
            last = max((n for n, line in enumerate(lines) if line.role == "recommender"), default=None)
            key = column.replace("-", "_")
            of_turn = key[-1].isdigit()
            scores.setdefault(last if of_turn else None, {})[key.rstrip("0123456789")] = _number(text, column, where)
    return tuple(lines), scores


def _number(text: str, column: str, where: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise DataError(f"{column!r} in {where} is {text!r}, where a number is needed.") from None


def _dialogue(number: int, lines: tuple[Line, ...], given: list[Scores]) -> RatedDialogue:
    places = dict.fromkeys(place for scores in given for place in scores)
    means = {place: mean_scores([scores.get(place, {}) for scores in given]) for place in places}
    turns = {place: scores for place, scores in means.items() if place is not None}
    return RatedDialogue(str(number), "people", "", lines, means[None], turns)
