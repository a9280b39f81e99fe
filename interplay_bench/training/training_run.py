"""A training from a card to a folder that ``run`` can use: the one function behind ``interplay-bench train``."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from interplay_bench.environment import progress as progress_bars
from interplay_bench.environment.atomic_file import write_file
from interplay_bench.environment.errors import RunError
from interplay_bench.environment.provenance import machine, revision, versions
from interplay_bench.simulators.checkpoint import FOLDER
from interplay_bench.training import checkpointing
from interplay_bench.training.checkpointing import TrainingState
from interplay_bench.training.curve import draw
from interplay_bench.training.examples import Corpus, Examples, prepare, read_corpus
from interplay_bench.training.model_readme import write_readme
from interplay_bench.training.trainable_model import TrainableModel, prepare_base
from interplay_bench.training.trainer import Trainer
from interplay_bench.training.training_recipe import TrainingRecipe

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

    With ``resume`` an interrupted training continues and ends with the weights of an uninterrupted one.
    """
    folder = session.folder(output)
    _check(folder, resume)
    corpus = read_corpus(session.recipe, session.data)
    trainable = prepare_base(session.recipe, corpus.domains, session.seed)
    examples = prepare(corpus, session.recipe, trainable.tokenizer, session.seed)
    folder.mkdir(parents=True, exist_ok=True)
    trainer = Trainer(trainable, examples, session.recipe, session.seed, folder)
    with progress(f"train · {session.card}", trainer.schedule.last, 0) as advance:
        shown = 0

        def report(state: TrainingState) -> None:
            nonlocal shown
            advance(state.step - shown)
            shown = state.step

        state = trainer.train(resume, report)
    export(trainer, trainable, session.recipe, folder)
    if trainer.accelerator.is_main_process:
        _document(session, corpus, examples, state, trainer.schedule.steps, folder)
        if trainer.finished:
            shutil.rmtree(folder / checkpointing.FOLDER, ignore_errors=True)
    trainer.accelerator.wait_for_everyone()
    return folder


def export(trainer: Trainer, trainable: TrainableModel, recipe: TrainingRecipe, folder: Path) -> None:
    """Write model and tokenizer as safetensors and JSON; low-rank updates in bfloat16, which halves them.

    Weights of before are removed first: a kill leaves some that are incomplete, never some of two trainings.
    """
    accelerator = trainer.accelerator
    gathered = accelerator.get_state_dict(trainer.model)
    if not accelerator.is_main_process:
        return
    kind = torch.bfloat16 if recipe.method == "lora" or trainable.bfloat16 else torch.float32
    weights = {name.removeprefix("model."): t.to(kind) for name, t in gathered.items()}
    model = trainable.model
    _unwrap(model)
    for old in (folder / RECORD, *folder.glob("*.safetensors")):
        old.unlink(missing_ok=True)
    if recipe.method == "lora":
        # The base grew by the new tokens' rows, and peft would save the whole table; the rows are in the adapter.
        model.save_pretrained(folder, state_dict=weights, save_embedding_layers=False)
        (folder / "README.md").unlink(missing_ok=True)
        trainable.model.get_base_model().generation_config.save_pretrained(folder)
    else:
        model.config.use_cache = True
        model.save_pretrained(folder, state_dict=weights)
    trainable.tokenizer.save_pretrained(folder)
    _shrink(folder / "tokenizer.json")


def _unwrap(model: torch.nn.Module) -> None:
    """Take the layers out of the wrappers in which accelerate puts them to recompute activations: peft finds what it
    saves by the names of modules."""
    for module in list(model.modules()):
        for name, child in module.named_children():
            if hasattr(child, "_checkpoint_wrapped_module"):
                setattr(module, name, child._checkpoint_wrapped_module)


def _shrink(path: Path) -> None:
    """Write a JSON file anew without its white space: a third of a tokenizer."""
    if path.is_file():
        content = json.loads(path.read_text(encoding="utf-8"))
        write_file(path, json.dumps(content, ensure_ascii=False, separators=(",", ":")))


def _check(folder: Path, resume: bool) -> None:
    if (folder / checkpointing.FOLDER).is_dir():
        if not resume:
            raise RunError(f"{folder} holds an unfinished training. Add --resume to continue it, or remove it.")
    elif (folder / RECORD).is_file() and (folder / RECORD).stat().st_size:
        raise RunError(f"{folder} already holds a finished training. Choose another --output, or remove it.")


def _document(
    session: Session, corpus: Corpus, examples: Examples, state: TrainingState, planned: int, folder: Path
) -> None:
    """Write the curve, the model's README and, last of all, the record: it says that the rest is whole."""
    record: dict[str, Any] = {
        "card": session.card,
        "recipe": session.recipe.to_json(),
        "seed": session.seed,
        "command": session.command,
        "data": dict(corpus.fingerprints),
        "account": dict(examples.account),
        "steps": state.step,
        "planned_steps": planned,
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
    lines = (json.dumps(loss) for loss in state.losses)
    write_file(folder / "losses.jsonl", "\n".join(lines) + "\n")
    draw(state.losses, f"{session.card}: loss of the {session.recipe.role}'s turns", folder / "losses.png")
    write_readme(record, folder)
    write_file(folder / RECORD, json.dumps(record, indent=2, ensure_ascii=False) + "\n")
