"""The numbers of a simulated corpus.

Shares of dialogues are over those that no backend cut short; scripted turns are left out of everything.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from interplay_bench.dialogues.dialogue import Action, Role, Turn
from interplay_bench.evaluation.match_metrics import match_metrics
from interplay_bench.evaluation.metric import Metric, Point, Values
from interplay_bench.evaluation.sample import Sample
from interplay_bench.metrics.aggregation import Distinct, Mean, Rate
from interplay_bench.metrics.match_score.match_score import Match, match
from interplay_bench.metrics.score import Direction, Score
from interplay_bench.metrics.similarity import similarity
from interplay_bench.metrics.specificity import SPECIFICITY, unique_ngrams
from interplay_bench.simulation.episode import End, Episode
from interplay_bench.simulation.turn_diagnostics import TurnDiagnostics

Of = Callable[[Any, Sequence[Sample]], Values]


def _heard(task: Any, samples: Sequence[Sample]) -> dict[Point, Episode]:
    """The dialogues that no backend cut short."""
    episodes = enumerate(task.episodes(samples))
    return {(i, 0): episode for i, episode in episodes if episode.end is not End.BACKEND_ERROR}


def _each(value: Callable[[Episode], Any]) -> Of:
    """A value of each dialogue; none where it is ``None``."""

    def values(task: Any, samples: Sequence[Sample]) -> Values:
        found = ((point, value(episode)) for point, episode in _heard(task, samples).items())
        return {point: each for point, each in found if each is not None}

    return values


def _each_taken(value: Callable[[Episode], Any]) -> Of:
    """A value of each dialogue that ended by acceptance."""
    return _each(lambda episode: value(episode) if episode.end is End.ACCEPTED else None)


def _each_turn(role: Role, value: Callable[[Turn, TurnDiagnostics], Any]) -> Of:
    """A value of each turn that one side spoke."""

    def values(task: Any, samples: Sequence[Sample]) -> Values:
        found: dict[Point, Any] = {}
        for (i, _), episode in _heard(task, samples).items():
            own = [(turn, note) for turn, note in episode.spoken if turn.role is role]
            found.update({(i, n): value(turn, note) for n, (turn, note) in enumerate(own)})
        return found

    return values


def _each_recommended(count: Callable[[TurnDiagnostics], Sequence[str]]) -> Of:
    """Of everything that was recommended, whether it is among those that ``count`` gives."""

    def values(task: Any, samples: Sequence[Sample]) -> Values:
        found: dict[Point, bool] = {}
        for (i, _), episode in _heard(task, samples).items():
            spoken = episode.spoken
            total = sum(len(turn.items) for turn, _ in spoken if turn.action is Action.RECOMMEND)
            odd = sum(len(count(note)) for _, note in spoken)
            found.update({(i, n): n < odd for n in range(total)})
        return found

    return values


def _left_catalogue(task: Any, samples: Sequence[Sample]) -> Values | None:
    """Of each title, how likely it would have been another than the catalogue's; nothing where none was bound to it."""
    found: dict[Point, float] = {}
    for (i, _), episode in _heard(task, samples).items():
        titles = (each for _, note in episode.spoken for each in note.left_catalogue)
        found.update({(i, n): each for n, each in enumerate(titles)})
    return found or None


def _recommended_items(task: Any, samples: Sequence[Sample]) -> Values:
    """The name of everything that was recommended."""
    found: dict[Point, str] = {}
    for (i, _), episode in _heard(task, samples).items():
        named = (item for turn, _ in episode.spoken if turn.action is Action.RECOMMEND for item in turn.items)
        found.update({(i, n): item.name for n, item in enumerate(named)})
    return found


def _contradicted(episode: Episode) -> bool:
    """Whether the words of the last turn, which accepts, refuse."""
    return episode.notes[-1].contradiction is not None


def _matches(task: Any, samples: Sequence[Sample]) -> Mapping[Point, Match | None]:
    found: dict[Point, Match | None] = {}
    for point, episode in _heard(task, samples).items():
        target = episode.dialogue.target
        if episode.end is End.ACCEPTED and target is not None:
            found[point] = None if task.scorer is None else match(task.scorer, episode.accepted, target)
    return found


def _hit(episode: Episode) -> bool | None:
    target = episode.dialogue.target
    return None if target is None else target in episode.accepted


def _overlap(value: Callable[[Episode], float | None]) -> Of:
    """Attribute overlap, where both it and what chance would give are known."""
    return _each_taken(lambda e: None if e.agreement is None or e.floor is None else value(e))


@dataclass(frozen=True, slots=True)
class Similarity:
    """How alike the users of two arbitrary dialogues sound; left out where the encoder is unavailable."""

    def score(
        self,
        name: str,
        values: Sequence[Sequence[str]],
        clusters: Sequence[Hashable],
        *,
        direction: Direction | None,
        seed: int,
        **parts: Any,
    ) -> Score | None:
        """Embed each dialogue's texts."""
        return similarity(values)

    def compare(self, a: Sequence[Any], b: Sequence[Any], clusters: Sequence[Hashable]) -> None:
        """There is no paired test for it."""
        return None


def _parts(task: Any) -> dict[str, object]:
    return {"recommender": task.options.recommender, "turns": task.options.max_turns, "v": task.version}


def _facets(task: Any) -> dict[str, object]:
    return {**_parts(task), "facets": "genre+director+cast+trait"}


def _side(role: Role) -> Callable[[Any], dict[str, object]]:
    return lambda task: {"side": str(role), **_parts(task)}


def _user_texts(episode: Episode) -> list[str]:
    return episode.said(Role.USER)


def _specific(episode: Episode, n: int) -> int:
    return unique_ngrams(_user_texts(episode), n)


SIMULATION_METRICS = (
    Metric("acceptance", "the user accepts something that was recommended", Rate(),
           _each(lambda e: e.end is End.ACCEPTED), None, _parts),
    Metric("turns to acceptance", "simulated turns of both sides, the acceptance included", Mean(),
           _each_taken(lambda e: len(e.spoken)), None, _parts),
    Metric("cut off", "the dialogue reached the most turns allowed", Rate(), _each(lambda e: e.end is End.CUT_OFF),
           "lower", _parts),
    Metric("recommendations", "new items recommended in a dialogue", Mean(),
           _each(lambda e: sum(len(turn.recommended) for turn, _ in e.spoken)), None, _parts),
    Metric("repeated", "of all recommended items, those named before", Rate(),
           _each_recommended(lambda note: note.repeated), "lower", _parts, paired=False, main=False),
    Metric("unknown items", "of all recommended items, those that the catalogue lacks", Rate(),
           _each_recommended(lambda note: note.unknown), "lower", _parts, paired=False, main=False),
    Metric("left the catalogue", "how likely a title, decoded freely, leaves the catalogue (guided = 'catalogue')",
           Mean(), _left_catalogue, "lower", _parts, paired=False, main=False),
    Metric("different items", "different items among all that were recommended", Distinct(1, "whole"),
           _recommended_items, "higher", _parts, paired=False, main=False),
    Metric("contradicted", "of the acceptances, those whose words refuse", Rate(), _each_taken(_contradicted), "lower",
           _parts, paired=False, main=False),
    Metric("target accepted", "of the acceptances, those of the very item nobody was told", Rate(), _each_taken(_hit),
           None, _parts, paired=False, main=False),
    Metric("agreement", "attribute overlap of what was accepted with the target (Jaccard)", Mean("jaccard"),
           _overlap(lambda e: e.agreement), "higher", _facets),
    Metric("agreement floor", "attribute overlap of a random item with the target", Mean("jaccard-random"),
           _overlap(lambda e: e.floor), None, _facets, paired=False, main=False),
    *match_metrics(_matches, _parts, paired=False),
    *(Metric(f"{role} Dist-4", f"share of different 4-grams among the {role}'s turns", Distinct(4),
             _each_turn(role, lambda turn, _: turn.text), "higher", _side(role)) for role in Role),
    *(Metric(f"specificity-{n}", f"different {n}-grams that the user says in a dialogue", Mean(),
             _each(partial(_specific, n=n)), "higher", lambda task: SPECIFICITY,
             paired=n == 2, main=False) for n in (2, 3, 4)),
    Metric("similarity", "how alike the users of two dialogues sound", Similarity(), _each(_user_texts), "lower",
           paired=False, main=False),
    *(Metric(f"{role} confused", f"of the {role}'s turns, those that read like the other side's", Rate(),
             _each_turn(role, lambda _, note: note.confusion is not None), "lower", _parts, paired=False,
             main=False)
      for role in Role),
)  # fmt: skip
