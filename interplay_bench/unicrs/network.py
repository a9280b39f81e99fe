"""All of a UniCRS: the frozen models, the graph, and the two prompters that learnt to talk and to recommend."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from interplay_bench.engines.weights import TransformersSettings, load
from interplay_bench.environment.progress import Progress, silent
from interplay_bench.unicrs.batch import Batch
from interplay_bench.unicrs.entity_encoder import EntityEncoder, EntityVectors, both_ways
from interplay_bench.unicrs.entity_similarity import profiles
from interplay_bench.unicrs.graph import KnowledgeGraph
from interplay_bench.unicrs.language import FrozenLanguageModel
from interplay_bench.unicrs.linking import Linker
from interplay_bench.unicrs.predictor import Predictor
from interplay_bench.unicrs.prompter import Prompter
from interplay_bench.unicrs.reader import Reader
from interplay_bench.unicrs.text_encoder import FrozenTextEncoder
from interplay_bench.unicrs.unicrs_example import Context, Piece
from interplay_bench.unicrs.unicrs_recipe import UniCRSRecipe
from interplay_bench.unicrs.writer import Writer

NAMES = "names"

ROWS = 32
"""Contexts answered at a time."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A response template as text and slots, and every item of the graph, the best first, that may fill them."""

    template: tuple[Piece, ...]
    ranking: tuple[int, ...]


class Network:
    """Builds the parts that a recipe asks for; new ones know nothing until trained or loaded.

    ``names``: the text vectors of the entities' names, where they are known already.
    """

    def __init__(
        self,
        recipe: UniCRSRecipe,
        graph: KnowledgeGraph,
        seed: int = 0,
        names: torch.Tensor | None = None,
        **engine: Any,
    ) -> None:
        self.recipe, self.graph, self.linker = recipe, graph, Linker(graph)
        options = {"dtype": recipe.dtype, "device": "cpu", **engine}
        self.language = FrozenLanguageModel(
            load(TransformersSettings(model=recipe.base, package=recipe.package, **options)), recipe.prompt_layers
        )
        self.encoder = FrozenTextEncoder(recipe.encoder, recipe.encoder_tokens)
        self.reader = Reader(self.language, self.encoder, recipe.context_tokens)
        if recipe.entity_text and names is None:
            names = mean_vectors(self.encoder, graph.names)
        self.names = names
        self._profiles = None
        if recipe.likeness and names is not None:
            self._profiles = profiles(names, both_ways(graph)[0] if recipe.convolution else None)
        torch.manual_seed(seed)
        self.pretraining = self._predictor(self._prompter(), tuple(range(len(graph.names))))
        self.branch()

    def branch(self) -> None:
        """Begin stages 2 and 3, each from its own copy of what pre-training made."""
        self.writer = Writer(self.language, copy.deepcopy(self.pretraining.prompter))
        prompter = copy.deepcopy(self.pretraining.prompter)
        self.recommender = self._predictor(prompter, self.graph.items)
        self.recommender.weights = copy.deepcopy(self.pretraining.weights)
        for module in (self.writer, self.recommender):
            module.eval()
        self._vectors: EntityVectors | None = None

    def templates(self, contexts: Sequence[Context], always: bool, progress: Progress = silent) -> list[list[int]]:
        """The writer's responses as tokens; see :meth:`~interplay_bench.unicrs.writer.Writer.write`."""
        written: list[list[int]] = [[]] * len(contexts)
        lengths = [len(self.reader.tokens(context)) for context in contexts]
        order = sorted(range(len(contexts)), key=lengths.__getitem__)
        with progress("write templates", len(contexts), 0) as advance:
            for start in range(0, len(order), ROWS):
                places = order[start : start + ROWS]
                group = [contexts[place] for place in places]
                found = self.writer.write(
                    self.reader.read(group, [[]] * len(group), [[]] * len(group)),
                    [self.reader.tokens(context) for context in group],
                    self.recipe.response_tokens,
                    always,
                )
                for place, ids in zip(places, found, strict=True):
                    written[place] = ids
                advance(len(places))
        return written

    @torch.no_grad()
    def answer(self, contexts: Sequence[Context], always: bool) -> list[Answer]:
        """Write each context's template, and rank the items that were not named yet by how well they fit it."""
        if self._vectors is None:
            self._vectors = self.recommender.vectors()
        answers: list[Answer] = []
        for start in range(0, len(contexts), ROWS):
            group = contexts[start : start + ROWS]
            templates = self.templates(group, always)
            readings = self.reader.read(group, templates, [[]] * len(group))
            scores = self.recommender.scores(Batch.of(readings), self._vectors)
            for context, template, row in zip(group, templates, scores, strict=True):
                order = self.recommender.candidates[row.argsort(descending=True, stable=True)].tolist()
                ranking = tuple(item for item in order if item not in context.items)
                answers.append(Answer(tuple(self.language.decode(template)), ranking))
        self.reader.forget()
        return answers

    def state(self) -> dict[str, torch.Tensor]:
        """All that was learnt, by name, and the text vectors of names, which take a minute to make."""
        parts = {"writer": self.writer, "recommender": self.recommender}
        state = {f"{part}.{name}": t for part, module in parts.items() for name, t in module.state_dict().items()}
        return state if self.names is None else {**state, NAMES: self.names}

    def restore(self, state: Mapping[str, torch.Tensor]) -> None:
        """Take over what :meth:`state` gave; raises ``RuntimeError`` where it does not fit."""
        for part, module in (("writer", self.writer), ("recommender", self.recommender)):
            own = {name.removeprefix(f"{part}."): t for name, t in state.items() if name.startswith(f"{part}.")}
            module.load_state_dict(own)
        self._vectors = None

    def _predictor(self, prompter: Prompter, candidates: tuple[int, ...]) -> Predictor:
        return Predictor(self.language, prompter, candidates, self.recipe.item_bias, self._profiles)

    def _prompter(self) -> Prompter:
        recipe = self.recipe
        entities = EntityEncoder(
            self.graph, self.language.size, recipe.width, recipe.bases, recipe.convolution, self.names
        )
        return Prompter(
            entities, self.language.shape, self.language.size, self.encoder.size, recipe.prefix, recipe.affinity,
            recipe.fusion,
        )  # fmt: skip


def mean_vectors(encoder: FrozenTextEncoder, texts: Sequence[str]) -> torch.Tensor:
    """Each text as the mean of its token vectors, of unit length: (texts, size), in half precision."""
    means = torch.stack([vectors.float().mean(0) for vectors in encoder.encode(texts)])
    return torch.nn.functional.normalize(means, dim=-1).half()
