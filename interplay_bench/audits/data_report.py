"""What a loader made of a data set, in counts and dialogue by dialogue: for whoever brings data of their own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from interplay_bench.dialogues.dialogue import Dialogue, Role
from interplay_bench.dialogues.dialogue_set import DialogueSet
from interplay_bench.dialogues.view_prompt import training_prompt


@dataclass(frozen=True, slots=True)
class DialogueLine:
    """One dialogue: its id, its turns, its target's name, how many turns propose, and what became of these."""

    id: str
    turns: int
    target: str
    proposals: int
    accepted: int
    rejected: int
    guessed: Mapping[str, int]


def dialogue_lines(data: DialogueSet) -> Iterator[DialogueLine]:
    """Each dialogue in order; ``guessed``: what its record left open, where the loader says so."""
    for dialogue in data.dialogues:
        opinions = [dialogue.opinion(index) for index in dialogue.proposals()]
        yield DialogueLine(
            dialogue.id,
            len(dialogue.turns),
            "-" if dialogue.target is None else dialogue.target.name,
            len(opinions),
            sum(opinion is True for opinion in opinions),
            sum(opinion is False for opinion in opinions),
            data.preprocessing.by_dialogue.get(dialogue.id, {}),
        )


def data_counts(data: DialogueSet) -> dict[str, int]:
    """The counts of a data set: proposals are turns that newly recommend, and people's answers are to them."""
    lines = list(dialogue_lines(data))
    personas = [dialogue.persona for dialogue in data.dialogues]
    actions = Counter(f"action {turn.action}" for dialogue in data.dialogues for turn in dialogue.turns)
    return {
        "records": data.preprocessing.rows,
        "dialogues": len(lines),
        "turns": sum(line.turns for line in lines),
        "items named": len(data.items),
        "items of the catalogue that no dialogue names": len(data.others),
        "dialogues with a target": sum(dialogue.target is not None for dialogue in data.dialogues),
        "dialogues that propose their target": sum(d.target_turn() is not None for d in data.dialogues if d.target),
        "dialogues with general preferences": sum(bool(persona.general_preferences) for persona in personas),
        "dialogues with a history": sum(bool(persona.history) for persona in personas),
        "dialogues with target attributes": sum(bool(persona.target_attributes) for persona in personas),
        "proposals": sum(line.proposals for line in lines),
        "accepted": sum(line.accepted for line in lines),
        "rejected": sum(line.rejected for line in lines),
        "items proposed": sum(len(turn.recommended) for dialogue in data.dialogues for turn in dialogue.turns),
        "items liked": sum(like for dialogue in data.dialogues for like in dialogue.liked.values()),
        "items disliked": sum(not like for dialogue in data.dialogues for like in dialogue.liked.values()),
        **dict(sorted(actions.items())),
    }


def as_seen(dialogue: Dialogue) -> str:
    """The dialogue as a fine-tuned user simulator reads it: persona, then the turns in the markup."""
    prompt = training_prompt(dialogue.view(Role.USER, len(dialogue.turns)))
    return "\n".join(message.content.strip() for message in prompt.messages)
