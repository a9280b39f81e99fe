"""The loop, on accelerate: one process or many, float32 or bfloat16, whole or in shards."""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import torch

from interplay_bench.engines.weights import choose_device
from interplay_bench.training import checkpointing
from interplay_bench.training.base import Learner
from interplay_bench.training.checkpointing import Progress
from interplay_bench.training.example import Example
from interplay_bench.training.loss import RoleLoss
from interplay_bench.training.material import Material
from interplay_bench.training.packing import batches, pack
from interplay_bench.training.recipe import TrainingRecipe

Report = Callable[[Progress], None]
"""Called after every step."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """How many steps there are, how fast each of them learns, and after which the held-out loss is taken."""

    recipe: TrainingRecipe
    examples: int
    world: int

    @property
    def per_epoch(self) -> int:
        """Optimiser steps in an epoch; the last may be smaller."""
        recipe = self.recipe
        return math.ceil(math.ceil(self.examples / recipe.batch_size) / (recipe.accumulation * self.world))

    @property
    def steps(self) -> int:
        """Optimiser steps in all."""
        return self.per_epoch * self.recipe.epochs

    @property
    def last(self) -> int:
        """Optimiser steps that are taken."""
        return min(self.steps, self.recipe.max_steps or self.steps)

    def factor(self, step: int) -> float:
        """What the learning rate is multiplied by in step ``step`` (from 0): in (0, 1]."""
        warm = round(self.recipe.warmup * self.steps)
        if step < warm:
            return (step + 1) / (warm + 1)
        done = (step - warm) / max(1, self.steps - warm)
        shapes = {"constant": 1.0, "linear": 1 - done, "cosine": (1 + math.cos(math.pi * done)) / 2}
        return shapes[self.recipe.schedule]

    def evaluates(self, step: int) -> bool:
        """Whether the held-out loss is taken after step ``step`` (from 0)."""
        within = step % self.per_epoch + 1
        marks = {round(self.per_epoch * k / self.recipe.evaluations) for k in range(1, self.recipe.evaluations + 1)}
        return within in marks or step + 1 == self.last


class Trainer:
    """Trains a :class:`~interplay_bench.training.base.Learner` on examples.

    ``folder`` keeps the state for ``--resume``. The loss of a step is the mean over *all* its supervised tokens,
    whichever process and pass they were in, so that it does not depend on how a step is divided.
    """

    def __init__(self, learner: Learner, material: Material, recipe: TrainingRecipe, seed: int, folder: Path) -> None:
        from accelerate import Accelerator
        from accelerate.state import AcceleratorState
        from accelerate.utils import set_seed

        set_seed(seed)
        precision = "bf16" if learner.bfloat16 else "no"
        # A process may train more than once; accelerate would insist on the first training's precision.
        AcceleratorState._reset_state()
        # Without being told, accelerate does not join the processes of a machine that has only a processor.
        cpu = choose_device("auto").type == "cpu"
        self.accelerator = Accelerator(cpu=cpu, mixed_precision=precision, gradient_accumulation_steps=1)
        deepspeed = self.accelerator.state.deepspeed_plugin
        if deepspeed is not None:  # which reads the batch size off a loader that we do not have
            deepspeed.deepspeed_config["train_micro_batch_size_per_gpu"] = recipe.batch_size
        self.learner, self.material, self.recipe, self.seed, self.folder = learner, material, recipe, seed, folder
        self.world, self.rank = self.accelerator.num_processes, self.accelerator.process_index
        self.schedule = Schedule(recipe, len(material.train), self.world)
        optimizer = torch.optim.AdamW(learner.groups(recipe), weight_decay=recipe.weight_decay, fused=True)
        self.model, self.optimizer = self.accelerator.prepare(RoleLoss(learner.model), optimizer)
        self.progress = Progress()
        self._epoch = lru_cache(maxsize=1)(lambda epoch: batches(material.train, recipe.batch_size, seed, epoch))

    def train(self, resume: bool = False, report: Report = lambda progress: None) -> Progress:
        """Run all steps that are left; afterwards the model holds the weights that were best on held-out examples."""
        if resume:
            self.progress = self._restored()
        self.model.train()
        began = time.monotonic() - self.progress.seconds
        while self.progress.step < self.schedule.last and not self._stale():
            step = self.progress.step
            loss = self._step(step)
            record: dict[str, float] = {"step": step + 1, "loss": loss, "rate": self.schedule.factor(step)}
            self.progress.step += 1
            if self.material.validation and self.schedule.evaluates(step):
                record["validation"] = self.evaluate(self.material.validation)
                self._judge(record["validation"])
            self.progress.losses.append(record)
            self.progress.seconds = time.monotonic() - began
            if "validation" in record or self.progress.step % self.recipe.save_steps == 0:
                self.save()
            report(self.progress)
        if self.progress.best is not None and not self._sharded:
            checkpointing.put(self._plain, checkpointing.read_best(self.folder))
        return self.progress

    def evaluate(self, examples: Sequence[Example]) -> float:
        """The mean weighted loss per supervised token of ``examples``, over all processes."""
        chunks = list(batches(examples, self.recipe.batch_size, self.seed, 0))
        self.model.eval()
        total = torch.zeros(2, dtype=torch.float64, device=self.accelerator.device)
        with torch.no_grad():
            for packed in self._share(chunks):
                total += torch.stack([self.model(packed), packed.weights.sum()]).double()
        self.model.train()
        summed = self.accelerator.reduce(total, "sum")
        return float(summed[0] / summed[1])

    def save(self) -> None:
        """Write the state that :meth:`train` can resume from."""
        checkpointing.save(self.folder, self.accelerator, self.model, self.optimizer, self.progress, self._identity)

    def _step(self, step: int) -> float:
        """One optimiser step; returns its mean loss."""
        epoch, within = divmod(step, self.schedule.per_epoch)
        size = self.recipe.accumulation * self.world
        chosen = self._epoch(epoch)[within * size :][:size]
        weight = sum(w for batch in chosen for example in batch for w in example.weights)
        for group in self.optimizer.param_groups:
            group["lr"] = group["rate"] * self.schedule.factor(step)
        total = torch.zeros((), device=self.accelerator.device)
        count = math.ceil(len(chosen) / self.world)
        for number, packed in enumerate(self._share(chosen), start=1):
            with self._syncing(number == count):
                loss = self.model(packed) / weight
                # Gradients are averaged over processes, where the step's loss is a sum over them.
                self.accelerator.backward(loss * self.world)
            total += loss.detach()
        self.accelerator.clip_grad_norm_(self.model.parameters(), self.recipe.clip)
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.progress.tokens += sum(len(example.cut().ids) for batch in chosen for example in batch)
        self.progress.supervised += sum(example.supervised for batch in chosen for example in batch)
        return float(self.accelerator.reduce(total, "sum"))

    def _share(self, chunks: Sequence[Sequence[Example]]) -> Iterator[Any]:
        """This process's batches as packs; as many for every process, since all must take part in what is shared."""
        for start in range(0, len(chunks), self.world):
            mine = start + self.rank
            packed = pack(chunks[mine]) if mine < len(chunks) else pack(chunks[start]).muted()
            yield packed.to(self.accelerator.device)

    @contextlib.contextmanager
    def _syncing(self, last: bool) -> Iterator[None]:
        """Exchange gradients between processes only after the last pass of a step."""
        self.accelerator.sync_gradients = last
        with contextlib.nullcontext() if last else self.accelerator.no_sync(self.model):
            yield

    def _judge(self, loss: float) -> None:
        """Keep the weights if they are the best so far."""
        if self.progress.best is None or loss < self.progress.best:
            self.progress.best, self.progress.best_step, self.progress.stale = loss, self.progress.step, 0
            if not self._sharded and self.accelerator.is_main_process:
                checkpointing.keep_best(self.folder, checkpointing.learnt(self._plain))
            self.accelerator.wait_for_everyone()
        else:
            self.progress.stale += 1

    def _stale(self) -> bool:
        return 0 < self.recipe.patience <= self.progress.stale

    def _restored(self) -> Progress:
        found = checkpointing.restore(self.folder, self.accelerator, self.model, self.optimizer, self._identity)
        return found or Progress()

    @property
    def _plain(self) -> Any:
        return self.accelerator.unwrap_model(self.model)

    @property
    def _sharded(self) -> bool:
        return self.accelerator.distributed_type.value in checkpointing.SHARDED

    @cached_property
    def _identity(self) -> str:
        """A digest of all that decides what is learnt, but for when it ends."""
        recipe = {key: value for key, value in self.recipe.to_json().items() if key != "max_steps"}
        examples = [(e.name, e.ids, e.labels, e.weights) for e in (*self.material.train, *self.material.validation)]
        known = json.dumps([recipe, self.seed, self.world, examples])
        return hashlib.sha256(known.encode()).hexdigest()
