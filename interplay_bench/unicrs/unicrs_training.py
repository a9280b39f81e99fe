"""The three stages, from dialogues and a graph to a checkpoint: what ``interplay-bench train unicrs`` does."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from interplay_bench.dialogues.dialogue import Dialogue
from interplay_bench.environment.atomic_file import write_file
from interplay_bench.environment.canonical_json import canonical
from interplay_bench.environment.errors import DataError, RunError
from interplay_bench.environment.paths import typed_path
from interplay_bench.environment.progress import Progress
from interplay_bench.environment.provenance import machine, revision, versions
from interplay_bench.simulators.checkpoint import FOLDER
from interplay_bench.simulators.trainable import TrainingRequest
from interplay_bench.training.examples import is_held_out, places, read_corpus
from interplay_bench.unicrs.batch import Reading
from interplay_bench.unicrs.entity_encoder import graph_convolution
from interplay_bench.unicrs.graph import KnowledgeGraph, read_graph
from interplay_bench.unicrs.linking import Linker
from interplay_bench.unicrs.milestones import Milestones
from interplay_bench.unicrs.network import Network
from interplay_bench.unicrs.stage import StageReport, train_stage
from interplay_bench.unicrs.unicrs_checkpoint import save
from interplay_bench.unicrs.unicrs_example import UniCRSExample, conversation, pretraining, recommendation
from interplay_bench.unicrs.unicrs_recipe import UniCRSRecipe

RECORD = "training.json"

Split = tuple[Sequence[Dialogue], Sequence[Dialogue]]
"""Dialogues to learn from, and dialogues held out."""


def train(request: TrainingRequest, progress: Progress) -> Path:
    """Train and save; returns the folder. With ``resume``, stages that an interrupted training finished are kept."""
    recipe = UniCRSRecipe.of(request.card, request.settings)
    folder = request.output or Path(FOLDER) / request.card.name
    if (folder / RECORD).is_file():
        raise RunError(f"{folder} already holds a finished training. Choose another --output, or remove it.")
    if recipe.convolution:
        graph_convolution()  # before anything that takes a while
    data = places(request.data, recipe)
    corpus = read_corpus(recipe, data)
    graph = read_graph(graph_folder(recipe, data))
    plan = {"recipe": recipe.to_json(), "data": dict(corpus.fingerprints), "graph": graph.fingerprint}
    milestones = Milestones(folder, canonical({**plan, "seed": request.seed}), request.resume)
    split: tuple[list[Dialogue], list[Dialogue]] = ([], [])
    for name, dialogue in corpus.dialogues:
        split[is_held_out(name, dialogue.id, recipe.validation, request.seed)].append(dialogue)
    named = _named(split, Linker(graph))
    network = Network(recipe, graph, request.seed)
    reports = milestones.take_up(network)
    for stage in STAGES[len(reports) :]:
        started = time.monotonic()
        report = stage(network, split, request.seed, progress)
        reports.append({**report.to_json(), "seconds": round(time.monotonic() - started, 1)})
        milestones.keep(network, reports)
    save(network, folder)
    record = {
        "card": request.card.name,
        **plan,
        "seed": request.seed,
        "command": request.command,
        "dialogues": {"train": len(split[0]), "held out": len(split[1])},
        "items": named,
        "graph": {"fingerprint": graph.fingerprint, **_size(graph)},
        "base": dict(network.language.identity),
        "encoder": network.encoder.name,
        "stages": reports,
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": versions(),
        "git": revision(),
        "machine": machine(),
    }
    write_file(folder / RECORD, json.dumps(record, indent=2, ensure_ascii=False) + "\n")
    milestones.clear()
    return folder


def _named(split: Split, linker: Linker) -> dict[str, int]:
    """How many items the dialogues name, and how many of them the graph knows; none at all is a :class:`DataError`."""
    items = {item for part in split for dialogue in part for turn in dialogue.turns for item in turn.items}
    known = sum(linker.entity(item) is not None for item in items)
    if not known:
        raise DataError(
            "The knowledge graph knows none of the items that the dialogues name: its items must be named by their "
            "titles, as 'Some Film (1999)' is."
        )
    return {"named": len(items), "in the graph": known}


def graph_folder(recipe: UniCRSRecipe, data: dict[str, str]) -> Path:
    """Where the graph lies: as the recipe says, else beside the data."""
    if recipe.graph:
        return typed_path(recipe.graph)
    if not data:
        raise DataError("UniCRS needs a knowledge graph: give its folder by --set graph=FOLDER.")
    beside = typed_path(next(iter(data.values())))
    return beside if beside.is_dir() else beside.parent


def _pretrain(network: Network, split: Split, seed: int, progress: Progress) -> StageReport:
    """Stage 1: words and entities learn to speak of the same things, by predicting what the next turn mentions."""
    if not network.recipe.epochs[0]:
        return StageReport("pre-training", 0, 0)
    train, held = ([*pretraining(part, network.linker)] for part in split)
    shown = [_read_targets(network, part, [[]] * len(part), progress) for part in (train, held)]
    network.pretraining.expect(shown[0])
    report = train_stage("pre-training", network.pretraining, (shown[0], shown[1]), network.recipe, 0, seed, progress)
    network.branch()
    return report


def _converse(network: Network, split: Split, seed: int, progress: Progress) -> StageReport:
    """Stage 2: the recommender's responses, with slots in the place of items."""
    recipe = network.recipe
    if not recipe.epochs[1]:
        return StageReport("conversation", 0, 0)
    readings = []
    for part in split:
        examples = [*conversation(part, network.linker, recipe.talk)]
        tails = [network.language.encode_response(e.response, recipe.response_tokens) for e in examples]
        contexts = [example.context for example in examples]
        targets = [
            [*[-1] * (len(network.reader.tokens(context)) - 1), *tail, -1]
            for context, tail in zip(contexts, tails, strict=True)
        ]
        readings.append(network.reader.read(contexts, tails, targets, progress, "read for conversation"))
    return train_stage("conversation", network.writer, (readings[0], readings[1]), recipe, 1, seed, progress)


def _recommend(network: Network, split: Split, seed: int, progress: Progress) -> StageReport:
    """Stage 3: the items that the recommender names, given the context and the template that stage 2 writes for it."""
    if not network.recipe.epochs[2]:
        return StageReport("recommendation", 0, 0)
    readings = []
    for part in split:
        examples = [*recommendation(part, network.linker)]
        templates = network.templates([example.context for example in examples], True, progress)
        readings.append(_read_targets(network, examples, templates, progress))
    network.reader.forget()
    network.recommender.expect(readings[0])
    return train_stage(
        "recommendation", network.recommender, (readings[0], readings[1]), network.recipe, 2, seed, progress
    )


def _read_targets(
    network: Network, examples: Sequence[UniCRSExample], tails: Sequence[Sequence[int]], progress: Progress
) -> list[Reading]:
    contexts = [example.context for example in examples]
    return network.reader.read(contexts, tails, [example.targets for example in examples], progress, "read contexts")


STAGES = (_pretrain, _converse, _recommend)


def _size(graph: KnowledgeGraph) -> dict[str, int]:
    return {
        "entities": len(graph.names),
        "items": len(graph.items),
        "relations": len(graph.relations),
        "edges": len(graph.edges),
    }
