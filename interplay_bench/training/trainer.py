"""The training loop on accelerate: one process or many, float32 or bfloat16, replicated or sharded."""

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
from interplay_bench.training.checkpointing import TrainingState
from interplay_bench.training.examples import Examples
from interplay_bench.training.loss import RoleLoss
from interplay_bench.training.packing import batches, pack
from interplay_bench.training.role_example import RoleExample
from interplay_bench.training.trainable_model import TrainableModel
from interplay_bench.training.training_recipe import TrainingRecipe

Report = Callable[[TrainingState], None]
"""Called after every step."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """The number of steps, the learning rate of each, and after which of them the held-out loss is computed."""

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
        """Whether the held-out loss is taken after step ``step`` (from 0): at marks, and where ``max_steps`` ends."""
        return self.marks(step) or step + 1 == self.last

    def marks(self, step: int) -> bool:
        """Whether step ``step`` (from 0) is one of the ``evaluations`` in its epoch; patience counts only those."""
        within = step % self.per_epoch + 1
        return within in {
            round(self.per_epoch * k / self.recipe.evaluations) for k in range(1, self.recipe.evaluations + 1)
        }


class Trainer:
    """Trains a :class:`~interplay_bench.training.trainable_model.TrainableModel` on examples.

    ``folder`` keeps the state for ``--resume``. The loss of a step is the mean over *all* its supervised tokens,
    whichever process and pass they were in, so that it does not depend on how a step is divided.
    """

    def __init__(
        self, trainable: TrainableModel, examples: Examples, recipe: TrainingRecipe, seed: int, folder: Path
    ) -> None:
        from accelerate import Accelerator
        from accelerate.state import AcceleratorState
        from accelerate.utils import set_seed

        set_seed(seed)
        precision = "bf16" if trainable.bfloat16 else "no"
        # A process may train more than once; accelerate would insist on the first training's precision.
        AcceleratorState._reset_state()
        # Without being told, accelerate does not join the processes of a machine that has only a processor.
        cpu = choose_device("auto").type == "cpu"
        self.accelerator = Accelerator(cpu=cpu, mixed_precision=precision, gradient_accumulation_steps=1)
        deepspeed = self.accelerator.state.deepspeed_plugin
        if deepspeed is not None:  # which reads the batch size off a loader that we do not have
            deepspeed.deepspeed_config["train_micro_batch_size_per_gpu"] = recipe.batch_size
        self.trainable, self.examples, self.recipe, self.seed, self.folder = trainable, examples, recipe, seed, folder
        self.world, self.rank = self.accelerator.num_processes, self.accelerator.process_index
        self.schedule = Schedule(recipe, len(examples.train), self.world)
        optimizer = torch.optim.AdamW(trainable.groups(recipe), weight_decay=recipe.weight_decay, fused=True)
        self.model, self.optimizer = self.accelerator.prepare(RoleLoss(trainable.model), optimizer)
        self.progress = TrainingState()
        self._epoch = lru_cache(maxsize=1)(lambda epoch: batches(examples.train, recipe.batch_size, seed, epoch))

    def train(self, resume: bool = False, report: Report = lambda progress: None) -> TrainingState:
        """Run the remaining steps; afterwards the model holds the weights with the lowest held-out loss."""
        if resume:
            self.progress = self._restored()
        self.model.train()
        began = time.monotonic() - self.progress.seconds
        while self.progress.step < self.schedule.last and not self._stale:
            step = self.progress.step
            loss = self._step(step)
            record: dict[str, float] = {"step": step + 1, "loss": loss, "rate": self.schedule.factor(step)}
            self.progress.step += 1
            if self.examples.validation and self.schedule.evaluates(step):
                record["validation"] = self.evaluate(self.examples.validation)
                self._judge(record["validation"])
            self.progress.losses.append(record)
            self.progress.seconds = time.monotonic() - began
            if "validation" in record or self.progress.step % self.recipe.save_steps == 0:
                self.save()
            report(self.progress)
        if self.progress.best is not None:
            checkpointing.take_best(self.folder, self.accelerator, self.model)
        return self.progress

    def evaluate(self, examples: Sequence[RoleExample]) -> float:
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

    def _share(self, chunks: Sequence[Sequence[RoleExample]]) -> Iterator[Any]:
        """This process's batches as packs; as many for every process, since all must take part in what is shared."""
        for start in range(0, len(chunks), self.world):
            mine = start + self.rank
            packed = pack(chunks[mine]) if mine < len(chunks) else pack(chunks[start]).zero_weighted()
            yield packed.to(self.accelerator.device)

    @contextlib.contextmanager
    def _syncing(self, last: bool) -> Iterator[None]:
        """Exchange gradients between processes only after the last pass of a step."""
        self.accelerator.sync_gradients = last
        with contextlib.nullcontext() if last else self.accelerator.no_sync(self.model):
            yield

    def _judge(self, loss: float) -> None:
        """Keep the weights if their held-out ``loss`` is the lowest so far."""
        if self.progress.best is None or loss < self.progress.best:
            self.progress.best, self.progress.best_step, self.progress.stale = loss, self.progress.step, 0
            checkpointing.keep_best(self.folder, self.accelerator, self.model)
        elif self.schedule.marks(self.progress.step - 1):
            self.progress.stale += 1

    @property
    def finished(self) -> bool:
        """Whether nothing is left to learn; ``max_steps`` ends a training before that."""
        return self._stale or self.progress.step >= self.schedule.steps

    @property
    def _stale(self) -> bool:
        return 0 < self.recipe.patience <= self.progress.stale

    def _restored(self) -> TrainingState:
        found = checkpointing.restore(self.folder, self.accelerator, self.model, self.optimizer, self._identity)
        return found or TrainingState()

    @property
    def _plain(self) -> Any:
        return self.accelerator.unwrap_model(self.model)

    @cached_property
    def _identity(self) -> str:
        """A digest of everything that decides the weights, except when the training ends."""
        recipe = {key: value for key, value in self.recipe.to_json().items() if key != "max_steps"}
        examples = [(e.name, e.ids, e.labels, e.weights) for e in (*self.examples.train, *self.examples.validation)]
        known = json.dumps([recipe, self.seed, self.world, examples])
        return hashlib.sha256(known.encode()).hexdigest()
