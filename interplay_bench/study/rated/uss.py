"""USS: three to five annotators say how satisfied the user is before each of their turns, and with the dialogue.

Sun, W. et al. (2021). Simulating user satisfaction for the evaluation of task-oriented dialogue systems. SIGIR. Each of
its corpora counts as a system.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from interplay_bench.datasets.reading import need_rows, read_text, tidy
from interplay_bench.environment.errors import DataError, MissingDataError
from interplay_bench.study.criteria import read_criteria
from interplay_bench.study.plan import Line
from interplay_bench.study.rated.rated_set import RatedDialogue, RatedSet, rated

CORPORA = ("ReDial", "SGD", "CCPE")
OVERALL = "OVERALL"


@rated("uss")
def read(folder: Path) -> RatedSet:
    """Read ``ReDial.txt``, ``SGD.txt`` and ``CCPE.txt``, those that are there."""
    paths = [folder / f"{corpus}.txt" for corpus in CORPORA if (folder / f"{corpus}.txt").is_file()]
    if not paths:
        raise MissingDataError(f"{folder} holds no {', '.join(f'{corpus}.txt' for corpus in CORPORA)}.")
    found = [each for path in paths for each in _corpus(path)]
    need_rows(len(found), folder)
    criteria = read_criteria("rated/satisfaction.toml")
    return RatedSet("uss", criteria, tuple(found))


def _corpus(path: Path) -> Iterator[RatedDialogue]:
    sessions = read_text(path).split("\n\n")
    for number, session in enumerate(sessions, 1):
        rows = [row for row in session.split("\n") if row.strip()]
        if rows:
            yield _session(rows, f"{path.stem}-{number}", path)


def _session(rows: list[str], name: str, path: Path) -> RatedDialogue:
    lines: list[Line] = []
    scores: dict[str, float] = {}
    turns: dict[int, dict[str, float]] = {}
    for row in rows:
        role, *rest = row.split("\t")
        if role not in ("USER", "SYSTEM") or len(rest) < 3:
            raise DataError(f"A line of {name} in {path} is no turn of USS: {row[:80]!r}.")
        text, _, given = rest[:3]
        score = _mean(given, name, path) if given.strip() else None
        if role == "USER" and text == OVERALL:
            scores |= {} if score is None else {"dialogue_overall": score}
            continue
        if score is not None and any(line.role == "recommender" for line in lines):
            turns[len(lines)] = {"satisfaction": score}
        lines.append(Line("user" if role == "USER" else "recommender", tidy(text)))
    return RatedDialogue(name, path.stem, "", tuple(lines), scores, turns)


def _mean(given: str, name: str, path: Path) -> float:
    try:
        values = [float(value) for value in given.split(",")]
    except ValueError:
        raise DataError(f"A score of {name} in {path} is no number: {given!r}.") from None
    return sum(values) / len(values)
