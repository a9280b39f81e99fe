"""A simulated dialogue, finished: its turns, how it ended, and what there was to note."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from interplay_bench.dialogues.dialogue import Action, Dialogue, Item, Role, Turn
from interplay_bench.dialogues.dialogue_json import dialogue_record, read_dialogue
from interplay_bench.environment.errors import DataError, RunError
from interplay_bench.evaluation.sample import Sample
from interplay_bench.simulation.turn_diagnostics import TurnDiagnostics


class End(StrEnum):
    """How a simulated dialogue ended.

    ``accepted``: the user took something that had been recommended. ``goodbye``: the recommender took leave (see
    :mod:`termination`). ``cut_off``: it reached the most turns allowed. ``broken``: one side
    wrote nothing readable, or twice in a row nothing well-formed. ``backend_error``: a backend would not answer.
    """

    ACCEPTED = "accepted"
    GOODBYE = "goodbye"
    CUT_OFF = "cut_off"
    BROKEN = "broken"
    BACKEND_ERROR = "backend_error"


@dataclass(frozen=True, slots=True)
class Episode:
    """One simulated dialogue.

    ``dialogue`` has the simulated turns, the persona and the target that no reference-free simulator was told; its
    ``outcome`` is the :class:`End`. ``notes``: one per turn. ``agreement``: what was accepted against the target, in
    [0, 1]; ``floor``: what a random item would score (see :mod:`~interplay_bench.simulation.attribute_overlap`).
    """

    dialogue: Dialogue
    notes: tuple[TurnDiagnostics, ...]
    agreement: float | None = None
    floor: float | None = None

    @property
    def end(self) -> End:
        """How it ended."""
        return End(self.dialogue.outcome)

    @property
    def spoken(self) -> list[tuple[Turn, TurnDiagnostics]]:
        """The simulated turns: those that no script wrote."""
        pairs = zip(self.dialogue.turns, self.notes, strict=True)
        return [(turn, note) for turn, note in pairs if not turn.scripted]

    @property
    def accepted(self) -> tuple[Item, ...]:
        """What the user took; empty where nothing was."""
        return taken(self.dialogue.turns) if self.end is End.ACCEPTED else ()

    def said(self, role: Role) -> list[str]:
        """The texts of one side's simulated turns."""
        return [turn.text for turn, _ in self.spoken if turn.role is role]

    def counts(self) -> dict[str, int]:
        """What the ledger tallies."""
        found: Counter[str] = Counter()
        for turn, note in self.spoken:
            found[f"{turn.role}_turns"] += 1
            found[f"{turn.role}_malformed"] += note.malformed is not None
            found[f"{turn.role}_confused"] += note.confusion is not None
            found[f"{turn.role}_contradicted"] += note.contradiction is not None
            found[f"{turn.role}_cut"] += note.cut
            found[f"{turn.role}_too_long"] += note.dropped_turns > 0
            found["tokens_written"] += note.completion_tokens or 0
            found["recommended"] += len(turn.recommended)
            found["recommended_again"] += len(note.repeated)
            found["recommended_unknown"] += len(note.unknown)
        return dict(sorted(found.items()))

    @classmethod
    def of(cls, sample: Sample) -> Episode:
        """The dialogue of a run's sample; raises :class:`RunError` where it is none."""
        try:
            return cls.from_json(sample.detail)
        except (DataError, AttributeError, KeyError, TypeError, ValueError) as error:
            reason = f"{type(error).__name__}: {error}"
            raise RunError(f"Sample {sample.dialogue} holds no simulated dialogue ({reason}): simulate anew.") from None

    def sample(self) -> Sample:
        """As it stands in a run's samples."""
        dialogue = self.dialogue
        return Sample(dialogue.id, dialogue.user_id, dialogue.outcome, self.counts(), self.to_json())

    def to_json(self) -> dict[str, Any]:
        """The dialogue's record, and beside it the notes and the agreement."""
        return {
            **dialogue_record(self.dialogue),
            "notes": [note.to_json() for note in self.notes],
            "agreement": self.agreement,
            "floor": self.floor,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Episode:
        """Read back what :meth:`to_json` wrote."""
        notes = tuple(TurnDiagnostics.from_json(note) for note in data["notes"])
        dialogue = read_dialogue(data)
        End(dialogue.outcome)
        return cls(dialogue, notes, data["agreement"], data["floor"])


def taken(turns: Sequence[Turn]) -> tuple[Item, ...]:
    """What the acceptance in the last turn takes: the recommended items it names, else those proposed last.

    A proposal is a recommending turn that names items, be they news or not.
    """
    proposals = [turn for turn in turns if turn.action is Action.RECOMMEND and turn.items]
    offered = {item for turn in proposals for item in turn.items}
    own = tuple(item for item in turns[-1].items if item in offered)
    return own or (proposals[-1].items if proposals else ())
