"""How far the action rules (:mod:`interplay_bench.dialogues.action_rules`) agree with people's labels.

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

SGD, IARD and MG-ShopDial, whose turns people labelled (:mod:`interplay_bench.audits.people_answers`):
  - ``accept`` and ``reject``: of the user turns that answer a proposal, those that take it up, and those that turn it
    down or, in SGD, ask for another; by domain, and over all;
  - ``inquire`` and ``recommend`` (IARD): of the recommender's turns, those labelled as a request, and as a
    recommendation.

What has no human label (greeting, disclose-goal, feedback) is not audited. Intervals are Wilson's: dialogues hold two
or three cases, which are taken to be independent.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from interplay_bench.audits.annotated_turns import read_iard
from interplay_bench.audits.learnt_labels import LearntLabels, cross_fitted, relabelled
from interplay_bench.audits.people_answers import Answer, people_answers
from interplay_bench.datasets.load import first_dialogues
from interplay_bench.dialogues.action_rules import label
from interplay_bench.dialogues.dialogue import Action, Dialogue, Item, Role, Turn
from interplay_bench.dialogues.dialogue_set import Source
from interplay_bench.environment.errors import UsageError, unknown_name
from interplay_bench.items.title_index import TitleIndex
from interplay_bench.metrics.rates import wilson

ANSWERS = {
    "sgd": "acts of user turns",
    "iard": "intents by hand",
    "mg-shopdial": "feedback by most of five annotators",
}
"""What has people's labels of single answers, and what they are; the last two are read for these alone."""
SOURCES = ("inspired", "redial", *ANSWERS)
"""What has people's labels."""
RULES, CROSS_FITTED = "rules", "cross-fitted"
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
    def intervals(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """Wilson's 95% intervals of precision and of recall."""
        return wilson(self.hits, self.predicted), wilson(self.hits, self.support)

    @property
    def prevalence(self) -> float | None:
        """People's labels among all cases, 0 to 1: the precision of labelling everything."""
        return self.support / self.total if self.total else None


def audit_labels(name: str, source: Source, limit: int | None = None, labels: str = RULES) -> list[LabelRow]:
    """Compare labels with people's in one of :data:`SOURCES`; other data sets have none.

    ``labels``: whose accept and reject, the rules', a labeller's that was fitted on the other dialogues
    (``cross-fitted``), or that of a file of weights. A labeller reads the sources of :data:`ANSWERS` alone.
    """
    if name not in SOURCES:
        raise unknown_name("source of human labels", name, SOURCES)
    if name in ANSWERS:
        return [*_by_domain(_answers_of(name, source, limit, labels), ANSWERS[name]), *_acts(name, source, limit)]
    if labels != RULES:
        raise UsageError(f"A labeller is held against {', '.join(ANSWERS)} alone: {name} labels no single answers.")
    return _inspired(source, limit) if name == "inspired" else _redial(source, limit)


def _answers_of(name: str, source: Source, limit: int | None, labels: str) -> list[Answer]:
    answers = people_answers(name, source, limit)
    if labels == RULES:
        return answers
    return cross_fitted(answers) if labels == CROSS_FITTED else relabelled(answers, LearntLabels.read(Path(labels)))


def fit_labels(name: str, source: Source, limit: int | None = None) -> LearntLabels:
    """A labeller fitted on one of :data:`ANSWERS`."""
    if name not in ANSWERS:
        raise UsageError(f"{name} labels no single answers to learn from. Choose {', '.join(ANSWERS)}.")
    return LearntLabels.fit(people_answers(name, source, limit), f"{name}/{source.split}")


def _inspired(source: Source, limit: int | None) -> list[LabelRow]:
    from interplay_bench.datasets.inspired import ACCEPTED, read

    annotated = read(source)
    dialogues = first_dialogues(annotated.dialogues.dialogues, limit)
    inquire = (
        (turn.action is Action.INQUIRE, bool(strategies & INQUIRIES))
        for dialogue in dialogues
        for turn, strategies in zip(dialogue.turns, annotated.strategies[dialogue.id], strict=True)
        if turn.role is Role.RECOMMENDER and not turn.recommended
    )
    accept = ((_accepted(dialogue), dialogue.outcome.startswith(ACCEPTED)) for dialogue in dialogues)
    return [
        _row("inquire", "strategies of recommender turns", inquire),
        _row("recommend", "films in the movies column", _recommend(dialogues, TitleIndex(annotated.dialogues.items))),
        _row("accept", "outcomes of dialogues", accept),
    ]


def _recommend(dialogues: Sequence[Dialogue], titles: TitleIndex) -> Iterable[tuple[bool, bool]]:
    """For each recommender turn: newly names a film by the catalogue, and by the data's own column."""
    for dialogue in dialogues:
        for found, gold in zip(_reread(dialogue.turns, titles), dialogue.turns, strict=True):
            if gold.role is Role.RECOMMENDER:
                yield found.action is Action.RECOMMEND, bool(gold.recommended)


def _reread(turns: tuple[Turn, ...], titles: TitleIndex) -> tuple[Turn, ...]:
    """The turns with films and actions from the text alone."""
    named: set[Item] = set()
    reread = []
    for turn in turns:
        mentions = titles.mentions(turn.text)
        items = dict.fromkeys(mention.item for mention in mentions)
        new = tuple(item for item in items if item not in named) if turn.role is Role.RECOMMENDER else ()
        named.update(items)
        reread.append(replace(turn, action=Action.CHAT, mentions=mentions, recommended=new))
    return label(reread)


def _redial(source: Source, limit: int | None) -> list[LabelRow]:
    from interplay_bench.datasets.redial import load

    dialogues = first_dialogues(load(source).dialogues, limit)
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


def _by_domain(answers: Sequence[Answer], against: str) -> list[LabelRow]:
    """Accept and reject, by domain and over all."""
    domains = sorted({answer.domain for answer in answers})
    rows = []
    for domain in (*domains, "all"):
        those = [answer for answer in answers if domain in (answer.domain, "all")]
        rows.append(_row(f"accept ({domain})", against, ((a.read_as_accepted, a.accepted) for a in those)))
        rows.append(_row(f"reject ({domain})", against, ((a.read_as_rejected, a.rejected) for a in those)))
    return rows


def _acts(name: str, source: Source, limit: int | None) -> list[LabelRow]:
    """What else IARD labels: the recommender's requests and recommendations."""
    if name != "iard":
        return []
    dialogues = [(label(dialogue.turns), dialogue.intents) for dialogue in islice(read_iard(source), limit)]
    turns = [
        (turn, intents) for read, all_of_it in dialogues for turn, intents in zip(read, all_of_it, strict=True)
        if turn.role is Role.RECOMMENDER
    ]  # fmt: skip
    against = ANSWERS[name]
    return [
        _row("inquire", against, ((t.action is Action.INQUIRE, "Request" in i) for t, i in turns if not t.recommended)),
        _row("recommend", against, ((t.action is Action.RECOMMEND, "Recommend" in i) for t, i in turns)),
    ]


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
