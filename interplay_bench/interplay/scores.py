"""The numbers of a simulated corpus; :func:`scores` is what the task ``interplay`` and ``simulate`` report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from interplay_bench.dialogue import Action, Role
from interplay_bench.interplay.episode import End, Episode
from interplay_bench.metrics.distinct import distinct
from interplay_bench.metrics.intervals import mean_score
from interplay_bench.metrics.match_score import NAMES as MATCH
from interplay_bench.metrics.match_score import match, match_scores
from interplay_bench.metrics.rates import rate
from interplay_bench.metrics.similarity import similarity
from interplay_bench.metrics.specificity import specificity
from interplay_bench.results import Score, signature

if TYPE_CHECKING:
    from interplay_bench.match_score.scorer import Scorer

NAMES = (
    "acceptance", "turns to acceptance", "cut off", "recommendations", "repeated", "unknown items", "target accepted",
    *MATCH, "agreement", "agreement floor", "user Dist-4", "recommender Dist-4", "specificity-2", "specificity-3",
    "specificity-4", "similarity", "user confused", "recommender confused",
)  # fmt: skip


def scores(
    episodes: Sequence[Episode], parts: Mapping[str, Any], seed: int = 0, scorer: Scorer | None = None
) -> list[Score]:
    """Every metric over ``episodes``; ``parts`` (recommender, turns allowed) go into each signature.

    Shares of dialogues are over those that no backend cut short; scripted turns are left out of everything. "turns to
    acceptance": simulated turns of both sides, the acceptance included. "repeated", "unknown items": shares of
    all that was recommended. "target accepted": of the acceptances, those of the very item nobody was told; "Match
    Score": how near they come to it, by ``scorer``.
    """
    heard = [episode for episode in episodes if episode.end is not End.BACKEND_ERROR]
    taken = [episode for episode in heard if episode.end is End.ACCEPTED]
    users = [episode.dialogue.user_id for episode in heard]
    common: dict[str, Any] = {"direction": None, **parts}
    return [
        rate("acceptance", len(taken), len(heard), **common),
        mean_score("turns to acceptance", [len(e.spoken) for e in taken], _users(taken), seed=seed, **common),
        rate("cut off", sum(e.end is End.CUT_OFF for e in heard), len(heard), **{**common, "direction": "lower"}),
        mean_score("recommendations", [_news(episode) for episode in heard], users, seed=seed, **common),
        *_recommended(heard, parts),
        *_against_target(taken, parts, seed),
        *_matched(taken, parts, seed, scorer),
        *_language(heard, parts, seed),
        *(_confused(heard, role, parts) for role in Role),
    ]


def _recommended(episodes: Sequence[Episode], parts: Mapping[str, Any]) -> list[Score]:
    again = sum(len(note.repeated) for episode in episodes for _, note in episode.spoken)
    unknown = sum(len(note.unknown) for episode in episodes for _, note in episode.spoken)
    total = sum(
        len(turn.items) for episode in episodes for turn, _ in episode.spoken if turn.action is Action.RECOMMEND
    )
    return [
        rate("repeated", again, total, direction="lower", **parts),
        rate("unknown items", unknown, total, direction="lower", **parts),
    ]


def _against_target(taken: Sequence[Episode], parts: Mapping[str, Any], seed: int) -> list[Score]:
    aimed = [episode for episode in taken if episode.dialogue.target is not None]
    hits = sum(episode.dialogue.target in episode.accepted for episode in aimed)
    found = [rate("target accepted", hits, len(aimed), direction=None, **parts)]
    for name in ("agreement", "floor"):
        known = [episode for episode in taken if episode.agreement is not None and episode.floor is not None]
        values = [getattr(episode, name) for episode in known]
        title = name if name == "agreement" else "agreement floor"
        described = {**parts, "facets": "genre+director+cast+trait"}
        found.append(
            mean_score(title, values, _users(known), direction="higher" if name == "agreement" else None, seed=seed,
                       metric="jaccard" if name == "agreement" else "jaccard-random", **described)
        )  # fmt: skip
    return found


def _matched(taken: Sequence[Episode], parts: Mapping[str, Any], seed: int, scorer: Scorer | None) -> list[Score]:
    aimed = [(episode, target) for episode in taken if (target := episode.dialogue.target) is not None]
    found = [None if scorer is None else match(scorer, episode.accepted, target) for episode, target in aimed]
    return match_scores(found, _users([episode for episode, _ in aimed]), scorer, seed=seed, **parts)


def _language(episodes: Sequence[Episode], parts: Mapping[str, Any], seed: int) -> list[Score]:
    found = []
    for role in Role:
        said = [(text, episode.dialogue.user_id) for episode in episodes for text in episode.said(role)]
        texts, users = [text for text, _ in said], [user for _, user in said]
        found.append(_named(distinct(texts, 4, users), f"{role} Dist-4", parts))
    by_dialogue = [episode.said(Role.USER) for episode in episodes]
    found += [specificity(by_dialogue, n, _users(episodes), seed=seed) for n in (2, 3, 4)]
    alike = similarity(by_dialogue)
    return found + ([alike] if alike is not None else [])


def _confused(episodes: Sequence[Episode], role: Role, parts: Mapping[str, Any]) -> Score:
    notes = [note for episode in episodes for turn, note in episode.spoken if turn.role is role]
    confused = sum(note.confusion is not None for note in notes)
    return rate(f"{role} confused", confused, len(notes), direction="lower", **parts)


def _named(score: Score, name: str, parts: Mapping[str, Any]) -> Score:
    """The same score under another name, the side it is about in its signature."""
    from dataclasses import replace

    described = signature(score.signature, side=name.partition(" ")[0], **parts)
    return replace(score, name=name, signature=described)


def _news(episode: Episode) -> int:
    return sum(len(turn.recommended) for turn, _ in episode.spoken)


def _users(episodes: Sequence[Episode]) -> list[str]:
    return [episode.dialogue.user_id for episode in episodes]
