"""CRSArena-Dial, people with nine recommenders, and the simulated dialogues of UserSimCRS with some of them.

CRSArena-Dial (Bernard, Joko et al., WSDM 2025): after a dialogue people say whether they are satisfied, and after two,
which system was better. UserSimCRS v2 (ECIR 2026): three simulators talk to some of these systems; beside their
dialogues lie a language model's scores of five aspects.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

from interplay_bench.datasets.reading import array_or_rows, may_have, need, need_rows, read_json, read_text, tidy
from interplay_bench.environment.errors import DataError, MissingDataError
from interplay_bench.study.plan import Line
from interplay_bench.study.rated.rated_set import RatedDialogue

PARTS = ("open", "closed")
SIMULATORS = {"_ABUS_": "ABUS", "_Single_LLM_": "single LLM", "_Dual_LLM_": "dual LLM"}
"""By what stands in a file's name before the data that the simulator learnt from."""
SATISFIED = {"satisfied": 1.0, "frustrated": 0.0}
TIE, SATISFACTION = "tie", "satisfaction"
STOP = "\\end"
"""What a simulator writes to end a dialogue."""
_ROLES = {"USER": "user", "AGENT": "recommender"}


@dataclass(frozen=True, slots=True)
class ArenaVote:
    """Which of two systems a person preferred; ``None`` is a tie."""

    pair: tuple[str, str]
    winner: str | None


@dataclass(frozen=True, slots=True)
class Arena:
    """People's dialogues, whose score is whether they were satisfied, and their votes."""

    dialogues: tuple[RatedDialogue, ...]
    votes: tuple[ArenaVote, ...]

    @property
    def systems(self) -> tuple[str, ...]:
        """All systems, by name."""
        return tuple(sorted({each.system for each in self.dialogues}))


def read_arena(folder: Path) -> Arena:
    """Read ``crs_arena_dial_open.json``, ``votes_open.csv`` and those of the closed part."""
    paths = [folder / f"crs_arena_dial_{part}.json" for part in PARTS]
    if not paths[0].is_file():
        raise MissingDataError(f"{folder} holds no {paths[0].name}: --data takes CRSArena-Dial's folder first.")
    dialogues = tuple(
        _dialogue(row, need(need(row, "agent", dict, where), "id", str, where), where)
        for path in paths
        for number, row in array_or_rows(path)
        for where in [f"record {number} of {path}"]
    )
    need_rows(len(dialogues), folder)
    systems = {each.system for each in dialogues}
    votes = [vote for part in PARTS for vote in _votes(folder / f"votes_{part}.csv", systems)]
    return Arena(dialogues, tuple(votes))


def read_simulated(folder: Path, systems: tuple[str, ...]) -> Mapping[str, tuple[RatedDialogue, ...]]:
    """By simulator, its dialogues with ``systems``; a language model's scores stand in ``scores``."""
    paths = sorted((folder / "dialogues").glob("*.json"))
    if not paths:
        raise MissingDataError(f"{folder} holds no dialogues/*.json: --data takes UserSimCRS's folder second.")
    found: dict[str, list[RatedDialogue]] = {}
    for path in paths:
        simulator = next((name for mark, name in SIMULATORS.items() if mark in path.stem), None)
        system = next((path.stem.partition(mark)[0].lower() for mark in SIMULATORS if mark in path.stem), "")
        if simulator is None or system not in systems:
            continue
        judged = _judged(folder / "llm_quality" / f"quality_evaluation_{path.name}")
        for place, (number, row) in enumerate(array_or_rows(path)):
            scores = {aspect: given[place] for aspect, given in judged.items() if place < len(given)}
            dialogue = _dialogue(row, system, f"record {number} of {path}", scores)
            found.setdefault(simulator, []).append(dialogue)
    return {simulator: tuple(dialogues) for simulator, dialogues in sorted(found.items())}


def _dialogue(row: Any, system: str, where: str, judged: Mapping[str, float] | None = None) -> RatedDialogue:
    name = need(row, "conversation ID", str, where)
    lines = []
    for said in need(row, "conversation", list, where):
        role = _ROLES.get(need(said, "participant", str, where))
        if role is None:
            raise DataError(f"A speaker in {where} is {said['participant']!r}: USER or AGENT is needed.")
        text = tidy(need(said, "utterance", str, where).replace(STOP, ""))
        if text:
            lines.append(Line("user" if role == "user" else "recommender", text))
    sentiment = (may_have(row, "metadata", dict, where) or {}).get("sentiment")
    scores = {SATISFACTION: SATISFIED[sentiment]} if sentiment in SATISFIED else dict(judged or {})
    return RatedDialogue(name, system, "", tuple(lines), scores, {})


def _votes(path: Path, systems: set[str]) -> Iterator[ArenaVote]:
    for number, row in enumerate(csv.DictReader(StringIO(read_text(path))), start=1):
        pair, vote = (row.get("crs1", ""), row.get("crs2", "")), row.get("vote", "")
        if not set(pair) <= systems or vote not in (*pair, TIE):
            raise DataError(f"Vote {number} of {path} is {vote!r} between {pair[0]!r} and {pair[1]!r}.")
        yield ArenaVote(pair, None if vote == TIE else vote)


def _judged(path: Path) -> Mapping[str, Sequence[float]]:
    """By aspect, a language model's scores in the order of the dialogues; their ids do not tell those apart."""
    if not path.is_file():
        return {}
    where = f"a score in {path}"
    return {
        aspect: [float(need(row, "score", (int, float), where)) for row in rows]
        for aspects in read_json(path).values()
        for aspect, rows in aspects.items()
    }
