"""Training speed: ours beside TRL's SFTTrainer (assistant-only loss) and a plain padded loop, in one run.

    OMP_NUM_THREADS=1 python benchmarks/training.py --data TRAIN.jsonl [--method lora] [--dialogues 16]

The same dialogues, model, dtype, threads, batch size and optimiser for all; rounds interleave, so that a busy machine
is busy for everyone. A line each: supervised tokens per second (median over rounds), and its ratio to TRL's. The parts
of ours are added one after the other, so that each line but the first says what one part gains. Needs trl.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import torch
from torch.nn.functional import cross_entropy

from interplay_bench.simulators.card import find
from interplay_bench.training.examples import prepare, read_corpus
from interplay_bench.training.loss import RoleLoss
from interplay_bench.training.onednn_linear import use_onednn
from interplay_bench.training.packing import pack
from interplay_bench.training.role_example import RoleExample
from interplay_bench.training.segment_attention import register
from interplay_bench.training.trainable_model import prepare_base
from interplay_bench.training.training_recipe import TrainingRecipe

BATCH = 4
Step = Callable[[Sequence[RoleExample]], float]


def trainable(
    arguments: argparse.Namespace, precision: str, attention: str, quick: bool = False
) -> tuple[TrainingRecipe, Any]:
    """The recipe and the model, its float32 products by oneDNN where ``quick``.

    Low-rank updates leave the new tokens' rows alone, which TRL's loss does not take.
    """
    card = find("usersim-smollm2")
    assert card is not None
    settings = {
        "dataset": "redial", "method": "full", "precision": precision, "validation": "0",
        "limit": str(arguments.dialogues), "batch_size": str(BATCH), "decision_weight": "1", "decisions": "labels",
    }  # fmt: skip
    recipe = TrainingRecipe.of(card, settings)
    with nullcontext() if quick else patch("interplay_bench.training.trainable_model.use_onednn"):
        made = prepare_base(recipe, ("movie",), 0)
    made.model.set_attn_implementation(register() if attention == "segments" else attention)
    if arguments.method == "full":
        return recipe, made
    import peft

    if precision == "bf16":
        made.model.to(torch.bfloat16)
    config = peft.LoraConfig(task_type="CAUSAL_LM", r=8, lora_alpha=16, target_modules="all-linear")
    adapted = peft.get_peft_model(made.model, config)
    if quick and precision == "fp32":
        use_onednn(adapted)
    return recipe, replace(made, model=adapted)


def padded(examples: Sequence[RoleExample], cut: bool) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Token ids, attention mask and labels, each rows x longest."""
    rows = [example.cut() if cut else example for example in examples]
    width = max(len(row.ids) for row in rows)
    ids, there, labels = torch.zeros(3, len(rows), width, dtype=torch.long)
    labels = labels.fill_(-100)
    for number, row in enumerate(rows):
        ids[number, : len(row.ids)] = torch.tensor(row.ids)
        there[number, : len(row.ids)] = 1
        labels[number, : len(row.ids)] = torch.where(torch.tensor(row.mask), torch.tensor(row.ids), -100)
    return ids, there, labels


def plain(model: Any) -> Callable[[Sequence[RoleExample]], torch.Tensor]:
    def loss(examples: Sequence[RoleExample]) -> torch.Tensor:
        ids, there, labels = padded(examples, cut=False)
        return model(input_ids=ids, attention_mask=there, labels=labels, use_cache=False).loss

    return loss


def gathered(model: Any) -> Callable[[Sequence[RoleExample]], torch.Tensor]:
    """Padded, but only supervised positions are projected."""
    base = model.get_base_model() if hasattr(model, "get_base_model") else model

    def loss(examples: Sequence[RoleExample]) -> torch.Tensor:
        ids, there, labels = padded(examples, cut=True)
        hidden = base.get_decoder()(input_ids=ids, attention_mask=there, use_cache=False).last_hidden_state
        wanted = labels[:, 1:] != -100
        logits = base.get_output_embeddings()(hidden[:, :-1][wanted])
        return cross_entropy(logits.float(), labels[:, 1:][wanted])

    return loss


def packed(model: Any) -> Callable[[Sequence[RoleExample]], torch.Tensor]:
    measure = RoleLoss(model)

    def loss(examples: Sequence[RoleExample]) -> torch.Tensor:
        row = pack(examples)
        return measure(row) / row.weight

    return loss


def stepper(model: Any, loss: Callable[[Sequence[RoleExample]], torch.Tensor], bfloat16: bool, fused: bool) -> Step:
    parameters = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(parameters, lr=1e-5, weight_decay=0.0, fused=fused)

    def step(examples: Sequence[RoleExample]) -> float:
        with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
            found = loss(examples)
        found.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        optimizer.zero_grad()
        return float(found.detach())

    return step


def ours(arguments: argparse.Namespace, precision: str, kind: str) -> Step:
    last = kind in ("packed", "quick")
    _, made = trainable(arguments, precision, "segments" if last else "sdpa", quick=kind == "quick")
    ways = {"plain": plain, "gathered": gathered, "packed": packed, "quick": packed}
    return stepper(made.model, ways[kind](made.model), precision == "bf16", fused=last)


def trl(arguments: argparse.Namespace, batches: Sequence[Sequence[RoleExample]], precision: str) -> Callable[[], float]:
    """A function that trains on all batches once, as SFTTrainer does, and returns the seconds of its loop.

    The labels are those that it makes of assistant masks: -100 outside of them.
    """
    from datasets import Dataset
    from trl import SFTConfig, SFTTrainer

    rows = [
        {"input_ids": list(e.ids), "labels": [i if used else -100 for i, used in zip(e.ids, e.mask, strict=True)]}
        for batch in batches
        for e in batch
    ]

    def run() -> float:
        _, made = trainable(arguments, precision, "sdpa")
        with tempfile.TemporaryDirectory() as folder:
            config = SFTConfig(
                output_dir=folder, per_device_train_batch_size=BATCH, num_train_epochs=1, learning_rate=1e-5,
                weight_decay=0.0, max_length=None, bf16=precision == "bf16", use_cpu=True,
                gradient_checkpointing=False, save_strategy="no", report_to=[], logging_strategy="no",
                disable_tqdm=True, dataset_kwargs={"skip_prepare_dataset": True}, train_sampling_strategy="sequential",
            )  # fmt: skip
            trainer = SFTTrainer(
                model=made.model, args=config, train_dataset=Dataset.from_list(rows), processing_class=made.tokenizer
            )
            started = time.perf_counter()
            trainer.train()
            return time.perf_counter() - started

    return run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, help="ReDial's train file")
    parser.add_argument("--method", choices=("full", "lora"), default="full")
    parser.add_argument("--dialogues", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=2)
    arguments = parser.parse_args()
    recipe, made = trainable(arguments, "fp32", "sdpa")
    examples = prepare(read_corpus(recipe, {"redial": arguments.data}), recipe, made.tokenizer, 0).train
    del made
    grouped = sorted(examples, key=lambda example: len(example.ids))
    batches = [examples[start : start + BATCH] for start in range(0, len(examples), BATCH)]
    alike = [grouped[start : start + BATCH] for start in range(0, len(grouped), BATCH)]
    supervised = sum(example.supervised for example in examples)
    print(f"{arguments.method}: {len(examples)} dialogues, {supervised} supervised of "
          f"{sum(len(e.ids) for e in examples)} tokens, {torch.get_num_threads()} threads")  # fmt: skip
    ways: dict[str, Callable[[], float]] = {
        "TRL SFTTrainer, float32": trl(arguments, batches, "fp32"),
        "plain padded loop, float32": loop(arguments, "fp32", "plain", batches),
        "+ projection where it counts, lengths grouped, tail cut": loop(arguments, "fp32", "gathered", alike),
        "+ packed, attention in segments, fused AdamW": loop(arguments, "fp32", "packed", alike),
        "+ products by oneDNN (ours, float32)": loop(arguments, "fp32", "quick", alike),
        "TRL SFTTrainer, bfloat16": trl(arguments, batches, "bf16"),
        "ours, bfloat16": loop(arguments, "bf16", "quick", alike),
    }
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(arguments.rounds):
        for name, run in ways.items():
            seconds[name].append(run())
    speed = {name: supervised / statistics.median(times) for name, times in seconds.items()}
    for name, rate in speed.items():
        reference = speed["TRL SFTTrainer, bfloat16" if "bfloat16" in name else "TRL SFTTrainer, float32"]
        print(f"{name:<62} {rate:8.1f} supervised tokens/s  {rate / reference:5.2f} x TRL")


def loop(
    arguments: argparse.Namespace, precision: str, kind: str, batches: Sequence[Sequence[RoleExample]]
) -> Callable[[], float]:
    """A function that trains on all batches once and returns the seconds; the model is loaded before, and let go."""

    def run() -> float:
        step = ours(arguments, precision, kind)
        started = time.perf_counter()
        for batch in batches:
            step(batch)
        return time.perf_counter() - started

    return run


if __name__ == "__main__":
    main()
