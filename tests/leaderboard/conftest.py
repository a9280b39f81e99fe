from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from interplay_bench.cli.main import main
from interplay_bench.metrics.rates import rate
from interplay_bench.metrics.score import Direction, Score

PAPER = Path(__file__).parents[2] / "leaderboard" / "paper.toml"
TIMES = {"finished": "2026-01-01T00:00:00+00:00", "seconds": 1.5, "dialogues": 100, "dialogues_per_second": 66.7}


def multiturn(success: int, early: int, total: int = 100, **parts: object) -> dict[str, Any]:
    """The scores of a replay: so many successes and early terminations, the rest failures."""
    known = {"history": "gold", "decide": "score", "late": "fr", **parts}
    counts: list[tuple[str, int, Direction | None]] = [("SR", success, "higher"), ("ET", early, None)]
    counts.append(("FR", total - success - early, "lower"))
    return {name: asdict(rate(name, k, total, direction=way, **known)) for name, k, way in counts}


def singleturn(bertscore: float, dist: float, words: float, n: int = 400) -> dict[str, Any]:
    """The scores of single replies."""
    encoder = "bertscore-f1|model:roberta-large|layer:17|idf:no|rescale:no"
    scores = [
        Score("BERTScore", bertscore, n, encoder, bertscore - 0.01, bertscore + 0.01, direction="higher"),
        Score("Dist-4", dist, n, f"dist-4|level:corpus|denom:ngrams|n:{n}", direction="higher"),
        Score("words", words, n, "words|tok:whitespace", words - 1, words + 1),
    ]
    return {score.name: asdict(score) for score in scores}


def recommending(hits: int, match: float, total: int = 100, **parts: object) -> dict[str, Any]:
    """The scores of a recommender, those outside the paper's table first."""
    known = {"match": "title+year", "protocol": "paper", **parts}
    scores = [
        rate("coverage", total, total, direction="higher", **known),
        Score("words", 30.0, total, "words|tok:whitespace", 29.0, 31.0),
        Score("Dist-4", 0.5, total, f"dist-4|level:corpus|denom:ngrams|n:{total}", direction="higher"),
        Score("Match Score", match, total, "match-score|scorer:feed|protocol:paper", direction="higher"),
        rate("Recall@1", hits, total, direction="higher", **known),
    ]
    return {score.name: asdict(score) for score in scores}


class Shelf:
    """A leaderboard folder in the making, used through the command line."""

    multiturn = staticmethod(multiturn)
    singleturn = staticmethod(singleturn)
    recommending = staticmethod(recommending)

    def __init__(self, root: Path) -> None:
        self.root = root
        self.results = root / "leaderboard" / "results"
        self.results.mkdir(parents=True)
        (root / "leaderboard" / "paper.toml").write_bytes(PAPER.read_bytes())

    def run(self, model: str, metrics: Mapping[str, Any], **changes: Any) -> Path:
        """A run directory; ``changes`` replace parts of its record: ``dataset__name="pearl"``."""
        halves = {"SR": "user_multiturn", "BERTScore": "user_singleturn", "Match Score": "recommender"}
        task = next(name for metric, name in halves.items() if metric in metrics)
        record: dict[str, Any] = {
            "schema": 1,
            "status": "complete",
            "task": {"name": task, "version": "1", "options": {"history": "gold"}},
            "model": {
                "name": model,
                "card": {"name": model, "adapter": "x", "summary": "A model", "engine": {}, "settings": {}},
                "knows_target": False,
                "identity": {},
            },
            "dataset": {
                "name": "redial",
                "split": "test",
                "synthetic": False,
                "fingerprint": "sha256:feed",
                "dialogues": 100,
                "preprocessing": {"rows": 100, "kept": 100},
            },
            "request": {"task": task, "model": model, "data": None, "limit": None, "seed": 0, "settings": {}},
            "command": shlex.join(["interplay-bench", "run", "--task", task, "--model", model, "--dataset", "redial"]),
            "versions": {"python": "3.11.0", "interplay-bench": "0.1.0"},
            "git": {"commit": "c0ffee" * 6, "dirty": False},
            "machine": "Linux x86_64, 2 cores",
            "metrics": dict(metrics),
            "ledger": {"dialogues": 100, "outcomes": {"done": 100}, "counts": {}},
            "timing": dict(TIMES),
        }
        for key, value in changes.items():
            *parents, last = key.split("__")
            part = record
            for parent in parents:
                part = part[parent]
            part[last] = value
        record["ledger"]["outcomes"] = {"done": record["dataset"]["dialogues"]}
        folder = self.root / "runs" / str(len(list(self.root.glob("runs/*"))))
        folder.mkdir(parents=True)
        (folder / "run.json").write_text(json.dumps(record))
        (folder / "samples.jsonl").write_text('{"detail": {"text": "a secret utterance"}}\n')
        return folder

    def add(self, model: str, metrics: Mapping[str, Any], **changes: Any) -> Path:
        """Publish such a run; returns the record's file."""
        before = set(self.results.iterdir())
        assert main(["publish", str(self.run(model, metrics, **changes)), "--allow-dirty"]) == 0
        (new,) = set(self.results.iterdir()) - before
        return new

    def control(self, model: str, metrics: Mapping[str, Any], **changes: Any) -> Path:
        """Publish a control policy's run."""
        return self.add(model, metrics, model__card={"name": model, "summary": "Control: a rule."}, **changes)

    def render(self) -> None:
        """Render all files."""
        assert main(["leaderboard"]) == 0

    def text(self, name: str = "README.md") -> str:
        """A rendered file."""
        return (self.root / "leaderboard" / name).read_bytes().decode()

    def tables(self) -> list[dict[str, Any]]:
        """What machines read, of tables with a measurement in them."""
        self.render()
        tables = json.loads(self.text("leaderboard.json"))["tables"]
        return [table for table in tables if any(row["records"] for row in table["rows"])]


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shelf:
    """An empty leaderboard with the paper's tables, in the working folder."""
    monkeypatch.chdir(tmp_path)
    return Shelf(tmp_path)


Cells = Callable[[dict[str, Any], str], dict[str, dict[str, Any]]]


@pytest.fixture
def cells() -> Cells:
    """A model's cells in a table, by metric."""

    def find(table: dict[str, Any], model: str) -> dict[str, dict[str, Any]]:
        (row,) = [row for row in table["rows"] if row["model"] == model]
        return {cell["metric"]: cell for cell in row["cells"]}

    return find
