"""Multi-turn replay of a user simulator (paper, sections 4.3 and 5.1; Table 1, left half)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from interplay_bench.accept_rate import draw_accept_rates
from interplay_bench.adapter import VERDICTS, Decision, Reply, UserSimulator, Verdict, one_each
from interplay_bench.counterfactual import Distractors, swap
from interplay_bench.dialogue import Action, Dialogue, OracleView, Role, Turn, View
from interplay_bench.errors import UsageError
from interplay_bench.markup import Malformed
from interplay_bench.metrics.auc import auc
from interplay_bench.metrics.intervals import mean_score
from interplay_bench.metrics.rates import rate
from interplay_bench.registry import task
from interplay_bench.results import Score
from interplay_bench.statistics import Comparison, compare_auc, compare_means, compare_rates
from interplay_bench.stock import Stock
from interplay_bench.task import Paired, Sample, Task

SUCCESS, EARLY, FAILURE, LATE = "success", "early_termination", "failure", "late_accept"
NO_TARGET, NEVER_PROPOSED, BACKEND_ERROR = "no_target", "never_proposed", "backend_error"
REPLAYED = (SUCCESS, EARLY, FAILURE, LATE)


@dataclass(frozen=True, slots=True)
class Options:
    """What ``--set`` may change.

    ``history``: the user's earlier turns are the ``gold`` ones, or the simulator's ``self``-written replies.
    ``decide``: by ``score`` (weighing the actions) or by ``generate`` (writing a turn and reading its action).
    ``counterfactual``: with ``swap``, each dialogue is also replayed with a distractor in the target's place.
    """

    history: Literal["gold", "self"] = "gold"
    decide: Literal["score", "generate"] = "score"
    counterfactual: Literal["none", "swap"] = "none"

    def __post_init__(self) -> None:
        if self.counterfactual == "swap" and self.history == "self":
            raise UsageError("counterfactual=swap compares decisions on the same history: use history=gold.")


@dataclass(slots=True)
class Replay:
    """One dialogue on its way, and the user's decisions.

    With ``history=self``, ``turns`` is the conversation so far and ``replies`` what the user said in it, by turn.
    ``twin``: the same dialogue with a distractor in the target's place.
    """

    dialogue: Dialogue
    turns: list[Turn] = field(default_factory=list)
    decisions: list[tuple[int, Decision]] = field(default_factory=list)
    replies: dict[int, Reply] = field(default_factory=dict)
    twin: Replay | None = None

    @property
    def accepted(self) -> bool:
        """Whether a recommendation was taken, which ends a conversation that the simulator itself speaks in."""
        return any(decision.verdict is Verdict.ACCEPT for _, decision in self.decisions)


@task("user_multiturn")
class UserMultiturn(Task[Options, UserSimulator]):
    """Walk through a recommender's turns and accept or reject each: SR, ET, FR.

    SR: the target is accepted. ET: something else is accepted before the target is proposed. FR: all is rejected.
    A decision answers a whole turn. Taking something after having turned down the target (``late_accept`` in the
    ledger) is outside the paper's three buckets and counts as FR, as the signature says.
    """

    role = Role.USER
    metrics = ("SR", "ET", "FR", "decision AUC", "SR swapped", "SR - swapped")
    Options = Options
    distractors: Distractors

    def prepare(self, stock: Stock) -> None:
        """Distractors are drawn from the items of the dialogues."""
        self.distractors = Distractors(stock.source.items, self.seed)

    def evaluate(self, model: UserSimulator, dialogues: Sequence[Dialogue]) -> list[Sample]:
        """Replay each dialogue that proposes its target; account for the others."""
        replays = [Replay(dialogue) for dialogue in dialogues]
        playable = [replay for replay in replays if replay.dialogue.target_turn() is not None]
        if self.options.counterfactual == "swap":
            for replay in playable:
                replay.twin = self._twin(replay.dialogue)
        if self.options.history == "gold":
            every = [*playable, *(replay.twin for replay in playable if replay.twin is not None)]
            self._decide(model, [(replay, index) for replay in every for index in replay.dialogue.proposals()])
        else:
            self._converse(model, playable)
        return [_sample(replay) for replay in replays]

    def scores(self, samples: Sequence[Sample]) -> list[Score]:
        """SR, ET and FR with counts and Wilson intervals; the decision AUC where the data says what was liked."""
        outcomes = Counter(sample.outcome for sample in samples)
        total = sum(outcomes[outcome] for outcome in REPLAYED)
        parts: dict[str, Any] = {
            "history": self.options.history,
            "decide": self.options.decide,
            "late": "fr",
            "v": self.version,
        }
        rates = [
            rate("SR", outcomes[SUCCESS], total, direction="higher", **parts),
            rate("ET", outcomes[EARLY], total, direction=None, **parts),
            rate("FR", outcomes[FAILURE] + outcomes[LATE], total, direction="lower", **parts),
        ]
        judged = _judged(samples)
        if judged:
            probabilities, liked = zip(*judged.values(), strict=True)
            clusters = [number for number, _ in judged]
            rates.append(auc(probabilities, liked, clusters, name="decision AUC", seed=self.seed, **parts))
        if self.options.counterfactual == "swap":
            rates += _counterfactual_scores(samples, self.seed, parts)
        return rates

    def draw(self, samples: Sequence[Sample], folder: Path) -> None:
        """With ``counterfactual=swap``, plot how often each recommendation is accepted by its place."""
        if self.options.counterfactual == "swap":
            draw_accept_rates(_accept_rates(samples), folder / "accept_rate.png")

    def paired(self, samples: Sequence[Sample]) -> Mapping[str, Paired]:
        """A replay's place in the ledger as the three rates see it; a decision's probability; what a swap changed."""
        buckets = {"SR": (SUCCESS,), "ET": (EARLY,), "FR": (FAILURE, LATE)}
        outcomes = {(i, 0): sample.outcome for i, sample in enumerate(samples) if sample.outcome in REPLAYED}
        rates = {
            name: Paired(compare_rates, {point: outcome in bucket for point, outcome in outcomes.items()})
            for name, bucket in buckets.items()
        }
        swaps = {(i, 0): swap for i, swap in _swaps(samples).items()}
        return {
            **rates,
            "decision AUC": Paired(_compare_auc, _judged(samples)),
            "SR swapped": Paired(compare_rates, {point: distractor for point, (_, distractor) in swaps.items()}),
            "SR - swapped": Paired(compare_means, {point: target - other for point, (target, other) in swaps.items()}),
        }

    def _twin(self, dialogue: Dialogue) -> Replay | None:
        """The dialogue with a distractor in the target's place, where the catalogue has one."""
        distractor = self.distractors.draw(dialogue)
        return None if distractor is None else Replay(swap(dialogue, distractor))

    def _decide(self, model: UserSimulator, points: Sequence[tuple[Replay, int]]) -> None:
        """Ask for a decision after turn ``index`` of each replay, all in one batch."""
        views = [_view(model, replay, index + 1) for replay, index in points]
        if self.options.decide == "score":
            decisions = one_each(model.decide, views, Decision)
        else:
            decisions = [_read(reply) for reply in one_each(model.respond, views, Reply)]
        for (replay, index), decision in zip(points, decisions, strict=True):
            replay.decisions.append((index, decision))

    def _converse(self, model: UserSimulator, replays: Sequence[Replay]) -> None:
        """Walk all dialogues turn by turn, with the simulator's own replies in the place of the user's."""
        for index in range(max((len(replay.dialogue.turns) for replay in replays), default=0)):
            live = [replay for replay in replays if index < len(replay.dialogue.turns) and not replay.accepted]
            speaking = []
            for replay in live:
                turn = replay.dialogue.turns[index]
                if turn.role is Role.USER and not turn.scripted:
                    speaking.append(replay)
                else:
                    replay.turns.append(turn)
            views = [_view(model, replay, index) for replay in speaking]
            for replay, reply in zip(speaking, one_each(model.respond, views, Reply), strict=True):
                replay.turns.append(_spoken(reply))
                replay.replies[index] = reply
            self._decide(model, [(r, index) for r in live if r.dialogue.turns[index].recommended])


def _view(model: UserSimulator, replay: Replay, upto: int) -> View:
    """What the user knows before turn ``upto``; an oracle also learns the target."""
    turns = tuple(replay.turns) or replay.dialogue.turns
    view = View.of(Role.USER, replay.dialogue.persona, turns[:upto])
    if model.knows_target:
        return OracleView(view.role, view.persona, view.turns, replay.dialogue.target)
    return view


def _spoken(reply: Reply) -> Turn:
    """The simulator's reply as a turn of the conversation; what could not be parsed is still said."""
    if isinstance(reply.turn, Malformed):
        return Turn(Role.USER, Action.CHAT, reply.turn.text)
    return reply.turn


def _read(reply: Reply) -> Decision:
    """A decision from a written reply: what its action says."""
    if isinstance(reply.turn, Malformed):
        problem = reply.turn.reason
        return Decision(Verdict.OTHER, None, problem, reply.refused, reply.raw, reply.dropped_turns)
    verdict = VERDICTS.get(reply.turn.action, Verdict.OTHER)
    return Decision(verdict, raw=reply.raw, dropped_turns=reply.dropped_turns)


def _outcome(replay: Replay) -> str:
    """Which of the ledger's places a dialogue takes."""
    if replay.dialogue.target is None:
        return NO_TARGET
    target = replay.dialogue.target_turn()
    if target is None:
        return NEVER_PROPOSED
    if any(reply.refused for reply in replay.replies.values()):
        return BACKEND_ERROR
    for index, decision in replay.decisions:
        if decision.refused:
            return BACKEND_ERROR
        if decision.verdict is Verdict.ACCEPT:
            return EARLY if index < target else SUCCESS if index == target else LATE
    return FAILURE


def _sample(replay: Replay) -> Sample:
    dialogue, decisions = replay.dialogue, replay.decisions
    counts = Counter(f"decisions_{decision.verdict}" for _, decision in decisions)
    counts["decisions"] = len(decisions)
    counts["decisions_malformed"] = sum(d.problem is not None and not d.refused for _, d in decisions)
    counts["decisions_refused"] = sum(d.refused for _, d in decisions)
    counts["decisions_too_long"] = sum(d.dropped_turns > 0 for _, d in decisions)
    detail: dict[str, object] = {
        "target_turn": dialogue.target_turn(),
        "decisions": [_detail(dialogue, index, decision) for index, decision in decisions],
    }
    if replay.twin is not None and not any(decision.refused for _, decision in replay.twin.decisions):
        detail["counterfactual"] = _counterfactual(replay)
        counts["swapped"] = 1
    if replay.turns:
        detail["said"] = [turn.text for turn in replay.turns if turn.role is Role.USER]
        counts.update(_said(list(replay.replies.values())))
    return Sample(dialogue.id, dialogue.user_id, _outcome(replay), dict(sorted(counts.items())), detail)


def _said(replies: Sequence[Reply]) -> Counter[str]:
    """What was wrong with the user's own turns; a malformed one is still said, as far as it can be read."""
    return Counter(
        replies=len(replies),
        replies_malformed=sum(isinstance(reply.turn, Malformed) and not reply.refused for reply in replies),
        replies_refused=sum(reply.refused for reply in replies),
        replies_cut=sum(reply.cut for reply in replies),
        replies_too_long=sum(reply.dropped_turns > 0 for reply in replies),
    )


def _detail(dialogue: Dialogue, index: int, decision: Decision) -> dict[str, object]:
    """A decision as it stands in the samples. ``liked``: what the user said of what was recommended, if of one mind."""
    opinions = {dialogue.liked[i.id] for i in dialogue.turns[index].recommended if i.id in dialogue.liked}
    probability = None if decision.probability is None else round(decision.probability, 6)
    return {
        "turn": index,
        "verdict": str(decision.verdict),
        "probability": probability,
        "liked": opinions.pop() if len(opinions) == 1 else None,
        **({"problem": decision.problem} if decision.problem else {}),
        **({"raw": decision.raw} if decision.raw else {}),
    }


def _judged(samples: Sequence[Sample]) -> dict[tuple[int, int], tuple[float, bool]]:
    """The decisions whose item the user has an opinion of: their probability, and whether it was liked."""
    return {
        (number, decision["turn"]): (decision["probability"], decision["liked"])
        for number, sample in enumerate(samples)
        for decision in sample.detail.get("decisions", ())
        if decision.get("liked") is not None and decision["probability"] is not None
    }


def _compare_auc(
    a: Sequence[tuple[float, bool]], b: Sequence[tuple[float, bool]], users: Sequence[Hashable]
) -> Comparison | None:
    """Both runs are over the same data, and so have the same likes."""
    return compare_auc([p for p, _ in a], [p for p, _ in b], [liked for _, liked in a], users)


def _counterfactual(replay: Replay) -> dict[str, object]:
    """What became of the distractor: ``accepted`` says whether it is the first thing taken."""
    twin = replay.twin
    assert twin is not None
    target = replay.dialogue.target_turn()
    taken = next((index for index, decision in twin.decisions if decision.verdict is Verdict.ACCEPT), None)
    at_target = next((decision for index, decision in twin.decisions if index == target), None)
    probability = None if at_target is None or at_target.probability is None else round(at_target.probability, 6)
    gold, swapped = replay.dialogue.turns[target or 0].recommended, twin.dialogue.turns[target or 0].recommended
    item = next(item for item in swapped if item not in gold)
    return {"distractor": item.name, "accepted": taken == target, "probability": probability}


def _counterfactual_scores(samples: Sequence[Sample], seed: int, parts: Mapping[str, object]) -> list[Score]:
    """The distractor's rate of acceptance, and SR minus it over the same dialogues."""
    swaps = _swaps(samples)
    taken = [distractor for _, distractor in swaps.values()]
    differences = [target - distractor for target, distractor in swaps.values()]
    users = [samples[i].user for i in swaps]
    match: dict[str, Any] = {**parts, "distractor": "genre+decade", "draw": seed}
    return [
        rate("SR swapped", sum(taken), len(taken), direction="lower", **match),
        mean_score("SR - swapped", differences, users, direction="higher", seed=seed, **match),
    ]


def _swaps(samples: Sequence[Sample]) -> dict[int, tuple[bool, bool]]:
    """By position, of dialogues replayed both ways: whether the target was taken, and the distractor in its place."""
    return {
        i: (sample.outcome == SUCCESS, sample.detail["counterfactual"]["accepted"])
        for i, sample in enumerate(samples)
        if "counterfactual" in sample.detail and sample.outcome in REPLAYED
    }


def _accept_rates(samples: Sequence[Sample]) -> list[tuple[int, int, int]]:
    """By place among a dialogue's recommendations, from 1: the place, how many were accepted there, of how many."""
    accepted: Counter[int] = Counter()
    asked: Counter[int] = Counter()
    for sample in samples:
        for place, decision in enumerate(sample.detail["decisions"], start=1):
            asked[place] += 1
            accepted[place] += decision["verdict"] == Verdict.ACCEPT
    return [(place, accepted[place], asked[place]) for place in sorted(asked)]
