"""Multi-turn replay of a user simulator (paper, sections 4.3 and 5.1; Table 1, left half)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from interplay_bench.dialogues.counterfactual import Distractors, swap
from interplay_bench.dialogues.dialogue import Action, Dialogue, OracleView, Role, Turn, View
from interplay_bench.dialogues.markup import Malformed
from interplay_bench.environment.errors import UsageError
from interplay_bench.evaluation.metric import Metric, Point, Values
from interplay_bench.evaluation.sample import Sample
from interplay_bench.evaluation.sample_description import SampleDescription, TurnDescription
from interplay_bench.evaluation.task import Task, task
from interplay_bench.items.item_catalog import ItemCatalog
from interplay_bench.metrics.aggregation import Auc, Mean, Rate
from interplay_bench.metrics.balanced_accuracy import BalancedAccuracy
from interplay_bench.reports.acceptance_plot import draw_accept_rates
from interplay_bench.simulators.adapter import VERDICTS, Decision, Reply, UserSimulator, Verdict, one_each

SUCCESS, EARLY, FAILURE, LATE = "success", "early_termination", "failure", "late_accept"
NO_TARGET, NEVER_PROPOSED, BACKEND_ERROR = "no_target", "never_proposed", "backend_error"
REPLAYED = (SUCCESS, EARLY, FAILURE, LATE)


@dataclass(frozen=True, slots=True)
class Options:
    """What ``--set`` may change.

    ``history``: the user's earlier turns are the ``gold`` ones, or the simulator's ``self``-written replies.
    ``decide``: by ``score`` (weighing the actions) or by ``generate`` (writing a turn and reading its action).
    ``counterfactual``: each dialogue is also replayed with a distractor in the target's place: with ``swap`` an item of
    the dialogues that is of its genre and decade, with ``random`` any of the catalogue's.
    """

    history: Literal["gold", "self"] = "gold"
    decide: Literal["score", "generate"] = "score"
    counterfactual: Literal["none", "swap", "random"] = "none"

    def __post_init__(self) -> None:
        if self.replays_twins and self.history == "self":
            raise UsageError(
                f"counterfactual={self.counterfactual} compares decisions on the same history: use history=gold."
            )

    @property
    def replays_twins(self) -> bool:
        """Whether each dialogue is replayed with a distractor, too."""
        return self.counterfactual != "none"


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


def _outcomes(*bucket: str) -> Callable[[UserMultiturn, Sequence[Sample]], Values]:
    """Whether a replay ended in one of the bucket's places of the ledger."""
    return lambda task, samples: {
        (i, 0): sample.outcome in bucket for i, sample in enumerate(samples) if sample.outcome in REPLAYED
    }


def _judged(task: UserMultiturn, samples: Sequence[Sample]) -> Values | None:
    """The decisions whose item the user has an opinion of: their probability, and whether it was liked."""
    found = {
        (number, decision["turn"]): (decision["probability"], decision["liked"])
        for number, sample in enumerate(samples)
        for decision in sample.detail.get("decisions", ())
        if decision.get("liked") is not None and decision["probability"] is not None
    }
    return found or None


def _agreed(task: UserMultiturn, samples: Sequence[Sample]) -> Values | None:
    """The decisions on what people took or liked, or did not: whether the simulator takes it, and whether they did."""
    found = {
        (number, decision["turn"]): (decision["verdict"] == Verdict.ACCEPT, decision["liked"])
        for number, sample in enumerate(samples)
        if sample.outcome in REPLAYED
        for decision in sample.detail.get("decisions", ())
        if decision.get("liked") is not None
    }
    return found or None


def _swaps(task: UserMultiturn, samples: Sequence[Sample]) -> dict[Point, tuple[bool, bool]] | None:
    """Of dialogues replayed both ways: whether the target was taken, and the distractor in its place."""
    if not task.options.replays_twins:
        return None
    return {
        (i, 0): (sample.outcome == SUCCESS, sample.detail["counterfactual"]["accepted"])
        for i, sample in enumerate(samples)
        if "counterfactual" in sample.detail and sample.outcome in REPLAYED
    }


def _swapped(take: Callable[[bool, bool], Any]) -> Callable[[UserMultiturn, Sequence[Sample]], Values | None]:
    def values(task: UserMultiturn, samples: Sequence[Sample]) -> Values | None:
        swaps = _swaps(task, samples)
        return None if swaps is None else {point: take(*pair) for point, pair in swaps.items()}

    return values


def _parts(task: UserMultiturn) -> dict[str, object]:
    return {"history": task.options.history, "decide": task.options.decide, "late": "fr", "v": task.version}


def _swap_parts(task: UserMultiturn) -> dict[str, object]:
    distractor = "random" if task.options.counterfactual == "random" else "genre+decade"
    return {**_parts(task), "distractor": distractor, "draw": task.seed}


METRICS = (
    Metric("SR", "success rate, the target is accepted", Rate(), _outcomes(SUCCESS), "higher", _parts),
    Metric("ET", "early termination, something else is accepted before the target is proposed", Rate(),
           _outcomes(EARLY), None, _parts),
    Metric("FR", "failure rate, all is rejected, or the target is", Rate(), _outcomes(FAILURE, LATE), "lower", _parts),
    Metric("decision AUC", "P(accept) ranks what was liked above what was not", Auc(), _judged, "higher", _parts,
           cluster="dialogue", main=False, empty="no probabilities of acceptance, or no opinions to rank them by"),
    Metric("agreement with people", "takes what people took, and leaves what they left", BalancedAccuracy(), _agreed,
           "higher", _parts, cluster="dialogue", main=False, empty="the data say of no item whether people liked it"),
    Metric("SR swapped", "a distractor in the target's place is accepted", Rate(),
           _swapped(lambda target, other: other), "lower", _swap_parts),
    Metric("SR - swapped", "what of SR is preference for the target", Mean(),
           _swapped(lambda target, other: target - other), "higher", _swap_parts),
)  # fmt: skip


@task("user_multiturn")
class UserMultiturn(Task[Options, UserSimulator]):
    """Walk through a recommender's turns and accept or reject each: SR, ET, FR.

    SR: the target is accepted. ET: something else is accepted before the target is proposed. FR: all is rejected.
    A decision answers a whole turn. Taking something after having turned down the target (``late_accept`` in the
    ledger) is outside the paper's three buckets and counts as FR, as the signature says.
    """

    role = Role.USER
    metrics = METRICS
    Options = Options
    distractors: Distractors

    def prepare(self, catalog: ItemCatalog) -> None:
        """Matched distractors are drawn from the items of the dialogues, random ones from the whole catalogue."""
        if self.options.counterfactual == "random":
            self.distractors = Distractors(catalog.items, self.seed, "random")
        else:
            self.distractors = Distractors(catalog.source.items, self.seed)

    def evaluate(self, model: UserSimulator, dialogues: Sequence[Dialogue]) -> list[Sample]:
        """Replay each dialogue that proposes its target; account for the others."""
        replays = [Replay(dialogue) for dialogue in dialogues]
        playable = [replay for replay in replays if replay.dialogue.target_turn() is not None]
        if self.options.replays_twins:
            for replay in playable:
                replay.twin = self._twin(replay.dialogue)
        if self.options.history == "gold":
            every = [*playable, *(replay.twin for replay in playable if replay.twin is not None)]
            self._decide(model, [(replay, index) for replay in every for index in replay.dialogue.proposals()])
        else:
            self._converse(model, playable)
        return [_sample(replay) for replay in replays]

    def draw(self, samples: Sequence[Sample], folder: Path) -> None:
        """With a counterfactual, plot how often each recommendation is accepted by its place."""
        if self.options.replays_twins:
            draw_accept_rates(_accept_rates(samples), folder / "accept_rate.png")

    def describe(self, sample: Sample, dialogue: Dialogue) -> SampleDescription:
        """Each decision at the turn that it answers; with ``history=self``, what was said in the gold turn's place."""
        turns = {decision["turn"]: _described(decision) for decision in sample.detail["decisions"]}
        spoken = [(index, turn.text) for index, turn in enumerate(dialogue.turns) if turn.role is Role.USER]
        for (index, gold), text in zip(spoken, sample.detail.get("said", ()), strict=False):
            if text != gold:
                turns[index] = TurnDescription(reply=text)
        return SampleDescription(turns)

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
    """A decision as it stands in the samples. ``liked``: whether the person took or liked what was proposed."""
    probability = None if decision.probability is None else round(decision.probability, 6)
    return {
        "turn": index,
        "verdict": str(decision.verdict),
        "probability": probability,
        "liked": dialogue.opinion(index),
        **({"problem": decision.problem} if decision.problem else {}),
        **({"raw": decision.raw} if decision.raw else {}),
    }


def _described(decision: Mapping[str, Any]) -> TurnDescription:
    problem = (decision["problem"],) if "problem" in decision else ()
    return TurnDescription(decision["verdict"], decision["probability"], remarks=problem)


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


def _accept_rates(samples: Sequence[Sample]) -> list[tuple[int, int, int]]:
    """By place among a dialogue's recommendations, from 1: the place, how many were accepted there, of how many."""
    accepted: Counter[int] = Counter()
    asked: Counter[int] = Counter()
    for sample in samples:
        for place, decision in enumerate(sample.detail["decisions"], start=1):
            asked[place] += 1
            accepted[place] += decision["verdict"] == Verdict.ACCEPT
    return [(place, accepted[place], asked[place]) for place in sorted(asked)]
