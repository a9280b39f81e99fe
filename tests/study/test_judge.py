from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

from interplay_bench.dialogues.prompt import Prompt
from interplay_bench.engines.language_model import Choice, Generation, LanguageModel, Refusal, Sampling
from interplay_bench.environment.errors import UsageError
from interplay_bench.study.answer import Answer
from interplay_bench.study.judge import judge
from interplay_bench.study.judge_prompts import read_prompts
from interplay_bench.study.judge_report import JudgeReport, confusion_agreement, judge_reports
from interplay_bench.study.plan import Kind, Plan
from interplay_bench.study.study_report import study_report
from tests.study.simulated_annotators import simulated_answers

pytest.importorskip("krippendorff", reason="the extra [study] is not installed")
PlanOf = Callable[..., Plan]


class Judge(LanguageModel):
    def __init__(self, rule: Callable[[str], int | None]) -> None:
        self.rule = rule

    def choose(self, prompts: Sequence[Prompt], choices: Sequence[str]) -> list[Choice | Refusal]:
        picks = [self.rule(prompt.messages[-1].content) for prompt in prompts]
        return [Refusal("filtered") if pick is None else Choice(pick) for pick in picks]

    def generate(self, prompts: Sequence[Prompt], sampling: Sampling) -> list[Generation | Refusal]:
        raise NotImplementedError

    def identity(self) -> Mapping[str, object]:
        return {}

    def close(self) -> None:
        pass


def likes_hello(text: str) -> int:
    return 0 if text.index("hello") < text.index("goodbye") else 1


def judged(plan: Plan, rule: Callable[[str], int | None], name: str = "judge:one") -> list[Answer]:
    return judge(plan, Judge(rule), name, read_prompts())


def on_flow(plan: Plan, answers: list[Answer], name: str = "judge:one") -> JudgeReport:
    (found,) = (each for each in judge_reports(plan, answers) if (each.judge, each.criterion) == (name, "flow"))
    return found


def test_a_judge_with_a_taste_says_the_same_in_both_orders(planned: PlanOf) -> None:
    plan = planned()
    people = [
        Answer("annotator-1", page, "flow", "left" if (showing.left == "a") == (int(showing.pair[1:]) < 4) else "right")
        for page, showing in enumerate(plan.annotators[0].showings, 1)
        if showing.kind is Kind.PAIR
    ]
    found = on_flow(plan, [*people, *judged(plan, likes_hello)])
    assert (found.preference.wins, found.preference.ties, found.first, found.alike) == (6, 0, 0.5, 1)
    assert found.pairs == 6
    assert found.agreement[0] == pytest.approx(0.5)
    assert found.kappa[0] == pytest.approx(0)
    assert found.alpha[0] is not None
    assert found.alpha[0] < 0  # less than chance: the judge never says b


def test_a_judge_that_goes_by_the_order_has_only_ties(planned: PlanOf) -> None:
    found = on_flow(planned(), judged(planned(), lambda _: 0))
    assert (found.preference.ties, found.first, found.alike) == (6, 1, 0)
    assert found.agreement == (None, None, None)


def test_a_judge_that_refuses_is_counted(planned: PlanOf) -> None:
    talks = judged(planned(), lambda text: None if "flow" in text or "runs more naturally" in text else 0)
    found = on_flow(planned(), talks)
    assert (found.preference.ties, found.silent, found.first) == (6, 12, None)


def test_verbosity_self_preference_and_the_jury(planned: PlanOf) -> None:
    from dataclasses import replace

    plan = replace(planned(words="hello at great length"), a_models=("one",))
    three = [
        ("judge:one", likes_hello),
        ("judge:two", likes_hello),
        ("judge:three", lambda text: 1 - likes_hello(text)),
    ]
    people = simulated_answers(plan, 0.0, 0, ties=0)
    answers = [*people, *(answer for name, rule in three for answer in judged(plan, rule, name))]
    one, three_, jury = (on_flow(plan, answers, name) for name in ("judge:one", "judge:three", "jury"))
    assert (one.longer, one.people_longer, three_.longer) == (1, 0, 0)
    assert one.own == 1
    assert three_.own is None
    assert (jury.preference.wins, jury.first) == (6, None)


def test_people_are_reported_without_the_judges(planned: PlanOf) -> None:
    plan = planned(annotators=3)
    people = simulated_answers(plan, 0.9, 0)
    assert study_report(plan, people) == study_report(plan, [*people, *judged(plan, likes_hello)])


def test_kappa_and_alpha_by_hand_and_by_the_library() -> None:
    import krippendorff

    cells = np.array([[20, 5, 0], [10, 15, 0], [0, 0, 0]])  # 50 grants, two readers: kappa 0.4
    alike, kappa, alpha = confusion_agreement(cells)
    assert alike == pytest.approx(0.7)
    assert kappa == pytest.approx(0.4)
    raters = np.array([(i, j) for i in range(3) for j in range(3) for _ in range(cells[i, j])]).T
    assert alpha == pytest.approx(krippendorff.alpha(reliability_data=raters, level_of_measurement="nominal"))


@pytest.mark.parametrize("text", ["{first} {third}", "{first.name}", "{", "{0}"])
def test_prompts_of_the_users_own_are_checked(text: str, tmp_path: Path) -> None:
    path = tmp_path / "prompts.toml"
    tables = "".join(f'[{name}]\ninstructions = "Judge."\ntext = "{{question}}"\n' for name in ("dialogue", "turn"))
    path.write_text(
        f'{tables}[pair]\ninstructions = "Judge."\ntext = "Which? {{first}} or {{second}}"\nprefix = "N "\n'
    )
    assert read_prompts(path).pair.prompt(first="x", second="y", question="").prefix == "N "
    path.write_text(f'{tables}[pair]\ninstructions = "Judge."\ntext = "{text}"\n')
    with pytest.raises(UsageError, match=r"prompts\.toml, pair"):
        read_prompts(path)


def test_a_judge_of_scales_is_correlated_with_people() -> None:
    from interplay_bench.study.criteria import read_criteria
    from interplay_bench.study.planning import Size, new_rating_plan
    from interplay_bench.study.rating_agreement import rating_agreement
    from interplay_bench.study.validation import ALL
    from tests.study.conftest import dialogue

    criteria = [each for each in read_criteria("scales.toml") if each.key in ("relevance", "dialogue_overall")]
    plan = new_rating_plan("ours", [dialogue(n, "hello") for n in range(5)], criteria, Size(5, 1, repeats=0), 0)
    number = {pair.id: int(pair.a[0].text.split(",")[0].split()[1]) for pair in plan.pairs}
    people = [
        Answer("annotator-1", page, question.key, str(min(number[showing.pair], len(question.choices) - 1)))
        for page, showing in enumerate(plan.annotators[0].showings, 1)
        for question in plan.questions(showing)
    ]
    answers = judged(plan, lambda text: min(int(text.split("hello ")[1][0]), 3))
    assert len(answers) == 5 * (3 + 1)
    rated, found = rating_agreement(plan, [*people, *answers])
    values = {
        each.criterion: (each.value, each.n) for each in found if (each.statistic, each.scope) == ("spearman", ALL)
    }
    assert values["relevance"] == pytest.approx((1, 15))
    assert values["dialogue_overall"] == pytest.approx((0.975, 5), abs=1e-3)  # levels 3 and 4 are one to the judge
    assert {each.system for each in rated.dialogues} == {"ours"}
