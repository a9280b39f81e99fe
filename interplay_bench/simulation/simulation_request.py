"""A simulation as it is asked for."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from interplay_bench.environment.errors import UsageError
from interplay_bench.evaluation.evaluate import EvaluationRequest
from interplay_bench.evaluation.settings import engine_options, task_options
from interplay_bench.plugins.plugin_file import loaded_plugins
from interplay_bench.simulation.dialogue_loop import WINDOW
from interplay_bench.simulation.dialogue_state import MAX_TURNS
from interplay_bench.simulators import model_spec as models
from interplay_bench.simulators.language_model_simulator import LanguageModelSimulator
from interplay_bench.simulators.model_spec import Model, ModelSpec


@dataclass(frozen=True, slots=True)
class SimulationRequest:
    """Who meets whom, over which personas. ``settings``: ``engine.*`` keys, for both sides' engines.

    ``window``: how many dialogues advance together; it changes the speed, and in float32 nothing else (bfloat16 rounds
    differently in other batches, and a resumed simulation forms others). ``temperature`` and ``top_p``: how language
    models on either side sample, where not as their cards say. ``guided``: what guides a recommender's text likewise.
    """

    user: str
    recommender: str
    dataset: str = "sample"
    data: str | None = None
    split: str = "test"
    limit: int | None = None
    max_turns: int = MAX_TURNS
    seed: int = 0
    decisions: bool = False
    window: int = WINDOW
    settings: Mapping[str, str] = field(default_factory=dict)
    temperature: float | None = None
    top_p: float | None = None
    guided: Literal["catalogue"] | None = None

    def command(self) -> str:
        """The command that makes the same simulation; data on disk is named, not placed, since places differ."""
        words = ["interplay-bench", "simulate", "--user", self.user, "--recommender", self.recommender]
        words += ["--dataset", self.dataset]
        words += ["--data", "PATH" if Path(self.data).expanduser().exists() else self.data] if self.data else []
        words += ["--split", self.split]
        words += ["--limit", str(self.limit)] if self.limit is not None else []
        words += ["--max-turns", str(self.max_turns)] if self.max_turns != MAX_TURNS else []
        words += ["--seed", str(self.seed)] if self.seed else []
        words += ["--decisions"] if self.decisions else []
        words += ["--temperature", str(self.temperature)] if self.temperature is not None else []
        words += ["--top-p", str(self.top_p)] if self.top_p is not None else []
        words += ["--guided", self.guided] if self.guided is not None else []
        for key, value in self.settings.items():
            words += ["--set", f"{key}={value}"]
        for plugin in loaded_plugins():
            words += ["--plugin", str(plugin)]
        return shlex.join(words)

    def evaluation(self) -> EvaluationRequest:
        """The same as a run of the task ``interplay``."""
        return EvaluationRequest(
            "interplay", self.user, self.dataset, self.data, self.split, self.limit, self.seed,
            {**self.task_settings(), **self.settings},
        )  # fmt: skip

    def task_settings(self) -> dict[str, str]:
        """The task's options."""
        return {
            "recommender": self.recommender,
            "max_turns": str(self.max_turns),
            "decisions": str(self.decisions).lower(),
        }

    def task_options(self) -> dict[str, str]:
        """The task's options, those of ``settings`` included; what has an option of its own is not set twice."""
        own = task_options(self.settings)
        for key in own.keys() & self.task_settings().keys():
            raise UsageError(f"--set {key}=... is --{key.replace('_', '-')} here.")
        return {**own, **self.task_settings()}

    def models(self) -> tuple[ModelSpec, ModelSpec]:
        """Look both names up; engine options go to those that have an engine, sampling to language models."""
        names = self.user, self.recommender
        engine = models.shares(names, engine_options(dict(self.settings)))
        user, recommender = (models.find(name, engine[name]) for name in names)
        return self._sampled(user), self._sampled(recommender, self.guided)

    def _sampled(self, named: ModelSpec, guided: str | None = None) -> ModelSpec:
        """The model with its card sampling as asked for; what is no language model is as it was."""
        if not issubclass(named.adapter, LanguageModelSimulator):
            return named
        asked = {"temperature": self.temperature, "top_p": self.top_p, "guided": guided}
        given = {key: value for key, value in asked.items() if value is not None}
        return replace(named, card=replace(named.card, settings={**named.card.settings, **given}))

    def build(self) -> tuple[Model, Model]:
        """Load both models; one that plays both sides is loaded once."""
        user, recommender = self.models()
        first = user.build(self.seed)
        return first, first if recommender == user else recommender.build(self.seed)
