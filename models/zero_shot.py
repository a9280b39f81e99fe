"""Zero-shot simulators: an instruction-tuned model that is told its role, the format and the persona (section 4.2)."""

from __future__ import annotations

from typing import Self

from interplay_bench.card import ModelCard
from interplay_bench.dialogue import Role, View
from interplay_bench.engines import build, sampling
from interplay_bench.errors import UsageError
from interplay_bench.language_model import Channel, Message, Part, Prompt
from interplay_bench.markup import ACTION_OPEN, title_tokens
from interplay_bench.prompting import domain, persona_parts, turn_part
from interplay_bench.registry import adapter
from interplay_bench.simulator import LanguageModelSimulator

INSTRUCTIONS = {
    Role.USER: (
        "You are a person who looks for a {domain}, in a conversation with a recommender. You have no particular "
        "title in mind: accept any {domain} that has what you look for, and turn down every other one with a "
        "reason. Answer with your next turn only, in exactly this format:\n"
        "<action><ACTION></action><response>what you say</response>\n"
        "ACTION is one of: greeting (say hello), disclose-goal (say what you want), feedback (turn a suggestion down "
        "or comment on it), accept (take the suggested {domain}; this ends the conversation), chat (anything else). "
        "Write titles as {open}Title (Year){close}.\n"
        "This is who you are.\n"
    ),
    Role.RECOMMENDER: (
        "You recommend {domain}s to a person in a conversation. Find out what they want, then recommend one {domain} "
        "at a time, never the same twice. Answer with your next turn only, in exactly this format:\n"
        "<action><ACTION></action><response>what you say</response>\n"
        "ACTION is one of: greeting (say hello), inquire (ask about their wishes), recommend (suggest one {domain}), "
        "chat (anything else). Write titles as {open}Title (Year){close}.\n"
        "This is what you know about them.\n"
    ),
}
OPENING = Message("user", (Part(Channel.INSTRUCTIONS, "(The conversation begins. Speak first.)"),))


@adapter("zero-shot")
class ZeroShot(LanguageModelSimulator):
    """An instruction-tuned language model, prompted with role, format and persona."""

    @classmethod
    def from_card(cls, card: ModelCard, argument: str | None, seed: int) -> Self:
        """Build the card's engine; its ``settings`` may change how replies are sampled."""
        if argument is not None:
            raise UsageError(f"The model {card.name!r} takes nothing after a colon, but was given {argument!r}.")
        how = sampling(card, seed)  # checked before weights are loaded
        return cls(build(card), how)

    def prompt(self, view: View) -> Prompt:
        """A chat: instructions and persona, then the turns; the model's own turns are the assistant's."""
        kind = domain(view)
        opening, closing = title_tokens(kind)
        instructions = INSTRUCTIONS[view.role].format(domain=kind, open=opening, close=closing)
        system = Message("system", (Part(Channel.INSTRUCTIONS, instructions), *persona_parts(view.persona)))
        turns = [Message("assistant" if turn.role is view.role else "user", (turn_part(turn),)) for turn in view.turns]
        starts = not turns or turns[0].role == "assistant"
        return Prompt((system, *([OPENING] if starts else []), *turns), chat=True, prefix=ACTION_OPEN)
