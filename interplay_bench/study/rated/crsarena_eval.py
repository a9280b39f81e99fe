"""CRSArena-Eval: people talk to nine recommenders; others score the dialogues and each of the recommender's turns.

Joko, H. and Hasibi, F. (2026). FACE: a fine-grained reference-free evaluator for conversational information access.
SIGIR; its ``baselines.json`` holds what it and other evaluators reach.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from interplay_bench.datasets.reading import array_or_rows, may_have, need, need_rows, read_json, tidy
from interplay_bench.environment.errors import DataError
from interplay_bench.study.criteria import Criterion, read_criteria
from interplay_bench.study.plan import Line
from interplay_bench.study.rated.rated_set import Published, RatedDialogue, RatedSet, rated

PARTS = {"redial": "CRSArena-Eval_RD", "opendialkg": "CRSArena-Eval_KG"}
"""By the corpus that a system was trained on: what the part is called where figures are published."""
RENAMED = {"dialog_overall": "dialogue_overall"}


@rated("crsarena-eval")
def read(folder: Path) -> RatedSet:
    """Read ``crs_arena_eval.json`` and, where it lies beside it, ``baselines.json``."""
    path = folder / "crs_arena_eval.json"
    criteria = read_criteria("scales.toml")
    found = [_dialogue(row, f"record {number} of {path}", criteria) for number, row in array_or_rows(path)]
    need_rows(len(found), path)
    baselines = folder / "baselines.json"
    published = _published(read_json(baselines)) if baselines.is_file() else ()
    return RatedSet("crsarena-eval", criteria, tuple(found), published)


def _dialogue(row: Any, where: str, criteria: tuple[Criterion, ...]) -> RatedDialogue:
    system = need(row, "conv_id", str, where).rpartition("_")[0]
    lines, turns = [], {}
    for number, turn in enumerate(need(row, "dialogue", list, where)):
        place = f"turn {number} of {where}"
        role = need(turn, "role", str, place)
        lines.append(Line("user" if role == "USER" else "recommender", tidy(need(turn, "utterance", str, place))))
        scores = may_have(turn, "turn_level_aggregated", dict, place)
        if scores:
            turns[number] = _scores(scores, criteria, place)
    whole = _scores(need(row, "dial_level_aggregated", dict, where), criteria, where)
    part = PARTS.get(system.rpartition("_")[2], "")
    return RatedDialogue(row["conv_id"], system, part, tuple(lines), whole, turns)


def _scores(row: Any, criteria: tuple[Criterion, ...], where: str) -> dict[str, float]:
    known = {criterion.key for criterion in criteria}
    return {key: float(need(row, key, (int, float), where)) for key in row if key in known}


def _published(data: Any) -> tuple[Published, ...]:
    try:
        return tuple(
            Published(part, evaluator, RENAMED.get(key, key), values["spearman_rho"], values["pearson_r"])
            for part, evaluators in data.items()
            for evaluator, criteria in evaluators.items()
            for key, values in criteria.items()
            if values["pearson_r"] is not None
        )
    except (AttributeError, KeyError, TypeError) as error:
        raise DataError(f"baselines.json of CRSArena-Eval is malformed: {error!r}.") from None
