"""A recommender at the turns where the gold recommender gives the target (paper, sections 4.3 and 5.2; Table 2)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import chain
from typing import TYPE_CHECKING, Any, Literal

from interplay_bench.dialogues.dialogue import Dialogue, Item, Role, View
from interplay_bench.dialogues.markup import Malformed
from interplay_bench.environment.errors import IncompatibleModelError, UsageError
from interplay_bench.evaluation.match_metrics import match_metrics
from interplay_bench.evaluation.metric import Metric, Values
from interplay_bench.evaluation.sample import Sample
from interplay_bench.evaluation.sample_description import SampleDescription, TurnDescription
from interplay_bench.evaluation.task import Task, task
from interplay_bench.items.item_catalog import ItemCatalog
from interplay_bench.items.title_recognition import counted, identities, recognise, same
from interplay_bench.metrics.aggregation import Distinct, Mean, Rate
from interplay_bench.metrics.catalog_coverage import CatalogCoverage
from interplay_bench.metrics.match_score.match_score import Match, choose_scorer, match
from interplay_bench.metrics.ranking import Rank, found, gain, reciprocal
from interplay_bench.metrics.words import WORDS, word_count
from interplay_bench.simulators.adapter import Ranker, Recommender, Reply, one_each

if TYPE_CHECKING:
    from interplay_bench.metrics.match_score.scorer import Scorer

EVALUATED, BACKEND_ERROR = "evaluated", "backend_error"
NO_TARGET, NEVER_PROPOSED, NO_RECOMMENDER_TURN = "no_target", "never_proposed", "no_recommender_turn"
DEPTHS = (1, 10, 50)
SHAPE = "markup+dated+quoted"
"""What is read as a title; see :mod:`interplay_bench.items.title_recognition`."""
MENTIONS = 1000
"""Upper bound on mentions per turn; makes (turn, mention) a unique key."""

Detail = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Options:
    """What ``--set`` may change.

    ``ranking``: with K, a model that can rank also gives its K best items. ``protocol``: the ``paper``'s, or
    ``unicrs``: every gold recommender's turn but an opening one, a row per item that it mentions (news or not) and the
    model can rank, Recall@k from the ranking, and Dist-n per response (Wang et al. 2022; their released code also
    makes rows of the user's turns, and of entities that are no items). ``match_score``: ``auto`` (by the scorer that
    fits the data, if there is one), ``off``, or a scorer's path.
    """

    ranking: int = 0
    protocol: Literal["paper", "unicrs"] = "paper"
    match_score: str = "auto"

    def __post_init__(self) -> None:
        if self.ranking < 0:
            raise UsageError(f"ranking must be at least 1, or 0 for none, not {self.ranking}.")

    @property
    def depth(self) -> int:
        """How many items a ranking holds; 0 where none is asked for."""
        return max(self.ranking, DEPTHS[-1]) if self.protocol == "unicrs" else self.ranking


@dataclass(frozen=True, slots=True)
class Point:
    """A turn that the model is to speak: the dialogue's place in the batch, the turn's index, and what it knows."""

    number: int
    turn: int
    view: View


def _each(
    protocol: str, value: Callable[[Detail], Any], among: Callable[[Detail], bool] = lambda turn: True
) -> Callable[[RecommenderTask, Sequence[Sample]], Values | None]:
    """A value of each judged turn under a protocol; ``among``: only of some."""

    def values(task: RecommenderTask, samples: Sequence[Sample]) -> Values | None:
        if task.options.protocol != protocol:
            return None
        turns = ((i, turn) for i, sample in enumerate(samples) for turn in sample.detail["recommendations"])
        return {(i, turn["turn"]): value(turn) for i, turn in turns if among(turn)}

    return values


_paper = partial(_each, "paper")


def _ranked(k: int, value: Callable[[Rank], Any]) -> Callable[[RecommenderTask, Sequence[Sample]], Values | None]:
    """A value of the target's rank, where rankings are ``k`` deep."""
    each = _paper(lambda turn: value(turn["rank"]))
    return lambda task, samples: each(task, samples) if task.options.ranking >= k else None


def _reciprocals(task: RecommenderTask, samples: Sequence[Sample]) -> Values | None:
    cut = task.options.ranking
    return _paper(lambda turn: reciprocal(turn["rank"], cut))(task, samples) if cut else None


def _mentioned(k: int) -> Callable[[RecommenderTask, Sequence[Sample]], Values | None]:
    """UniCRS's rows: whether each item that a gold turn mentions is among the first ``k`` ranked."""

    def values(task: RecommenderTask, samples: Sequence[Sample]) -> Values | None:
        if task.options.protocol != "unicrs":
            return None
        turns = ((i, turn) for i, sample in enumerate(samples) for turn in sample.detail["recommendations"])
        return {(i, MENTIONS * t["turn"] + at): found(rank, k) for i, t in turns for at, rank in t["ranks"]}

    return values


_matches = _paper(lambda turn: Match(turn["match"], turn["both_known"]) if "match" in turn else None)


def _parts(**more: object) -> Callable[[RecommenderTask], Mapping[str, object]]:
    return lambda task: {**more, "protocol": task.options.protocol, "v": task.version}


def _of_catalog(**more: object) -> Callable[[RecommenderTask], Mapping[str, object]]:
    return lambda task: {**more, "catalogue": len(task.catalog.items), **_parts()(task)}


def _of_popularity(task: RecommenderTask) -> Mapping[str, object]:
    return _of_catalog(counts="none" if task.catalog.popularity is None else "train")(task)


def _names_item(turn: Detail) -> bool:
    return turn["item"] is not None


METRICS = (
    Metric("Recall@1", "the recommended item is the target", Rate(), _paper(lambda turn: turn["hit"]), "higher",
           _parts(match="title+year")),
    *match_metrics(_matches, _parts(), paired=True),
    Metric("Dist-4", "share of different 4-grams among all replies'", Distinct(4), _paper(lambda turn: turn["text"]),
           "higher"),
    Metric("words", "words in a reply", Mean(), _paper(lambda turn: word_count(turn["text"])), None,
           lambda task: WORDS),
    Metric("coverage", "a turn names an item of the catalogue", Rate(), _paper(lambda turn: turn["item"] is not None),
           "higher", _of_catalog(), main=False),
    Metric("hallucination", "a turn names an item that the catalogue lacks", Rate(),
           _paper(lambda turn: bool(turn["unknown"])), "lower", _of_catalog(shape=SHAPE), main=False),
    Metric("repetition", "the recommended item was named before", Rate(),
           _paper(lambda turn: turn["repeated"], _names_item), "lower", _parts(), main=False),
    Metric("popularity", "popularity percentile of the recommended item", Mean("popularity-percentile"),
           _paper(lambda turn: turn["popularity"], lambda turn: turn["popularity"] is not None), None, _of_popularity,
           main=False),
    Metric("catalogue coverage", "share of the catalogue that is ever recommended",
           lambda task: CatalogCoverage(len(task.catalog.items)), _paper(lambda turn: turn["item"]), None, _parts(),
           paired=False, main=False),
    *(Metric(f"ranked Recall@{k}", f"the target is among the first {k} ranked", Rate(), _ranked(k, partial(found, k=k)),
             "higher", _parts(), main=False) for k in DEPTHS),
    Metric("MRR", "one by the target's rank", lambda task: Mean(f"mrr@{task.options.ranking}"), _reciprocals, "higher",
           _parts(), main=False),
    # Without NDCG@1, which is Recall@1.
    *(Metric(f"NDCG@{k}", f"discounted gain of the target within the first {k}", Mean(f"ndcg@{k}"),
             _ranked(k, partial(gain, k=k)), "higher", _parts(), main=False) for k in DEPTHS if k > 1),
    *(Metric(f"Recall@{k}", f"a mentioned item is among the first {k} ranked (protocol=unicrs)", Rate(), _mentioned(k),
             "higher", _parts(rows="mentioned-items")) for k in DEPTHS),
    *(Metric(f"Dist-{n}", f"different {n}-grams per response (protocol=unicrs)", Distinct(n, "unicrs"),
             _each("unicrs", lambda turn: turn["text"]), "higher") for n in (2, 3, 4)),
    Metric("words", "words in a reply", Mean(), _each("unicrs", lambda turn: word_count(turn["text"])), None,
           lambda task: WORDS),
)  # fmt: skip


@task("recommender")
class RecommenderTask(Task[Options, Recommender]):
    """Speak where the gold recommender gives the target: Recall@1, Match Score, Dist-4, words.

    A turn is judged by one item: the first it names that is news (see :mod:`title_recognition`). Shares are
    over all such turns; of a malformed reply the readable words count, and the ledger says how many there were.
    """

    role = Role.RECOMMENDER
    metrics = METRICS
    Options = Options
    catalog: ItemCatalog

    def prepare(self, catalog: ItemCatalog) -> None:
        """What can be recommended, and how popular it is."""
        self.catalog = catalog

    @cached_property
    def scorer(self) -> Scorer | None:
        """What weighs a recommendation against the target; ``None`` where it is off, or where there is none."""
        return choose_scorer(self.options.match_score, self.catalog.source)

    def resolved(self) -> Mapping[str, object]:
        """The scorer: a run that began with one is not finished with another."""
        return {"match_score": None if self.scorer is None else self.scorer.identity}

    def check(self, model: Recommender) -> None:
        """Rankings are only asked of models that can rank."""
        if self.options.depth and not isinstance(model, Ranker):
            asked = "protocol=unicrs" if self.options.protocol == "unicrs" else f"ranking={self.options.ranking}"
            raise IncompatibleModelError(
                f"{type(model).__name__} cannot rank items, which --set {asked} needs: leave it out."
            )

    def evaluate(self, model: Recommender, dialogues: Sequence[Dialogue]) -> list[Sample]:
        """Let the model speak, and rank, at each turn of ``dialogues`` that is to be judged."""
        points = [
            Point(number, turn, dialogue.view(Role.RECOMMENDER, turn))
            for number, dialogue in enumerate(dialogues)
            for turn in self._turns(dialogue)
        ]
        views = [point.view for point in points]
        ranked = self._rank(model, views)
        rankable = _rankable(model) if self.options.protocol == "unicrs" else frozenset()
        replies = one_each(model.respond, views, Reply)
        details: list[list[dict[str, Any]]] = [[] for _ in dialogues]
        spoken: list[list[Reply]] = [[] for _ in dialogues]
        for point, reply, ranking in zip(points, replies, ranked, strict=True):
            spoken[point.number].append(reply)
            if not reply.refused:
                detail, item = self._detail(point, reply)
                gold = dialogues[point.number]
                if self.options.protocol == "unicrs":
                    detail["ranks"] = _rows(gold.turns[point.turn].items, ranking, rankable)
                elif gold.target is not None:
                    detail |= self._judged(gold.target, item, ranking)
                details[point.number].append(detail)
        return [self._sample(*each) for each in zip(dialogues, spoken, details, strict=True)]

    def describe(self, sample: Sample, dialogue: Dialogue) -> SampleDescription:
        """The reply beside the turn that it stands for, and what its recommendation is."""
        return SampleDescription({turn["turn"]: _described(turn) for turn in sample.detail["recommendations"]})

    def _turns(self, dialogue: Dialogue) -> list[int]:
        """The indices of the turns that the model is to speak."""
        if self.options.protocol == "paper":
            target = dialogue.target_turn()
            return [] if target is None else [target]
        turns = enumerate(dialogue.turns)
        return [i for i, turn in turns if i and turn.role is Role.RECOMMENDER and not turn.scripted]

    def _rank(self, model: Recommender, views: Sequence[View]) -> Sequence[Sequence[Item]]:
        if not self.options.depth:
            return [()] * len(views)
        assert isinstance(model, Ranker)
        # What lies below the depth that was asked for is not judged.
        rankings = [ranking[: self.options.depth] for ranking in one_each(model.rank, views, list, self.options.depth)]
        for item in chain.from_iterable(rankings):
            if not isinstance(item, Item):
                raise IncompatibleModelError(
                    f"{type(model).__name__}.rank gives {item!r}, no Item: rank what set_catalog() was shown."
                )
        return rankings

    def _detail(self, point: Point, reply: Reply) -> tuple[dict[str, Any], Item | None]:
        """A turn as it stands in the samples, and the item that it is judged by."""
        seen = recognise(reply.turn, reply.raw, point.view, self.catalog.titles)
        item, repeated = counted(seen.items, point.view)
        percentile = None if item is None else self.catalog.percentile(item)
        wrong = reply.turn if isinstance(reply.turn, Malformed) else None
        detail = {
            "turn": point.turn,
            "action": None if isinstance(reply.turn, Malformed) else str(reply.turn.action),
            "text": reply.text,
            "item": None if item is None else item.id,
            "unknown": list(seen.unknown),
            "repeated": repeated,
            "popularity": None if percentile is None else round(percentile, 6),
            **({"raw": reply.raw, "problem": wrong.reason} if wrong else {}),
        }
        return detail, item

    def _judged(self, target: Item, item: Item | None, ranking: Sequence[Item]) -> dict[str, Any]:
        """What the paper's protocol says of a turn: is it the target, how near is it, where is the target ranked."""
        judged: dict[str, Any] = {"hit": item is not None and same(item, target)}
        near = None if self.scorer is None else match(self.scorer, () if item is None else (item,), target)
        judged |= {} if near is None else {"match": round(near.value, 6), "both_known": near.known}
        return judged | ({"rank": _place(ranking, target)} if self.options.ranking else {})

    def _sample(self, dialogue: Dialogue, replies: Sequence[Reply], details: Sequence[Mapping[str, Any]]) -> Sample:
        heard = [reply for reply in replies if not reply.refused]
        counts = {
            "replies": len(replies),
            "replies_empty": sum(not reply.text.strip() for reply in heard),
            "replies_malformed": sum(isinstance(reply.turn, Malformed) for reply in heard),
            "replies_refused": len(replies) - len(heard),
            "replies_cut": sum(reply.cut for reply in heard),
            "replies_too_long": sum(reply.dropped_turns > 0 for reply in heard),
            "tokens_written": sum(reply.completion_tokens or 0 for reply in heard),
            "titles_unknown": sum(len(turn["unknown"]) for turn in details),
        }
        outcome = EVALUATED if heard else BACKEND_ERROR if replies else self._nothing(dialogue)
        return Sample(dialogue.id, dialogue.user_id, outcome, counts, {"recommendations": list(details)})

    def _nothing(self, dialogue: Dialogue) -> str:
        """Why a dialogue has no turn to be judged."""
        if self.options.protocol == "unicrs":
            return NO_RECOMMENDER_TURN
        return NO_TARGET if dialogue.target is None else NEVER_PROPOSED


def _described(turn: Mapping[str, Any]) -> TurnDescription:
    repeated = ("recommends what was named before",) if turn["repeated"] and not turn.get("hit") else ()
    return TurnDescription(
        action=turn["action"] or turn.get("problem"),
        reply=turn["text"],
        remarks=(*repeated, *(f"made up: {title}" for title in turn["unknown"])),
        reveals="the target" if turn.get("hit") else None,
    )


def _rankable(model: Recommender) -> frozenset[object]:
    assert isinstance(model, Ranker)
    return frozenset(identity for item in model.rankable() for identity in identities(item))


def _rows(gold: Sequence[Item], ranking: Sequence[Item], rankable: Set[object]) -> list[tuple[int, int | None]]:
    """The place of each gold item in its turn, and in the ranking; items that cannot be ranked have no row."""
    return [(i, _place(ranking, item)) for i, item in enumerate(gold) if not identities(item).isdisjoint(rankable)]


def _place(ranking: Sequence[Item], target: Item) -> int | None:
    """The target's place in a ranking, from 1."""
    return next((i for i, item in enumerate(ranking, start=1) if same(item, target)), None)
