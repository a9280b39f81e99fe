"""A recommender at the turns where the gold recommender gives the target (paper, sections 4.3 and 5.2; Table 2)."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import chain
from typing import TYPE_CHECKING, Any, Literal

from interplay_bench.adapter import Ranker, Recommender, Reply, one_each
from interplay_bench.dialogue import Dialogue, Item, Role, View
from interplay_bench.errors import MisfitError, UsageError
from interplay_bench.markup import Malformed
from interplay_bench.metrics.breadth import breadth
from interplay_bench.metrics.distinct import distinct
from interplay_bench.metrics.intervals import mean_score
from interplay_bench.metrics.match_score import Match, choose_scorer, match, match_scores
from interplay_bench.metrics.ranking import found, gain, mrr, ndcg_at, recall_at, reciprocal
from interplay_bench.metrics.rates import rate
from interplay_bench.metrics.words import words
from interplay_bench.recognition import counted, identities, recognise, same
from interplay_bench.registry import task
from interplay_bench.results import Score
from interplay_bench.statistics import Comparison, compare_distinct, compare_means, compare_rates
from interplay_bench.stock import Stock
from interplay_bench.task import Paired, Sample, Task

if TYPE_CHECKING:
    from interplay_bench.match_score.scorer import Scorer

EVALUATED, BACKEND_ERROR = "evaluated", "backend_error"
NO_TARGET, NEVER_PROPOSED, NO_RECOMMENDER_TURN = "no_target", "never_proposed", "no_recommender_turn"
DEPTHS = (1, 10, 50)
SHAPE = "markup+dated+quoted"
"""What is read as a title; see :mod:`interplay_bench.recognition`."""
MENTIONS = 1000
"""More than a turn mentions: what numbers a dialogue's rows are told apart by."""

Parts = Mapping[str, Any]


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


@task("recommender")
class RecommenderTask(Task[Options, Recommender]):
    """Speak where the gold recommender gives the target: Recall@1, Match Score, Dist-4, words.

    A turn is judged by one item: the first it names that is news (see :mod:`interplay_bench.recognition`). Shares are
    over all such turns; of a malformed reply the readable words count, and the ledger says how many there were.
    """

    role = Role.RECOMMENDER
    metrics = (
        "Recall@1", "Match Score", "Dist-4", "words", "match coverage", "Match Score random", "Match Score corrected",
        "coverage", "hallucination", "repetition", "popularity", "catalogue coverage", "ranked Recall@1",
        "ranked Recall@10", "ranked Recall@50", "MRR", "NDCG@10", "NDCG@50", "Recall@10", "Recall@50",
        "Dist-2", "Dist-3",
    )  # fmt: skip
    Options = Options
    stock: Stock

    def prepare(self, stock: Stock) -> None:
        """What can be recommended, and how popular it is."""
        self.stock = stock

    @cached_property
    def scorer(self) -> Scorer | None:
        """What weighs a recommendation against the target; ``None`` where it is off, or where there is none."""
        return choose_scorer(self.options.match_score, self.stock.source.name)

    def check(self, model: Recommender) -> None:
        """Rankings are only asked of models that can rank."""
        if self.options.depth and not isinstance(model, Ranker):
            asked = "protocol=unicrs" if self.options.protocol == "unicrs" else f"ranking={self.options.ranking}"
            raise MisfitError(f"{type(model).__name__} cannot rank items, which --set {asked} needs: leave it out.")

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

    def scores(self, samples: Sequence[Sample]) -> list[Score]:
        """Rates with counts and Wilson intervals, means by bootstrap over users, Dist-n over all replies."""
        turns = [(turn, sample.user) for sample in samples for turn in sample.detail["recommendations"]]
        details, users = [turn for turn, _ in turns], [user for _, user in turns]
        parts = {"protocol": self.options.protocol, "v": self.version}
        if self.options.protocol == "unicrs":
            return self._unicrs(details, users, parts)
        texts = [turn["text"] for turn in details]
        hits = sum(turn["hit"] for turn in details)
        return [
            rate("Recall@1", hits, len(details), direction="higher", match="title+year", **parts),
            *self._match(details, users, parts),
            distinct(texts, 4, users),
            words(texts, users, seed=self.seed),
            *self._beside(details, users, parts),
            *(self._ranking(details, users, parts) if self.options.ranking else ()),
        ]

    def paired(self, samples: Sequence[Sample]) -> Mapping[str, Paired]:
        """Turn by turn: the hit, the match, what kind of item it was, the text, and the target's rank."""
        told = ((i, turn) for i, sample in enumerate(samples) for turn in sample.detail["recommendations"])
        turns = {(i, turn["turn"]): turn for i, turn in told}
        if self.options.protocol == "unicrs":
            return _paired_unicrs(turns)
        named = {point: turn for point, turn in turns.items() if turn["item"]}
        pairs = {
            "Recall@1": Paired(compare_rates, {point: turn["hit"] for point, turn in turns.items()}),
            "Match Score": Paired(compare_means, _known(turns, "match")),
            "match coverage": Paired(compare_rates, {p: bool(turn.get("both_known")) for p, turn in turns.items()}),
            "Dist-4": Paired(_compare_distinct, {point: turn["text"] for point, turn in turns.items()}),
            "words": Paired(compare_means, {point: len(turn["text"].split()) for point, turn in turns.items()}),
            "coverage": Paired(compare_rates, {point: turn["item"] is not None for point, turn in turns.items()}),
            "hallucination": Paired(compare_rates, {point: bool(turn["unknown"]) for point, turn in turns.items()}),
            "repetition": Paired(compare_rates, {point: turn["repeated"] for point, turn in named.items()}),
            "popularity": Paired(compare_means, _known(turns, "popularity")),
        }
        if self.options.ranking:
            ranks = {point: turn["rank"] for point, turn in turns.items()}
            for k in (k for k in DEPTHS if k <= self.options.ranking):
                pairs[f"ranked Recall@{k}"] = Paired(compare_rates, {p: found(rank, k) for p, rank in ranks.items()})
                if k > 1:  # of one place it is Recall@1
                    pairs[f"NDCG@{k}"] = Paired(compare_means, {p: gain(rank, k) for p, rank in ranks.items()})
            pairs["MRR"] = Paired(compare_means, {p: reciprocal(rank) for p, rank in ranks.items()})
        return pairs

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
        rankings = one_each(model.rank, views, list, self.options.depth)
        for item in chain.from_iterable(rankings):
            if not isinstance(item, Item):
                raise MisfitError(f"{type(model).__name__}.rank gives {item!r}, no Item: rank what browse() was shown.")
        return rankings

    def _detail(self, point: Point, reply: Reply) -> tuple[dict[str, Any], Item | None]:
        """A turn as it stands in the samples, and the item that it is judged by."""
        seen = recognise(reply, point.view, self.stock.catalog)
        item, repeated = counted(seen.items, point.view)
        percentile = None if item is None else self.stock.percentile(item)
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

    def _match(self, details: Sequence[Mapping[str, Any]], users: Sequence[str], parts: Parts) -> list[Score]:
        found = [Match(turn["match"], turn["both_known"]) if "match" in turn else None for turn in details]
        return match_scores(found, users, self.scorer, seed=self.seed, **parts)

    def _beside(self, details: Sequence[Mapping[str, Any]], users: Sequence[str], parts: Parts) -> list[Score]:
        """What kind of items are recommended."""
        named = [(turn, user) for turn, user in zip(details, users, strict=True) if turn["item"] is not None]
        popular = [(turn["popularity"], user) for turn, user in named if turn["popularity"] is not None]
        counts = "none" if self.stock.popularity is None else "train"
        size, invented = len(self.stock.items), sum(bool(turn["unknown"]) for turn in details)
        return [
            rate("coverage", len(named), len(details), direction="higher", catalogue=size, **parts),
            rate("hallucination", invented, len(details), direction="lower", shape=SHAPE, catalogue=size, **parts),
            rate("repetition", sum(t["repeated"] for t, _ in named), len(named), direction="lower", **parts),
            mean_score(
                "popularity", [value for value, _ in popular], [user for _, user in popular],
                direction=None, metric="popularity-percentile", seed=self.seed, counts=counts, catalogue=size, **parts,
            ),
            breadth([turn["item"] for turn in details], size, users, name="catalogue coverage", **parts),
        ]  # fmt: skip

    def _ranking(self, details: Sequence[Mapping[str, Any]], users: Sequence[str], parts: Parts) -> list[Score]:
        ranks, cut = [turn["rank"] for turn in details], self.options.ranking
        depths = [k for k in DEPTHS if k <= cut]
        return [
            *(recall_at(ranks, k, name=f"ranked Recall@{k}", **parts) for k in depths),
            mrr(ranks, cut, users, seed=self.seed, **parts),
            *(ndcg_at(ranks, k, users, seed=self.seed, **parts) for k in depths if k > 1),
        ]

    def _unicrs(self, details: Sequence[Mapping[str, Any]], users: Sequence[str], parts: Parts) -> list[Score]:
        """UniCRS's own metrics: Recall@k per item mentioned, Dist-n per response."""
        ranks = [rank for turn in details for _, rank in turn["ranks"]]
        texts = [turn["text"] for turn in details]
        return [
            *(recall_at(ranks, k, name=f"Recall@{k}", rows="mentioned-items", **parts) for k in DEPTHS),
            *(distinct(texts, n, users, definition="unicrs") for n in (2, 3, 4)),
            words(texts, users, seed=self.seed),
        ]

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


def _rankable(model: Recommender) -> frozenset[object]:
    assert isinstance(model, Ranker)
    return frozenset(identity for item in model.rankable() for identity in identities(item))


def _rows(gold: Sequence[Item], ranking: Sequence[Item], rankable: Set[object]) -> list[tuple[int, int | None]]:
    """The place of each gold item in its turn, and in the ranking; items that cannot be ranked have no row."""
    return [(i, _place(ranking, item)) for i, item in enumerate(gold) if not identities(item).isdisjoint(rankable)]


def _place(ranking: Sequence[Item], target: Item) -> int | None:
    """The target's place in a ranking, from 1."""
    return next((i for i, item in enumerate(ranking, start=1) if same(item, target)), None)


def _paired_unicrs(turns: Mapping[tuple[int, int], Mapping[str, Any]]) -> dict[str, Paired]:
    ranks = {(i, MENTIONS * at + place): rank for (i, at), turn in turns.items() for place, rank in turn["ranks"]}
    lengths = {point: len(turn["text"].split()) for point, turn in turns.items()}
    pairs = {f"Recall@{k}": Paired(compare_rates, {p: found(rank, k) for p, rank in ranks.items()}) for k in DEPTHS}
    for n in (2, 3, 4):
        compare = partial(_compare_distinct, n=n, definition="unicrs")
        pairs[f"Dist-{n}"] = Paired(compare, {point: turn["text"] for point, turn in turns.items()})
    return {**pairs, "words": Paired(compare_means, lengths)}


def _compare_distinct(
    a: Sequence[str], b: Sequence[str], users: Sequence[Hashable], n: int = 4, definition: str = "paper"
) -> Comparison | None:
    return compare_distinct(a, b, n, users, definition=definition)


def _known(turns: Mapping[tuple[int, int], Mapping[str, Any]], key: str) -> dict[tuple[int, int], float]:
    return {point: turn[key] for point, turn in turns.items() if turn.get(key) is not None}
