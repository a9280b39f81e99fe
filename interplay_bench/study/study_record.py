"""A study as a run's record, which ``publish`` takes and the leaderboard shows as its Figure 3: numbers alone, no
texts, links or names of annotators."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from interplay_bench.environment.errors import UsageError
from interplay_bench.environment.provenance import machine, revision, versions
from interplay_bench.evaluation.run import RECORD, write_record
from interplay_bench.evaluation.run_record import SCHEMA, RunRecord
from interplay_bench.metrics.score import Score, signature
from interplay_bench.study.answer import Answer
from interplay_bench.study.plan import JUDGE, Kind, Plan
from interplay_bench.study.preference import RESAMPLES
from interplay_bench.study.study_report import CriterionReport, StudyReport, votes_of

TASK = "human_study"
VERSION = "1"


def write_study_record(folder: Path, plan: Plan, answers: Sequence[Answer], report: StudyReport, command: str) -> None:
    """Write ``run.json`` into a new ``folder``; studies of scales have no record, as the paper has no such figure."""
    if plan.rates:
        raise UsageError("--record is of who wins: this study rates dialogues alone.")
    if (folder / RECORD).exists():
        raise UsageError(f"{folder} already holds a record: give another folder by --record.")
    people = [answer for answer in answers if not answer.annotator.startswith(JUDGE)]
    votes = votes_of(plan, people, Kind.PAIR)
    heard = {vote.pair for given in votes.values() for vote in given}
    pairs = [pair for pair in plan.pairs if pair.id in {showing.pair for showing in plan.judged}]
    a, b = _name(plan.a, plan.a_models), _name(plan.b, plan.b_models)
    times = [answer.at for answer in people]
    seconds = max(times) - min(times)
    outcomes = {"judged": len(heard), "not judged": len(pairs) - len(heard)}
    data = {
        "schema": SCHEMA,
        "status": "complete",
        "task": {"name": TASK, "version": VERSION, "options": _options(plan), "resolved": {}},
        "model": {"name": a, "card": {}, "knows_target": False, "identity": {"answers": _digest(answers, plan)}},
        "dataset": {
            "name": b,
            "split": "pairs",
            "synthetic": plan.synthetic,
            "fingerprint": f"sha256:{hashlib.sha256(_json([asdict(pair) for pair in pairs])).hexdigest()}",
            "dialogues": len(pairs),
            "preprocessing": {},
        },
        "request": {
            "task": TASK,
            "model": a,
            "dataset": b,
            "data": None,
            "split": "pairs",
            "limit": None,
            "seed": plan.seed,
            "settings": {},
        },
        "command": command,
        "code": {},
        "versions": versions(),
        "git": revision(),
        "machine": machine(),
        "metrics": {score.name: score.to_json() for each in report.criteria for score in _scores(each, len(heard))},
        "ledger": {"dialogues": len(pairs), "outcomes": outcomes, "counts": {"answers": len(people)}},
        "timing": {
            "finished": None,
            "seconds": seconds,
            "dialogues": len(heard),
            "dialogues_per_second": len(heard) / seconds if seconds else None,
        },
    }
    folder.mkdir(parents=True, exist_ok=True)
    write_record(folder, RunRecord.parse(data))


def _scores(each: CriterionReport, pairs: int) -> Sequence[Score]:
    """The win ratio; and what the paper's figure does not show: the test's p, the share of ties, alpha."""
    found = each.preference
    decided, answers = found.wins + found.losses, found.wins + found.ties + found.losses
    interval = f"annotators-and-pairs-95:{RESAMPLES}"
    ratio = signature("win-ratio", ties="left-out", interval=interval, version=VERSION)
    beyond = {
        "p (Holm)": (each.holm, signature("sign-test", unit="pair", corrected="holm", version=VERSION)),
        "ties": (found.ties / answers if answers else None, signature("ties", of="answers", version=VERSION)),
        "alpha": (each.alpha, signature("krippendorff-alpha", level="nominal", version=VERSION)),
    }
    return [
        Score(each.name, found.ratio, pairs, ratio, found.low, found.high, found.wins, decided, "higher"),
        *(Score(f"{each.name}: {what}", value, pairs, sig) for what, (value, sig) in beyond.items()),
    ]


def _options(plan: Plan) -> dict[str, object]:
    return {"annotators": len(plan.annotators), "criteria": ", ".join(each.key for each in plan.criteria)}


def _name(source: str, models: Sequence[str]) -> str:
    """Who wrote a side's dialogues: its models, else the data set, or the folder's last part."""
    return " × ".join(models) or Path(source.partition("=")[0]).name


def _digest(answers: Sequence[Answer], plan: Plan) -> str:
    questions = [asdict(criterion) for criterion in plan.criteria]
    return hashlib.sha256(_json([questions, [asdict(answer) for answer in answers]])).hexdigest()


def _json(value: object) -> bytes:
    return json.dumps(value, sort_keys=True).encode()
