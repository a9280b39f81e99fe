"""How far the action rules (:mod:`interplay_bench.actions`) agree with people's labels.

INSPIRED, whose workers' strategies were annotated by hand:
  - ``inquire``: of the recommender's turns that newly name no film, those with an utterance labelled as opinion
    inquiry, experience inquiry or preference confirmation;
  - ``recommend``: of the recommender's turns, those that newly name a film. The gold is the release's ``movies``
    column; what is tested is the catalogue's matching in free text, which is how PEARL's turns get their label;
  - ``accept``: of the dialogues, those whose outcome is an acceptance; predicted where some user turn is labelled so.
    Nearly every dialogue is accepted, so that only recall means something here.

ReDial, whose seekers answered questions about every film after the conversation:
  - ``accept``: of the user turns that directly answer a recommendation, those with a film in it that the seeker says
    they liked. An answer about liking a film is not an acceptance in so many words: recall is low by nature, and
    precision is to be read against the prevalence;
  - ``accept (dialogue)``: of the dialogues, those with a film both suggested and liked; predicted as above.

What has no human label (greeting, disclose-goal, feedback) is not audited.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from interplay_bench.actions import label
from interplay_bench.catalog import Catalog
from interplay_bench.dataset import Source
from interplay_bench.dialogue import Action, Dialogue, Item, Role, Turn
from interplay_bench.errors import UsageError
from interplay_bench.registry import find_dataset
from interplay_bench.runner import first

INQUIRIES = frozenset({"opinion_inquiry", "experience_inquiry", "preference_confirmation"})
"""INSPIRED's strategies that ask about tastes, experience or interest."""


@dataclass(frozen=True, slots=True)
class LabelRow:
    """The agreement of one label with one source of human judgement, as counts and the rates made of them.

    Of ``total`` cases, people gave the label to ``support`` and the rules to ``predicted``; ``hits`` are both.
    """

    label: str
    source: str
    hits: int
    predicted: int
    support: int
    total: int

    @property
    def precision(self) -> float | None:
        """Hits among the rules' labels, 0 to 1; ``None`` where they gave none."""
        return self.hits / self.predicted if self.predicted else None

    @property
    def recall(self) -> float | None:
        """Hits among people's labels, 0 to 1; ``None`` where they gave none."""
        return self.hits / self.support if self.support else None

    @property
    def prevalence(self) -> float | None:
        """People's labels among all cases, 0 to 1: the precision of labelling everything."""
        return self.support / self.total if self.total else None


def audit_labels(name: str, source: Source, limit: int | None = None) -> list[LabelRow]:
    """Compare the rules with the human labels of ``inspired`` or ``redial``; other data sets have none."""
    find_dataset(name)
    if name == "inspired":
        return _inspired(source, limit)
    if name == "redial":
        return _redial(source, limit)
    raise UsageError(f"{name} has no human labels to compare with. Choose inspired or redial.")


def _inspired(source: Source, limit: int | None) -> list[LabelRow]:
    from interplay_bench.datasets.inspired import ACCEPTED, read

    annotated = read(source)
    dialogues = first(annotated.dialogues.dialogues, limit)
    inquire = (
        (turn.action is Action.INQUIRE, bool(strategies & INQUIRIES))
        for dialogue in dialogues
        for turn, strategies in zip(dialogue.turns, annotated.strategies[dialogue.id], strict=True)
        if turn.role is Role.RECOMMENDER and not turn.recommended
    )
    accept = ((_accepted(dialogue), dialogue.outcome.startswith(ACCEPTED)) for dialogue in dialogues)
    return [
        _row("inquire", "strategies of recommender turns", inquire),
        _row("recommend", "films in the movies column", _recommend(dialogues, Catalog(annotated.dialogues.items))),
        _row("accept", "outcomes of dialogues", accept),
    ]


def _recommend(dialogues: Sequence[Dialogue], catalog: Catalog) -> Iterable[tuple[bool, bool]]:
    """For each recommender turn: newly names a film by the catalogue, and by the data's own column."""
    for dialogue in dialogues:
        for found, gold in zip(_reread(dialogue.turns, catalog), dialogue.turns, strict=True):
            if gold.role is Role.RECOMMENDER:
                yield found.action is Action.RECOMMEND, bool(gold.recommended)


def _reread(turns: tuple[Turn, ...], catalog: Catalog) -> tuple[Turn, ...]:
    """The turns with films and actions from the text alone."""
    named: set[Item] = set()
    reread = []
    for turn in turns:
        mentions = catalog.mentions(turn.text)
        items = dict.fromkeys(mention.item for mention in mentions)
        new = tuple(item for item in items if item not in named) if turn.role is Role.RECOMMENDER else ()
        named.update(items)
        reread.append(replace(turn, action=Action.CHAT, mentions=mentions, recommended=new))
    return label(reread)


def _redial(source: Source, limit: int | None) -> list[LabelRow]:
    from interplay_bench.datasets.redial import load

    dialogues = first(load(source).dialogues, limit)
    turns = (case for dialogue in dialogues for case in _answers(dialogue))
    whole = ((_accepted(dialogue), dialogue.target is not None) for dialogue in dialogues)
    return [
        _row("accept", "seeker's answers: a film of the turn before is liked", turns),
        _row("accept (dialogue)", "seeker's answers: some film is suggested and liked", whole),
    ]


def _answers(dialogue: Dialogue) -> Iterable[tuple[bool, bool]]:
    """For each user turn right after a recommendation: labelled accept, and about a film that the seeker liked."""
    for before, turn in zip(dialogue.turns, dialogue.turns[1:], strict=False):
        if before.recommended and turn.role is Role.USER:
            yield turn.action is Action.ACCEPT, any(dialogue.liked.get(item.id, False) for item in before.recommended)


def _accepted(dialogue: Dialogue) -> bool:
    return any(turn.action is Action.ACCEPT for turn in dialogue.turns)


def _row(name: str, source: str, cases: Iterable[tuple[bool, bool]]) -> LabelRow:
    judged = list(cases)
    return LabelRow(
        label=name,
        source=source,
        hits=sum(predicted and gold for predicted, gold in judged),
        predicted=sum(predicted for predicted, _ in judged),
        support=sum(gold for _, gold in judged),
        total=len(judged),
    )
