"""The data card of a simulated corpus: ``README.md`` in its directory, with the front matter that hubs read.

Every export has one, too: it says what the data is wherever the files go.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from interplay_bench.environment.atomic_file import write_file
from interplay_bench.environment.markdown_text import code, escaped
from interplay_bench.evaluation.run import Run
from interplay_bench.evaluation.run_record import ModelRecord, RunRecord
from interplay_bench.reports.score_text import interval, value
from interplay_bench.simulation.simulation_report import required
from interplay_bench.simulation.transitions import render_transitions

FILE = "README.md"
CORPUS = "dialogues.jsonl"
FILES = (
    "`dialogues.jsonl`: one dialogue a line: `persona`, `turns` (role, action, text, mentions, recommended, scripted), "
    "`outcome`, and `target`, which is there to evaluate by and must not be shown to a simulator. `notes` say of each "
    "turn what was malformed, confused, repeated or not in the catalogue. `run.json`: the whole record. `export/`: the "
    "same dialogues in other formats, where they were asked for."
)
NAMED = ("model", "revision", "weights", "adapter", "encoder", "prompts", "scorer", "dtype", "quantization", "train")
"""What of a model's identity the card tells: enough to find the same one."""
_ENDS = {
    "accepted": "the user took something that had been recommended",
    "goodbye": "the recommender took leave",
    "cut_off": "the most turns allowed were reached",
    "broken": "one side wrote nothing readable, or twice in a row nothing well-formed",
    "backend_error": "a model's backend would not answer",
}


def write_data_card(run: Run, folder: Path | None = None, files: str = FILES, data: str | None = CORPUS) -> Path:
    """Write the card beside the corpus, or into the ``folder`` of an export; for the rest see :func:`render`."""
    path = (folder or run.folder) / FILE
    write_file(path, render(run, files, data))
    return path


def render(run: Run, files: str = FILES, data: str | None = CORPUS) -> str:
    """Models, how it was made, statistics, and the leak audit, as markdown.

    ``files``: what lies beside the card. ``data``: the file that ``datasets.load_dataset`` is to read there.
    """
    record = run.record
    sides = {"user": record.model, "recommender": required(record.recommender)}
    parts = [
        _front(record, data),
        f"# Simulated dialogues: {_name(sides['user'])} × {_name(sides['recommender'])}",
        _told(sides),
        "Both sides are models. Nobody said these things; personas come from the data set named below.",
        "## How it was made",
        _making(record, sides),
        "## Statistics",
        _statistics(run),
        "## Actions",
        "What followed each action, in percent.\n\n```\n" + render_transitions(required(record.transitions)) + "\n```",
        "## Leak audit",
        _audit(required(record.leaks)),
        "## Files",
        files,
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _front(record: RunRecord, data: str | None) -> str:
    size = record.dataset.dialogues
    bucket = "n<1K" if size < 1000 else "1K<n<10K" if size < 10_000 else "10K<n<100K"
    lines = ["---", "task_categories:", "- text-generation", "language:", "- en", "tags:", "- synthetic"]
    lines += ["- conversational-recommendation", "size_categories:", f"- {bucket}"]
    lines += ["configs:", "- config_name: default", f"  data_files: {data}"] if data else []
    return "\n".join([*lines, "---"])


def _name(side: ModelRecord) -> str:
    return f"{escaped(side.name)}{' (told the target)' if side.knows_target else ''}"


def _told(sides: Mapping[str, ModelRecord]) -> str:
    told = [side for side, model in sides.items() if model.knows_target]
    if not told:
        return "Neither side was told the target item."
    return f"**Not reference-free: the {' and the '.join(told)} was told the target item.**"


def _making(record: RunRecord, sides: Mapping[str, ModelRecord]) -> str:
    data, git = record.dataset, record.git
    commit = "" if git is None else f", commit {git.commit[:12]}{' with uncommitted changes' if git.dirty else ''}"
    synthetic = " (itself synthetic)" if data.synthetic else ""
    rows = [
        f"- {side}: **{_name(m)}**, {escaped(str(m.card.get('summary', '')))}{_identity(m)}"
        for side, m in sides.items()
    ]
    rows += [
        f"- personas: {escaped(f'{data.name}/{data.split}')}{synthetic}, the first {data.dialogues}: "
        f"{code(data.fingerprint)}",
        f"- at most {record.task.options['max_turns']} turns; seed {record.request.seed}; interplay-bench "
        f"{record.versions.get('interplay-bench', '?')}{commit}",
        f"- versions: {', '.join(f'{name} {number}' for name, number in record.versions.items())}",
        f"- command: {code(str(record.command))}",
    ]
    return "\n".join(rows)


def _identity(model: ModelRecord) -> str:
    """Which weights, and how they were sampled; digests are cut to what tells them apart."""
    known: Mapping[str, Any] = model.identity
    shown = [f"{name} {_short(known[name])}" for name in NAMED if known.get(name) not in (None, "none")]
    sampling = known.get("sampling", {})
    shown += [f"{name} {sampling[name]}" for name in ("temperature", "seed") if name in sampling]
    return f" ({'; '.join(shown)})" if shown else ""


def _short(value: object) -> str:
    text = str(value)
    return code(text.removeprefix("sha256:")[:12]) if len(text) > 60 and " " not in text else escaped(text)


def _statistics(run: Run) -> str:
    ledger = run.ledger
    rows = ["| metric | value | 95% interval | n |", "|---|---|---|---|"]
    rows += [
        f"| {escaped(name)} | {value(score)} | {interval(score)} | {score.n} |" for name, score in run.scores.items()
    ]
    ends = [f"- {name}: {count} ({_ENDS[name]})" for name, count in ledger.outcomes.items()]
    counts = ", ".join(f"{name.replace('_', ' ')} {count}" for name, count in ledger.counts.items())
    return "\n".join([*rows, "", "How they ended:", "", *ends, "", f"Counted: {counts}."])


def _audit(leaks: Mapping[str, Any]) -> str:
    rows = [
        f"Every prompt of the first {leaks['dialogues']} dialogues that have a target was searched for its title. What "
        "stands in the turns was said by the two sides themselves; anywhere else it is a leak."
    ]
    for side in ("user", "recommender"):
        found = leaks[side]
        if found["told"]:
            rows.append(f"- {side}: told the target by design, not searched.")
        elif not found["prompts"]:
            rows.append(f"- {side}: reads no prompt; nothing can leak through it.")
        else:
            where = [f"{channel} {of['found']} of {of['prompts']}" for channel, of in found["channels"].items()]
            rows.append(f"- {side}: **{found['leaks']} leaks** in {found['prompts']} prompts; {', '.join(where)}.")
    return "\n".join([rows[0], "", *rows[1:]])
