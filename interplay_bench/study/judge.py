"""A language model as an annotator: it answers every page of a plan, each pair in both orders.

Its answers are kept like anybody's, under the name ``judge:MODEL``. Where the two orders disagree it is a tie, so that
what a judge owes to the order shows.

Zheng, L. et al. (2023). Judging LLM-as-a-judge with MT-Bench and Chatbot Arena. NeurIPS.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from math import exp, fsum

from interplay_bench.dialogues.prompt import Prompt
from interplay_bench.engines.language_model import Choice, LanguageModel, Refusal
from interplay_bench.study.answer import Answer
from interplay_bench.study.criteria import Criterion
from interplay_bench.study.judge_prompts import JudgePrompts
from interplay_bench.study.plan import Plan, Question, Showing
from interplay_bench.study.rated.rated_set import RatedItem


def judge(plan: Plan, model: LanguageModel, name: str, prompts: JudgePrompts) -> list[Answer]:
    """The model's answers to every page that it is shown (:attr:`Plan.judged`); where it gave none, there is none."""
    asked = [
        (question, page, showing) for page, showing in enumerate(plan.judged, 1) for question in plan.questions(showing)
    ]
    asked.sort(key=lambda each: each[0].criterion.key)
    found = []
    for _, group in groupby(asked, key=lambda each: each[0].criterion.key):
        same = list(group)
        given = model.choose([_prompt(plan, q, s, prompts) for q, _, s in same], _numbers(same[0][0].criterion))
        for (question, page, _), answer in zip(same, given, strict=True):
            if not isinstance(answer, Refusal) and answer.index is not None:
                choice = question.choices[answer.index] if plan.rates else ("left", "right")[answer.index]
                found.append(Answer(name, page, question.key, choice))
    return found


class ModelEvaluator:
    """The same model as an evaluator of rated dialogues: the level that it expects, by its probabilities.

    Liu, Y. et al. (2023). G-Eval: NLG evaluation using GPT-4 with better human alignment. EMNLP.
    """

    def __init__(self, model: LanguageModel, prompts: JudgePrompts) -> None:
        self._model, self._prompts = model, prompts

    def __call__(self, criterion: Criterion, items: Sequence[RatedItem]) -> list[float | None]:
        """Rate each item; ``None`` where the model gave no answer."""
        prompts = [self._prompts.rate(criterion, item.dialogue.lines, item.line) for item in items]
        return [_expected(answer) for answer in self._model.choose(prompts, _numbers(criterion))]


def _prompt(plan: Plan, question: Question, showing: Showing, prompts: JudgePrompts) -> Prompt:
    pair = plan.pair[showing.pair]
    if plan.rates:
        return prompts.rate(question.criterion, pair.a, question.line)
    first, second = (pair.a, pair.b) if showing.left == "a" else (pair.b, pair.a)
    return prompts.compare(question.criterion, first, second)


def _numbers(criterion: Criterion) -> tuple[str, ...]:
    """What the model writes: a level, or 1 and 2 for the first and the second dialogue."""
    return tuple(map(str, range(len(criterion.scale)))) or ("1", "2")


def _expected(answer: Choice | Refusal) -> float | None:
    """The mean level under the model's probabilities of the levels; the chosen one where it tells no probabilities."""
    if isinstance(answer, Refusal) or answer.index is None:
        return None
    if answer.logprobs is None:
        return float(answer.index)
    top = max(answer.logprobs)
    weights = [exp(logprob - top) for logprob in answer.logprobs]
    return fsum(level * weight for level, weight in enumerate(weights)) / fsum(weights)
