"""One stage of training: AdamW over what learns, the best weights on held-out dialogues kept."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from interplay_bench.environment.progress import Progress
from interplay_bench.unicrs.batch import Batch, Reading, batches
from interplay_bench.unicrs.predictor import Predictor
from interplay_bench.unicrs.unicrs_recipe import UniCRSRecipe
from interplay_bench.unicrs.writer import Writer

WARMUP = 0.05
"""Share of the steps over which the learning rate rises; afterwards it falls to 0 in a line."""


@dataclass(slots=True)
class StageReport:
    """What a stage did: the loss per target (nats) of each epoch, held-out ones beginning with the untrained one's."""

    name: str
    examples: int
    held_out: int
    train: list[float] = field(default_factory=list)
    validation: list[float] = field(default_factory=list)
    best_epoch: int = 0

    def to_json(self) -> dict[str, Any]:
        """As it stands in ``training.json``."""
        return {name: getattr(self, name) for name in self.__slots__}


def train_stage(
    name: str,
    module: Predictor | Writer,
    split: tuple[Sequence[Reading], Sequence[Reading]],
    recipe: UniCRSRecipe,
    stage: int,
    seed: int,
    progress: Progress,
) -> StageReport:
    """Train ``module`` for the epochs and at the rate that ``recipe`` gives the stage (0, 1 or 2).

    ``split``: readings to learn from, and readings held out.
    """
    readings, held = split
    epochs, rate = recipe.epochs[stage], recipe.learning_rate[stage]
    report = StageReport(name, len(readings), len(held))
    if not epochs or not readings:
        return report
    sizes = [len(reading.states) for reading in readings]
    chance = torch.Generator().manual_seed(seed)
    learnt = [parameter for parameter in module.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(learnt, lr=rate, weight_decay=recipe.weight_decay)
    total = epochs * math.ceil(len(readings) / recipe.batch_size)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _factor(step, total))
    best = copy.deepcopy(module.state_dict())
    report.validation.append(evaluate(module, held, recipe.batch_size))
    with progress(name, total, 0) as advance:
        for epoch in range(1, epochs + 1):
            module.train()
            summed, count = 0.0, 0
            for places in batches(sizes, recipe.batch_size, lambda n: torch.randperm(n, generator=chance).tolist()):
                loss, targets = module.loss(Batch.of([readings[place] for place in places]))
                optimizer.zero_grad(set_to_none=True)
                torch.autograd.backward(loss / max(targets, 1))
                torch.nn.utils.clip_grad_norm_(learnt, recipe.clip)
                optimizer.step()
                schedule.step()
                summed, count = summed + loss.item(), count + targets
                advance(1)
            report.train.append(round(summed / max(count, 1), 4))
            report.validation.append(evaluate(module, held, recipe.batch_size))
            if not held or report.validation[-1] < min(report.validation[:-1]):
                best, report.best_epoch = copy.deepcopy(module.state_dict()), epoch
            elif epoch - report.best_epoch >= recipe.patience:
                break
    module.load_state_dict(best)
    module.eval()
    return report


@torch.no_grad()
def evaluate(module: Predictor | Writer, readings: Sequence[Reading], rows: int) -> float:
    """The loss per target, in nats; 0 where there is nothing to take it on."""
    module.eval()
    summed, count = 0.0, 0
    for places in batches([len(reading.states) for reading in readings], rows):
        loss, targets = module.loss(Batch.of([readings[place] for place in places]))
        summed, count = summed + loss.item(), count + targets
    return round(summed / max(count, 1), 4)


def _factor(step: int, total: int) -> float:
    warm = max(1, round(WARMUP * total))
    return (step + 1) / warm if step < warm else max(0.0, (total - step) / max(1, total - warm))
