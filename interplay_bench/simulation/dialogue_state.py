"""One dialogue as it is being spoken: whose turn it is, what each side may know, and when it ends."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import takewhile

from interplay_bench.dialogues.dialogue import Action, Dialogue, OracleView, Role, Turn, View
from interplay_bench.dialogues.markup import Malformed
from interplay_bench.items.title_index import TitleIndex
from interplay_bench.simulation.attribute_overlap import AttributeOverlap
from interplay_bench.simulation.episode import End, Episode, taken
from interplay_bench.simulation.item_resolution import Resolved, resolve
from interplay_bench.simulation.role_confusion import confusion, contradiction
from interplay_bench.simulation.termination import says_goodbye
from interplay_bench.simulation.turn_diagnostics import SILENT, TurnDiagnostics
from interplay_bench.simulators.adapter import Decision, Reply

MAX_TURNS = 20
"""The most turns of a dialogue, both sides' and scripted ones together."""


@dataclass(slots=True)
class DialogueState:
    """A dialogue in progress, for the persona of a ``gold`` one, whose scripted turns open it, too.

    The side that opens the gold dialogue opens this one; without any turn it is the user. What a model writes wrong
    is said all the same, as far as it can be read, as ``chat``.
    """

    gold: Dialogue
    titles: TitleIndex
    max_turns: int = MAX_TURNS
    turns: list[Turn] = field(default_factory=list)
    notes: list[TurnDiagnostics] = field(default_factory=list)
    end: End | None = None

    def __post_init__(self) -> None:
        self.turns = list(takewhile(lambda turn: turn.scripted, self.gold.turns))
        self.notes = [SILENT] * len(self.turns)

    @property
    def speaker(self) -> Role:
        """Whose turn it is."""
        if self.turns:
            return Role.USER if self.turns[-1].role is Role.RECOMMENDER else Role.RECOMMENDER
        return self.gold.turns[0].role if self.gold.turns else Role.USER

    @property
    def asked(self) -> bool:
        """Whether the user is to answer a recommendation."""
        return bool(self.turns) and self.turns[-1].action is Action.RECOMMEND and bool(self.turns[-1].items)

    def view(self, told: bool = False) -> View:
        """What the speaker knows; only a model that is declared to know the target is ``told`` it."""
        view = View.of(self.speaker, self.gold.persona, tuple(self.turns))
        if told:
            at = self.gold.target_turn()
            pitch = None if at is None else self.gold.turns[at]
            return OracleView(view.role, view.persona, view.turns, self.gold.target, pitch)
        return view

    def hear(self, reply: Reply, decision: Decision | None = None) -> None:
        """Take the speaker's ``reply`` as the next turn; ``decision``: what it thought of the recommendation."""
        if reply.refused:
            self.end = End.BACKEND_ERROR
            return
        said, role = reply.turn, self.speaker
        wrong = isinstance(said, Malformed)
        found = resolve(_turn(said, role), self.turns, self.titles)
        offered = any(turn.action is Action.RECOMMEND and turn.items for turn in self.turns)
        self.turns.append(found.turn)
        self.notes.append(_note(reply, found, confusion(said, role, recommended=offered), decision))
        if not found.turn.text.strip() or (wrong and self._stumbled_before(role)):
            self.end = End.BROKEN
        elif found.turn.action is Action.ACCEPT and offered:
            self.end = End.ACCEPTED
        elif says_goodbye(found.turn) and any(turn.role is Role.USER for turn in self.turns):
            self.end = End.GOODBYE
        elif len(self.turns) >= self.max_turns:
            self.end = End.CUT_OFF

    def finish(self, agreement: AttributeOverlap) -> Episode:
        """The finished dialogue."""
        assert self.end is not None
        turns, target = tuple(self.turns), self.gold.target
        dialogue = replace(self.gold, turns=turns, liked={}, outcome=str(self.end))
        accepted = taken(turns) if self.end is End.ACCEPTED else ()
        return Episode(dialogue, tuple(self.notes), agreement.of(accepted, target), agreement.floor(target))

    def _stumbled_before(self, role: Role) -> bool:
        """Whether the last but one time that ``role`` spoke was malformed; the last is the turn just heard."""
        own = [note for turn, note in zip(self.turns, self.notes, strict=True) if turn.role is role]
        return len(own) > 1 and own[-2].malformed is not None


def _turn(said: Turn | Malformed, role: Role) -> Turn:
    return Turn(role, Action.CHAT, said.text) if isinstance(said, Malformed) else said


def _note(reply: Reply, found: Resolved, confused: str | None, decision: Decision | None) -> TurnDiagnostics:
    wrong = isinstance(reply.turn, Malformed)
    probability = None if decision is None or decision.probability is None else round(decision.probability, 6)
    return TurnDiagnostics(
        malformed=reply.turn.reason if isinstance(reply.turn, Malformed) else None,
        raw=reply.raw if wrong else None,
        confusion=confused,
        contradiction=contradiction(reply.turn),
        unknown=found.unknown,
        repeated=found.repeated,
        left_catalogue=tuple(round(each, 6) for each in reply.left_catalogue),
        verdict=None if decision is None else str(decision.verdict),
        probability=probability,
        dropped_turns=reply.dropped_turns,
        cut=reply.cut,
        prompt_tokens=reply.prompt_tokens,
        completion_tokens=reply.completion_tokens,
    )
