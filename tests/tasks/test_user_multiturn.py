from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from interplay_bench import Decision, Malformed, Reply, UserSimulator, Verdict, View
from interplay_bench.environment.errors import IncompatibleModelError, UsageError
from interplay_bench.evaluation.evaluate import evaluate
from interplay_bench.evaluation.run import Run
from interplay_bench.plugins.plugin_file import load_plugin

Replay = Callable[..., dict[str, Any]]


@pytest.fixture
def run(toy: Path, tmp_path: Path) -> Callable[..., Run]:
    load_plugin(toy)

    def evaluated(model: str | UserSimulator, **settings: str) -> Run:
        return evaluate("user_multiturn", model, "toy", data="28", settings=settings, output=tmp_path / "run")

    return evaluated


def counts(run: Run) -> tuple[int | None, ...]:
    return tuple(run[name].count for name in ("SR", "ET", "FR"))


# Of 28 toy dialogues, 4 have no target (n % 7 == 6) and 6 of the others never propose it (n % 4 == 3).
# The remaining 18 propose it 6 times in each of three rounds.


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("accept-first", (6, 12, 0)),
        ("never-accept", (0, 0, 18)),
        ("oracle", (18, 0, 0)),
        ("likes-dune", (18, 0, 0)),
    ],
)
def test_counts_of_policies(run: Callable[..., Run], model: str, expected: tuple[int, ...]) -> None:
    finished = run(model)
    assert counts(finished) == expected
    assert finished["SR"].total == 18
    assert finished.record.model.knows_target == (model == "oracle")


def test_rates_sum_to_one_and_the_ledger_adds_up(run: Callable[..., Run]) -> None:
    finished = run("accept-at:2")
    assert sum(finished[name].value or 0 for name in ("SR", "ET", "FR")) == pytest.approx(1)
    ledger = finished.ledger
    assert sum(ledger.outcomes.values()) == ledger.dialogues == 28
    assert ledger.outcomes["no_target"] == 4
    assert ledger.outcomes["never_proposed"] == 6


def test_an_accept_after_the_target_was_turned_down_is_a_late_one_and_counts_as_failure(
    run: Callable[..., Run],
) -> None:
    finished = run("accept-at:3")
    assert finished.ledger.outcomes["late_accept"] == 12
    assert counts(finished) == (6, 0, 12)
    assert "late:fr" in finished["FR"].signature


def test_decisions_that_are_read_from_written_turns_agree_with_scored_ones(run: Callable[..., Run]) -> None:
    assert counts(run("likes-dune", decide="generate")) == (18, 0, 0)


def test_own_history_ends_with_the_first_accept(run: Callable[..., Run]) -> None:
    finished = run("likes-dune", history="self")
    assert counts(finished) == (18, 0, 0)
    first = next(s for s in finished.samples if s.dialogue == "d0")
    assert len(first.detail["decisions"]) == 1
    assert first.detail["said"] == ["Hm."]


def test_decision_auc_ranks_liked_above_disliked(run: Callable[..., Run]) -> None:
    assert run("likes-dune")["decision AUC"].value == 1.0


def test_agreement_with_people_is_balanced(run: Callable[..., Run]) -> None:
    never = run("never-accept")["agreement with people"]
    assert (never.value, never.low, never.high) == (0.5, 0.5, 0.5)
    assert never.signature.startswith("balanced-accuracy|")


def test_agreement_with_people_needs_no_probability(run: Callable[..., Run]) -> None:
    assert run("likes-dune", decide="generate")["agreement with people"].value == 1.0


def test_a_view_that_is_no_oracles_never_carries_the_target(run: Callable[..., Run]) -> None:
    seen: list[View] = []

    class Spy(UserSimulator):
        def decide(self, views: Any) -> list[Decision]:
            seen.extend(views)
            return [Decision(Verdict.REJECT) for _ in views]

    run(Spy())
    assert seen
    assert not any(hasattr(view, "target") for view in seen)


def test_unreadable_decisions_are_counted(run: Callable[..., Run]) -> None:
    class Mumbler(UserSimulator):
        def decide(self, views: Any) -> list[Decision]:
            return [Decision(Verdict.OTHER, problem="no action", raw="mm") for _ in views]

    finished = run(Mumbler())
    assert counts(finished) == (0, 0, 18)
    assert finished.ledger.counts["decisions_malformed"] == 54


def test_a_dialogue_that_the_backend_refuses_is_in_the_ledger_and_not_in_the_rates(run: Callable[..., Run]) -> None:
    class Refused(UserSimulator):
        def decide(self, views: Any) -> list[Decision]:
            return [Decision(Verdict.OTHER, problem="filtered", refused="(1)" in v.turns[0].text) for v in views]

    finished = run(Refused())
    assert finished.ledger.outcomes["backend_error"] == 1
    assert finished["SR"].total == 17


@pytest.mark.parametrize(
    ("answers", "complaint"),
    [
        ([], "gives 0 answers to 30 views"),
        ([Decision(Verdict.REJECT)], "gives 1 answers to 30 views"),
        (None, "returns None, no list"),
        ("accept", "returns 'accept', no list"),
        (["accept"] * 30, "answers a view with 'accept', no Decision"),
        ([None] * 30, "answers a view with None, no Decision"),
    ],
)
def test_a_model_must_answer_every_view_with_a_decision(run: Callable[..., Run], answers: Any, complaint: str) -> None:
    class Lazy(UserSimulator):
        def decide(self, views: Any) -> list[Decision]:
            return answers  # type: ignore[no-any-return]

    with pytest.raises(
        IncompatibleModelError, match=rf"Lazy\.decide {complaint}: it must return a list with one Decision"
    ):
        run(Lazy())


def test_a_model_must_reply_with_replies(run: Callable[..., Run]) -> None:
    class Talker(UserSimulator):
        def decide(self, views: Any) -> list[Decision]:
            raise AssertionError("decisions are read off the replies")

        def respond(self, views: Any) -> list[Reply]:
            return ["I take it."] * len(views)  # type: ignore[list-item]

    with pytest.raises(IncompatibleModelError, match=r"Talker\.respond answers a view with 'I take it\.', no Reply"):
        run(Talker(), decide="generate")


def test_own_turns_that_are_malformed_or_refused_are_counted(run: Callable[..., Run]) -> None:
    class Stammerer(UserSimulator):
        def decide(self, views: Any) -> list[Decision]:
            return [Decision(Verdict.REJECT) for _ in views]

        def respond(self, views: Any) -> list[Reply]:
            return [
                Reply(Malformed("no action", "mm"), "mm", refused=not v.turns and i == 0) for i, v in enumerate(views)
            ]

    ledger = run(Stammerer(), history="self").ledger
    assert ledger.outcomes["backend_error"] == ledger.counts["replies_refused"] == 2
    assert ledger.counts["replies_malformed"] == ledger.counts["replies"] - 2 == 18 * 4 - 2


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"histroy": "self"}, ["histroy", "history"]),
        ({"history": "mine"}, ["history", "mine", "gold"]),
    ],
)
def test_options_that_do_not_exist_are_named(
    run: Callable[..., Run], settings: dict[str, str], words: list[str]
) -> None:
    with pytest.raises(UsageError) as error:
        run("accept-first", **settings)
    assert all(word in str(error.value) for word in words)


@pytest.mark.slow
def test_golden_counts_on_redial(replay: Replay, data: Path) -> None:
    """An independent count from the raw labels gives 115 replayable dialogues and 25 successes of accept-first."""
    file = ("--dataset", "redial", "--data", data / "redial" / "test_data.jsonl")
    first = replay("accept-first", *file)
    assert (first["metrics"]["SR"]["count"], first["metrics"]["SR"]["total"]) == (25, 115)
    assert first["ledger"]["outcomes"]["no_target"] == 9
    assert first["ledger"]["outcomes"]["never_proposed"] == 1
    assert replay("oracle", *file)["metrics"]["SR"]["value"] == 1
    assert replay("never-accept", *file)["metrics"]["FR"]["value"] == 1


@pytest.mark.parametrize(("model", "swapped"), [("accept-at:2", 6), ("likes-dune", 0), ("oracle", 0)])
def test_a_swap_tells_preference_from_position(run: Callable[..., Run], model: str, swapped: int) -> None:
    finished = run(model, counterfactual="swap")
    assert finished["SR swapped"].count == swapped
    assert finished["SR swapped"].total == 18
    success = finished["SR"].count
    assert success is not None
    assert finished["SR - swapped"].value == pytest.approx((success - swapped) / 18)
    assert (finished.folder / "accept_rate.png").read_bytes().startswith(b"\x89PNG")


def test_a_random_distractor_has_a_signature_of_its_own(run: Callable[..., Run]) -> None:
    finished = run("likes-dune", counterfactual="random")
    assert finished["SR swapped"].count == 0
    assert "distractor:random" in str(finished["SR - swapped"].signature)


def test_a_swap_changes_nothing_else(run: Callable[..., Run]) -> None:
    assert counts(run("accept-at:2", counterfactual="swap")) == (6, 6, 6)


def test_a_swap_that_the_backend_refuses_is_not_counted(run: Callable[..., Run]) -> None:
    class Refused(UserSimulator):
        def decide(self, views: Any) -> list[Decision]:
            twin = [any("Solaris" in turn.text for turn in view.turns) for view in views]  # the one distractor there is
            return [Decision(Verdict.REJECT, refused=there and "(1)" in v.turns[0].text)
                    for v, there in zip(views, twin, strict=True)]  # fmt: skip

    finished = run(Refused(), counterfactual="swap")
    assert (finished["SR"].total, finished["SR swapped"].total) == (18, 17)


def test_a_swap_needs_gold_history(run: Callable[..., Run]) -> None:
    with pytest.raises(UsageError, match="history=gold"):
        run("likes-dune", counterfactual="swap", history="self")
