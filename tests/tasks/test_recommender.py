"""Hand-written turns, checked by hand: what is recommended, what is a hit, what is made up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest

from interplay_bench import (
    Action,
    Dialogue,
    DialogueSet,
    Item,
    Mention,
    Persona,
    Preprocessing,
    Role,
    SeenItem,
    Turn,
    View,
)
from interplay_bench.dialogues.markup import Malformed, parse
from interplay_bench.environment.errors import IncompatibleModelError, UsageError
from interplay_bench.evaluation.evaluate import evaluate
from interplay_bench.evaluation.run import Run
from interplay_bench.evaluation.run_comparison import compare
from interplay_bench.evaluation.task import TASKS
from interplay_bench.items.item_catalog import ItemCatalog
from interplay_bench.reports.transcript import transcripts
from interplay_bench.simulators.adapter import Recommender, Reply

MATRIX, HEAT, RONIN, ALIEN, DUNE = FILMS = (
    Item("1", "The Matrix", 1999), Item("2", "Heat", 1995), Item("3", "Ronin", 1998), Item("4", "Alien", 1979),
    Item("5", "Dune", 1984),
)  # fmt: skip


def said(role: Role, action: Action, text: str, *items: Item) -> Turn:
    places = [(text.index(item.name), item) for item in items]
    mentions = tuple(Mention(item, at, at + len(item.name)) for at, item in places)
    return Turn(role, action, text, mentions, items if role is Role.RECOMMENDER else ())


def dialogue(number: int, target: Item | None = MATRIX, proposed: Item = MATRIX) -> Dialogue:
    """The user names Heat, has seen Dune; Ronin is recommended first, then ``proposed``."""
    turns = (
        said(Role.USER, Action.DISCLOSE_GOAL, "I liked Heat (1995).", HEAT),
        said(Role.RECOMMENDER, Action.RECOMMEND, "Try Ronin (1998).", RONIN),
        said(Role.USER, Action.FEEDBACK, "No, something like Blade Runner."),
        said(Role.RECOMMENDER, Action.RECOMMEND, f"Then {proposed.name}.", proposed),
    )
    return Dialogue(f"d{number}", f"u{number}", Persona("", (SeenItem(DUNE, "long"),), "robots"), target, turns)


class Lines(Recommender):
    """Says its lines, one in each dialogue."""

    def __init__(self, *lines: str) -> None:
        self.lines = list(lines)
        self.views: list[View] = []

    def respond(self, views: Sequence[View]) -> list[Reply]:
        self.views += views
        lines = [self.lines.pop(0) for _ in views]
        return [Reply(Malformed("refused", ""), "", refused=True) if not s else Reply(_read(s), s) for s in lines]


def _read(line: str) -> Turn | Malformed:
    return parse(line if line.startswith("<") else f"<action><recommend></action><response>{line}</response>",
                 Role.RECOMMENDER)  # fmt: skip


class Shelf(Lines):
    """Ranks the films in one order."""

    def rankable(self) -> Sequence[Item]:
        return FILMS[:4]

    def rank(self, views: Sequence[View], k: int) -> list[list[Item]]:
        return [[ALIEN, Item("other", "Matrix, The", 1999), HEAT][:k] for _ in views]


def dataset(*dialogues: Dialogue) -> DialogueSet:
    return DialogueSet("films", "test", dialogues, FILMS, Preprocessing(len(dialogues)))


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., Run]:
    def evaluated(model: Recommender, *dialogues: Dialogue, name: str = "run", **settings: str) -> Run:
        chosen = dialogues or tuple(map(dialogue, range(len(getattr(model, "lines", "")))))
        settings = {"match_score": "off", **settings}
        return evaluate("recommender", model, dataset(*chosen), settings=settings, output=tmp_path / name)

    return evaluated


TURNS = [  # what is said at the target's turn: is it the target, which item counts, no news?, what is made up
    ("You may enjoy <movie_title>The Matrix (1999)</movie_title>.", True, "1", False, []),
    ("You may enjoy <movie_title>Matrix, The (1999)</movie_title>.", True, "1", False, []),
    ("You may enjoy <movie_title>matrix</movie_title>.", True, "1", False, []),
    ("You may enjoy The Matrix.", True, "1", False, []),
    ("How about Matrix, The (1999)?", True, "1", False, []),
    ('Since you liked Heat (1995), see "The Matrix".', True, "1", False, []),
    ("Unlike Dune (1984), which you know, The Matrix (1999) has robots.", True, "1", False, []),
    ("Alien (1979), or The Matrix (1999).", False, "4", False, []),
    ("Ronin (1998) again?", False, "3", True, []),
    ("You should see Dune (1984).", False, "5", True, []),
    ("What do you like?", False, None, False, []),
    ("See <movie_title>The Quiet Robots</movie_title>.", False, None, False, ["The Quiet Robots"]),
    ("I suggest The Quiet Robots (2001).", False, None, False, ["The Quiet Robots (2001)"]),
    ('I suggest "The Quiet Robots".', False, None, False, ["The Quiet Robots"]),
    ("The Matrix (1999) beats <movie_title>Quiet Robots</movie_title>.", False, None, False, ["Quiet Robots"]),
    ('So "Blade Runner" is the kind.', False, None, False, []),
    ('They say "Yes" and "we want more" a lot.', False, None, False, []),
    ("The Matrix (2017) is new.", False, None, False, ["The Matrix (2017)"]),
    ("<action><recommend> <movie_title>The Matrix</movie_title> is it", True, "1", False, []),
    ("<action><inquire></action><response>Have you seen Alien (1979)?</response>", False, "4", False, []),
]


def test_turns_are_read_as_a_person_reads_them(run: Callable[..., Run]) -> None:
    samples = run(Lines(*(line for line, *_ in TURNS))).samples
    details = [turn for sample in samples for turn in sample.detail["recommendations"]]
    found = [(turn["hit"], turn["item"], turn["repeated"], turn["unknown"]) for turn in details]
    assert dict(zip(range(20), found, strict=True)) == dict(enumerate(tuple(turn[1:]) for turn in TURNS))


def test_scores_count_what_was_checked_by_hand(run: Callable[..., Run]) -> None:
    finished = run(Lines(*(line for line, *_ in TURNS)))
    found = {name: (score.count, score.total) for name, score in finished.scores.items()}
    assert found["Recall@1"] == (8, 20)
    assert found["coverage"] == (12, 20)
    assert found["repetition"] == (2, 12)
    assert found["hallucination"] == (5, 20)
    assert found["catalogue coverage"] == (4, 5)
    assert finished["catalogue coverage"].n == 20  # turns asked, whatever was named in them
    assert finished["popularity"].value is None
    assert "counts:none" in finished["popularity"].signature
    assert finished.ledger.counts["replies_malformed"] == 1


def test_the_model_speaks_from_the_gold_history_without_the_target(run: Callable[..., Run]) -> None:
    model = Lines("Hi.")
    run(model)
    (view,) = model.views
    assert view.role is Role.RECOMMENDER
    assert len(view.turns) == 3
    assert view.persona.target_attributes == ""
    assert "Matrix" not in repr(view)


def test_every_dialogue_has_its_place_in_the_ledger(run: Callable[..., Run]) -> None:
    dialogues = (dialogue(0), dialogue(1, None), dialogue(2, MATRIX, ALIEN), dialogue(3))
    finished = run(Lines("Alien (1979)", ""), *dialogues)
    outcomes = {"evaluated": 1, "no_target": 1, "never_proposed": 1, "backend_error": 1}
    assert finished.ledger.outcomes == outcomes
    assert finished["Recall@1"].total == 1


def test_a_ranking_has_its_metrics(run: Callable[..., Run]) -> None:
    finished = run(Shelf("Heat (1995)", "See The Matrix."), ranking="10")
    assert finished["ranked Recall@1"].value == 0
    assert finished["ranked Recall@10"].value == 1
    assert finished["MRR"].value == 0.5
    assert finished["NDCG@10"].value == pytest.approx(0.6309, abs=1e-4)
    assert "ranked Recall@50" not in finished.scores
    assert finished["Recall@1"].count == 1


def test_who_cannot_rank_says_so_in_one_line(run: Callable[..., Run]) -> None:
    with pytest.raises(IncompatibleModelError, match="Lines cannot rank items, which --set ranking=3 needs"):
        run(Lines("Hi."), ranking="3")
    with pytest.raises(IncompatibleModelError, match="protocol=unicrs"):
        run(Lines("Hi."), protocol="unicrs")
    with pytest.raises(UsageError, match="ranking must be at least 1"):
        run(Lines("Hi."), ranking="-1")


def test_replies_and_rankings_that_are_none_are_named(run: Callable[..., Run]) -> None:
    class Mute(Lines):
        def respond(self, views: Sequence[View]) -> list[Reply]:
            return None  # type: ignore[return-value]

    class Unranked(Shelf):
        def rank(self, views: Sequence[View], k: int) -> list[list[Item]]:
            return [ranking[0] for ranking in super().rank(views, k)]  # type: ignore[misc]

    class Titles(Shelf):
        def rank(self, views: Sequence[View], k: int) -> list[list[Item]]:
            return [["Heat (1995)"] for _ in views]  # type: ignore[list-item]

    with pytest.raises(IncompatibleModelError, match=r"Mute\.respond returns None, no list"):
        run(Mute("Hi."))
    with pytest.raises(IncompatibleModelError, match=r"Unranked\.rank answers a view with .*, no list"):
        run(Unranked("Hi."), ranking="3", name="unranked")
    with pytest.raises(IncompatibleModelError, match=r"Titles\.rank gives 'Heat \(1995\)', no Item"):
        run(Titles("Hi."), ranking="3", name="titles")


def test_unicrs_has_a_row_for_each_item_mentioned_that_can_be_ranked(run: Callable[..., Run]) -> None:
    dialogues = (dialogue(0), dialogue(1, DUNE, DUNE), dialogue(2, ALIEN, ALIEN))
    finished = run(Shelf("a b", "a c", "a b", "d", "", "a b"), *dialogues, protocol="unicrs")
    # Ronin three times (not ranked), Matrix (second), Alien (first); Dune cannot be ranked, and one reply was refused.
    assert (finished["Recall@1"].count, finished["Recall@1"].total) == (1, 4)
    assert (finished["Recall@50"].count, finished["Recall@50"].total) == (2, 4)
    assert (finished["Dist-2"].count, finished["Dist-2"].total) == (2, 5)
    assert "denom:responses" in finished["Dist-2"].signature


def test_two_runs_are_compared_turn_by_turn(run: Callable[..., Run]) -> None:
    good = run(Shelf(*["The Matrix (1999)"] * 8), name="good", ranking="10")
    poor = run(Shelf(*["Heat (1995)"] * 8), name="poor", ranking="10")
    found = compare(poor, good)
    assert found["Recall@1"].found.effect == 1
    assert found["Recall@1"].found.p == pytest.approx(2 / 2**8)
    assert found["repetition"].found.effect == -1
    assert found["MRR"].found.effect == 0
    assert {"coverage", "hallucination", "words", "ranked Recall@10", "NDCG@10"} <= found.keys()


class Years:
    """A scorer by the years alone; it does not know Dune."""

    identity = "years-v1"
    domains = frozenset({"book"})

    def similarity(self, a: Item, b: Item) -> float | None:
        return None if DUNE in (a, b) else 1 - abs((a.year or 0) - (b.year or 0)) / 20

    def random_pairs(self, n: int = 10000, seed: int = 0) -> float:
        return fmean(self.similarity(a, b) or 0.0 for a, b in combinations(FILMS[:4], 2))


def test_match_score_with_its_coverage_and_floor() -> None:
    task: Any = TASKS.find("recommender").from_settings({"match_score": "auto"})
    dialogues = [*(dialogue(n) for n in range(4)), dialogue(4, DUNE, DUNE)]
    task.prepare(ItemCatalog(dataset(*dialogues), lambda: None))
    task.scorer = Years()
    lines = ["The Matrix (1999)", "Alien (1979)", "Dune (1984)", "Hello.", "Heat (1995)"]
    samples = task.evaluate(Lines(*lines), dialogues)
    scores = {score.name: score for score in task.scores(samples)}
    assert scores["Match Score"].value == pytest.approx((1 + 0 + 0 + 0) / 4)  # who looks for Dune is left out
    assert scores["Match Score"].n == 4
    assert (scores["match coverage"].count, scores["match coverage"].total) == (2, 5)
    coverage = next(metric for metric in task.metrics if metric.name == "match coverage")
    assert list(coverage.values(task, samples).values()) == [True, True, False, False, False]
    floor = scores["Match Score random"].value
    assert floor == pytest.approx(1 - (4 + 1 + 20 + 3 + 16 + 19) / 6 / 20)
    assert scores["Match Score corrected"].value == pytest.approx((0.25 - floor) / (1 - floor))
    assert "scorer:years-v1" in scores["Match Score"].signature


@pytest.mark.parametrize(("model", "recalled"), [("popularity", 0), ("random-item", 0), ("bm25", 20)])
def test_controls_run_on_the_sample(tmp_path: Path, model: str, recalled: int) -> None:
    settings = {"ranking": "50", "match_score": "off"}
    finished = evaluate("recommender", model, settings=settings, output=tmp_path / "run")
    hits = finished["Recall@1"].count or 0
    assert hits == finished["ranked Recall@1"].count
    assert hits >= recalled
    assert finished["coverage"].count == 120
    assert finished["hallucination"].count == finished["repetition"].count == 0
    assert sum("(the target)" in text for text in transcripts(finished)) == hits


def test_a_ranking_longer_than_was_asked_for_is_cut(tmp_path: Path) -> None:
    """A model that gives more items than K is judged by its first K, like any other."""

    class Generous(Lines):
        def rankable(self) -> list[Item]:
            return list(FILMS)

        def rank(self, views: Sequence[View], k: int) -> list[list[Item]]:
            others = [film for film in FILMS if film != MATRIX]
            return [[*others[:k], MATRIX] for _ in views]

    task: Any = TASKS.find("recommender").from_settings({"ranking": "2", "match_score": "off"})
    dialogues = [dialogue(n) for n in range(2)]
    task.prepare(ItemCatalog(dataset(*dialogues), lambda: None))
    samples = task.evaluate(Generous("Hm.", "Hm."), dialogues)
    assert all(sample.detail["recommendations"][0]["rank"] is None for sample in samples)
    scores = {score.name: score for score in task.scores(samples)}
    assert scores["MRR"].value == 0
    assert scores["ranked Recall@1"].value == 0
