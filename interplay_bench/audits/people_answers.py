"""What people said to a proposal, and what people who read it say it is: to hold labels against, and to learn them.

In SGD a user turn right after a labelled offer is accepted where its acts select the offer, and rejected where they ask
for alternatives; one that asks about the offer and decides later is neither and left out, since the label is about what
comes later. In IARD and MG-ShopDial the first user turn after a proposal counts, by the intents that people gave it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from interplay_bench.audits.annotated_turns import AnnotatedDialogue, read_iard, read_mg_shopdial
from interplay_bench.datasets.load import first_dialogues
from interplay_bench.dialogues.action_rules import asks_for_another, label, pointing
from interplay_bench.dialogues.dialogue import Action, Dialogue, Role, Turn
from interplay_bench.dialogues.dialogue_set import Source

_IARD = ("ACC", "REJ")
_MG_SHOPDIAL = ("pf", "nf")


@dataclass(frozen=True, slots=True)
class Answer:
    """A user turn that answers a proposal.

    ``text`` has "it" for the titles that were proposed. ``accepted`` and ``rejected`` are people's labels, of which
    both may be false, ``read_as_...`` the rules'.
    """

    dialogue: str
    domain: str
    text: str
    accepted: bool
    rejected: bool
    read_as_accepted: bool
    read_as_rejected: bool


def people_answers(name: str, source: Source, limit: int | None = None) -> list[Answer]:
    """The answers in ``sgd``, ``iard`` or ``mg-shopdial``, in order; ``limit``: of the first dialogues alone."""
    if name == "sgd":
        from interplay_bench.datasets.sgd import load

        return [answer for dialogue in first_dialogues(load(source).dialogues, limit) for answer in _sgd(dialogue)]
    read, labels = (read_iard, _IARD) if name == "iard" else (read_mg_shopdial, _MG_SHOPDIAL)
    return [answer for dialogue in islice(read(source), limit) for answer in _annotated(dialogue, *labels)]


def _sgd(dialogue: Dialogue) -> Iterator[Answer]:
    read = label(dialogue.turns)
    for index, took in dialogue.verdicts.items():
        answer = dialogue.turns[index + 1] if index + 1 < len(dialogue.turns) else None
        at_once = took or any(turn.recommended for turn in dialogue.turns[index + 2 : index + 3])
        if (
            answer is None
            or answer.role is not Role.USER
            or not at_once
            or took is not (answer.action is Action.ACCEPT)
        ):
            continue
        domain = dialogue.turns[index].recommended[0].domain
        yield _answer(dialogue.id, domain, read, index + 1, accepted=took, rejected=not took)


def _annotated(dialogue: AnnotatedDialogue, accept: str, reject: str) -> Iterator[Answer]:
    read = label(dialogue.turns)
    for index in answering(read):
        given = dialogue.intents[index]
        yield _answer(dialogue.id, dialogue.domain, read, index, accepted=accept in given, rejected=reject in given)


def answering(turns: Sequence[Turn]) -> Iterator[int]:
    """The indices of the first user turn after each proposal."""
    proposed = False
    for index, turn in enumerate(turns):
        if turn.role is Role.USER and proposed:
            yield index
        proposed = bool(turn.recommended) or (proposed and turn.role is Role.RECOMMENDER)


def answer_text(turns: Sequence[Turn], index: int) -> str:
    """What a labeller reads of turn ``index``: its text, with "it" for the titles that were proposed before."""
    return pointing(turns[index], [item for turn in turns[:index] for item in turn.recommended])


def _answer(name: str, domain: str, read: Sequence[Turn], index: int, *, accepted: bool, rejected: bool) -> Answer:
    text = answer_text(read, index)
    taken = read[index].action is Action.ACCEPT
    return Answer(name, domain, text, accepted, rejected, taken, not taken and asks_for_another(text))
