"""A training from a card to a folder that ``run`` can use: the one function behind ``interplay-bench train``."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from interplay_bench import progress as progress_bars
from interplay_bench.checkpoint import FOLDER
from interplay_bench.errors import RunError
from interplay_bench.provenance import machine, revision, versions
from interplay_bench.training import checkpointing
from interplay_bench.training.base import Learner, prepare_base
from interplay_bench.training.checkpointing import Progress
from interplay_bench.training.curve import draw
from interplay_bench.training.material import Corpus, Material, prepare, read_corpus
from interplay_bench.training.model_readme import write_readme
from interplay_bench.training.recipe import TrainingRecipe
from interplay_bench.training.trainer import Trainer

RECORD = "training.json"


@dataclass(frozen=True, slots=True)
class Session:
    """What is to be trained: the card's name and recipe, where each data set lies, and the seed.

    ``command`` makes the same training again; it stands in the record and the README.
    """

    card: str
    recipe: TrainingRecipe
    data: Mapping[str, str]
    seed: int = 0
    command: str = ""

    def folder(self, output: Path | None) -> Path:
        """Where the checkpoint goes: ``output``, or the place where ``run --model CARD`` looks first."""
        return output or Path(FOLDER) / self.card


def train(
    session: Session,
    output: Path | None = None,
    *,
    resume: bool = False,
    progress: progress_bars.Progress = progress_bars.silent,
) -> Path:
    """Train and save; returns the folder, which plain transformers (or peft) can load.

    With ``resume`` an interrupted training goes on and ends with the weights of an undisturbed one.
    """
    folder = session.folder(output)
    _check(folder, resume)
    corpus = read_corpus(session.recipe, session.data)
    learner = prepare_base(session.recipe, corpus.domains, session.seed)
    material = prepare(corpus, session.recipe, learner.tokenizer, session.seed)
    folder.mkdir(parents=True, exist_ok=True)
    trainer = Trainer(learner, material, session.recipe, session.seed, folder)
    started = time.monotonic()
    with progress(f"train · {session.card}", trainer.schedule.last, 0) as advance:
        shown = 0

        def report(state: Progress) -> None:
            nonlocal shown
            advance(state.step - shown)
            shown = state.step

        state = trainer.train(resume, report)
    export(trainer, learner, session.recipe, folder)
    if trainer.accelerator.is_main_process:
        _document(session, corpus, material, state, time.monotonic() - started, folder)
        shutil.rmtree(folder / checkpointing.FOLDER, ignore_errors=True)
    trainer.accelerator.wait_for_everyone()
    return folder


def export(trainer: Trainer, learner: Learner, recipe: TrainingRecipe, folder: Path) -> None:
    """Write model and tokenizer as safetensors and JSON; low-rank updates in bfloat16, which halves them."""
    accelerator = trainer.accelerator
    gathered = accelerator.get_state_dict(trainer.model)
    if not accelerator.is_main_process:
        return
    kind = torch.bfloat16 if recipe.method == "lora" or learner.bfloat16 else torch.float32
    weights = {name.removeprefix("model."): t.to(kind) for name, t in gathered.items()}
    model = learner.model
    if recipe.method == "lora":
        # The base grew by the new tokens' rows, and peft would save the whole table; the rows are in the adapter.
        model.save_pretrained(folder, state_dict=weights, save_embedding_layers=False)
        (folder / "README.md").unlink(missing_ok=True)
    else:
        model.config.use_cache = True
        model.save_pretrained(folder, state_dict=weights)
    learner.tokenizer.save_pretrained(folder)
    _shrink(folder / "tokenizer.json")


def _shrink(path: Path) -> None:
    """Write a JSON file anew without its white space: a third of a tokenizer."""
    if path.is_file():
        content = json.loads(path.read_text(encoding="utf-8"))
        path.write_text(json.dumps(content, ensure_ascii=False, separators=(",", ":")), encoding="utf-8")


def _check(folder: Path, resume: bool) -> None:
    if (folder / RECORD).is_file():
        raise RunError(f"{folder} already holds a finished training. Choose another --output, or remove it.")
    if (folder / checkpointing.FOLDER).is_dir() and not resume:
        raise RunError(f"{folder} holds an unfinished training. Add --resume to go on with it, or remove it.")


def _document(
    session: Session, corpus: Corpus, material: Material, state: Progress, seconds: float, folder: Path
) -> None:
    """Write the record, the curve and the model's README."""
    record: dict[str, Any] = {
        "card": session.card,
        "recipe": session.recipe.to_json(),
        "seed": session.seed,
        "command": session.command,
        "data": dict(corpus.fingerprints),
        "account": dict(material.account),
        "steps": state.step,
        "best_step": state.best_step or state.step,
        "validation_loss": state.best,
        "tokens": state.tokens,
        "supervised_tokens": state.supervised,
        "seconds": round(state.seconds, 1),
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": versions(),
        "git": revision(),
        "machine": machine(),
    }
    (folder / RECORD).write_text(json.dumps(record, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    lines = (json.dumps(loss) for loss in state.losses)
    (folder / "losses.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    draw(state.losses, f"{session.card}: loss of the {session.recipe.role}'s turns", folder / "losses.png")
    write_readme(record, folder)
