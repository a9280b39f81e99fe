"""Zero-shot simulators: an instruction-tuned model that is told its role, the format and the persona (section 4.2).

Guided (``guided = true`` in the card's settings), it chooses its action among its role's, and then writes the response
behind it: a small model that knows no markup still says well-formed turns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Self

from interplay_bench.dialogues.dialogue import ACTIONS, Action, Role, View
from interplay_bench.dialogues.markup import ACTION_CLOSE, ACTION_OPEN, RESPONSE_OPEN, action_token, title_tokens
from interplay_bench.dialogues.prompt import Channel, Message, Part, Prompt
from interplay_bench.dialogues.view_prompt import domain, persona_parts, turn_part
from interplay_bench.engines.language_model import Choice, Refusal
from interplay_bench.environment.errors import CardError
from interplay_bench.simulators.adapter import Reply, adapter, refuse_argument
from interplay_bench.simulators.card import ModelCard
from interplay_bench.simulators.card_engine import build_engine, sampling_of
from interplay_bench.simulators.language_model_simulator import LanguageModelSimulator

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
        refuse_argument(card, argument)
        how = sampling_of(card, seed)  # checked before weights are loaded
        if how.guided == "catalogue":
            raise CardError(
                f"In the settings of the model {card.name!r}: guided = 'catalogue' binds a fine-tuned recommender, "
                "whose titles stand between tokens of their own; take guided = true."
            )
        return cls(build_engine(card), how)

    def prompt(self, view: View) -> Prompt:
        """A chat: instructions and persona, then the turns; the model's own turns are the assistant's."""
        kind = domain(view)
        opening, closing = title_tokens(kind)
        instructions = INSTRUCTIONS[view.role].format(domain=kind, open=opening, close=closing)
        system = Message("system", (Part(Channel.INSTRUCTIONS, instructions), *persona_parts(view.persona)))
        turns = [Message("assistant" if turn.role is view.role else "user", (turn_part(turn),)) for turn in view.turns]
        starts = not turns or turns[0].role == "assistant"
        return Prompt((system, *([OPENING] if starts else []), *turns), chat=True, prefix=ACTION_OPEN)

    def respond(self, views: Sequence[View]) -> list[Reply]:
        """Write each view's next turn; guided, behind an action that was chosen first."""
        return self.write(views, self._begun(views)) if self.sampling.guided else super().respond(views)

    def _begun(self, views: Sequence[View]) -> list[Prompt | Refusal]:
        """The views' prompts with the action chosen; as they were where the model named none."""
        prompts = self.prompts(views)
        begun: list[Prompt | Refusal] = [*prompts]
        for role, actions in ACTIONS.items():
            places = [place for place, view in enumerate(views) if view.role is role]
            asked = [prompts[place] for place in places]
            answers = self.model.choose(asked, [action_token(action) for action in actions]) if asked else []
            for place, answer in zip(places, answers, strict=True):
                begun[place] = _begin(prompts[place], answer, actions)
        return begun


def _begin(prompt: Prompt, answer: Choice | Refusal, actions: Sequence[Action]) -> Prompt | Refusal:
    if isinstance(answer, Refusal):
        return answer
    if answer.index is None:
        return prompt
    begun = f"{action_token(actions[answer.index])}{ACTION_CLOSE}{RESPONSE_OPEN}"
    return replace(prompt, prefix=prompt.prefix + begun)
