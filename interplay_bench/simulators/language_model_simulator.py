"""A simulator made of a language model: what zero-shot and fine-tuned models share.

A decision is the model's choice among the user's action tokens, in context; a reply is written in the markup.
A subclass only says how a view reads as a prompt.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Collection, Mapping, Sequence
from typing import ClassVar

from interplay_bench.dialogues.dialogue import ACTIONS, Action, Role, View
from interplay_bench.dialogues.markup import ACTION_OPEN, END, Malformed, action_token, parse, without_broken_end
from interplay_bench.dialogues.prompt import Prompt
from interplay_bench.engines.language_model import Choice, Generation, LanguageModel, Refusal, Sampling
from interplay_bench.simulators.adapter import VERDICTS, Decision, Recommender, Reply, UserSimulator, Verdict
from interplay_bench.simulators.card import ModelCard
from interplay_bench.simulators.card_engine import engine_fields


class LanguageModelSimulator(UserSimulator, Recommender):
    """User and recommender over one language model; the card says which it is meant to be."""

    roles = frozenset(Role)
    standalone: ClassVar[bool] = False

    def __init__(self, model: LanguageModel, sampling: Sampling) -> None:
        self.model = model
        self.sampling = sampling

    @abstractmethod
    def prompt(self, view: View) -> Prompt:
        """How this model reads a view; its ``prefix`` ends where the action's token comes."""

    def prompts(self, views: Sequence[View]) -> list[Prompt]:
        """One prompt per view."""
        return [self.prompt(view) for view in views]

    @classmethod
    def engine_options(cls, card: ModelCard) -> Collection[str]:
        """The options of the card's kind of engine, and the kind."""
        return {"kind", *engine_fields(card)}

    def identity(self) -> Mapping[str, object]:
        """The language model's identity and how it samples."""
        sampling = {name: getattr(self.sampling, name) for name in self.sampling.__slots__}
        return {**self.model.identity(), "sampling": sampling}

    def code(self) -> tuple[type, ...]:
        """The simulator and its engine."""
        return (type(self), type(self.model))

    def usage(self) -> Mapping[str, int]:
        """What the language model did so far."""
        return self.model.usage()

    def close(self) -> None:
        """Release the language model."""
        self.model.close()

    def decide(self, views: Sequence[View]) -> list[Decision]:
        """Weigh the user's actions against each other as what comes next."""
        actions = ACTIONS[Role.USER]
        answers = self.model.choose(self.prompts(views), [action_token(action) for action in actions])
        return [_decision(answer, actions) for answer in answers]

    def respond(self, views: Sequence[View]) -> list[Reply]:
        """Write each view's next turn."""
        return self.write(views, self.prompts(views))

    def write(self, views: Sequence[View], prompts: Sequence[Prompt | Refusal]) -> list[Reply]:
        """Continue each view's prompt to a turn, whose beginning is the prompt's prefix; a refusal stays one."""
        texts = iter(self.model.generate([prompt for prompt in prompts if isinstance(prompt, Prompt)], self.sampling))
        return [
            _refused(prompt) if isinstance(prompt, Refusal) else _reply(next(texts), prompt, view.role)
            for prompt, view in zip(prompts, views, strict=True)
        ]


def _decision(answer: Choice | Refusal, actions: Sequence[Action]) -> Decision:
    if isinstance(answer, Refusal):
        return Decision(Verdict.OTHER, problem=answer.reason, refused=True)
    probability = None
    if answer.logprobs is not None:
        highest = max(answer.logprobs)
        weights = [math.exp(logprob - highest) for logprob in answer.logprobs]
        probability = weights[actions.index(Action.ACCEPT)] / sum(weights)
    if answer.index is None:
        return Decision(Verdict.OTHER, problem="no action", raw=answer.text, dropped_turns=answer.dropped_turns)
    verdict = VERDICTS.get(actions[answer.index], Verdict.OTHER)
    return Decision(verdict, probability, raw=answer.text, dropped_turns=answer.dropped_turns)


def _refused(refusal: Refusal) -> Reply:
    return Reply(Malformed(refusal.reason, ""), "", refused=True)


def _reply(text: Generation | Refusal, prompt: Prompt, role: Role) -> Reply:
    if isinstance(text, Refusal):
        return _refused(text)
    raw = ACTION_OPEN + prompt.prefix.rpartition(ACTION_OPEN)[2] + text.text
    cut = text.finish == "length" and END not in raw
    turn = parse(without_broken_end(raw) if cut else raw, role)
    return Reply(
        turn, raw, text.prompt_tokens, text.completion_tokens, dropped_turns=text.dropped_turns, cut=cut,
        left_catalogue=text.left_catalogue or (),
    )  # fmt: skip
