"""The classic user simulator, which is told the target: what the paper's reference-free ones are measured against."""

from __future__ import annotations

from typing import ClassVar

from interplay_bench.dialogues.dialogue import OracleView, Role, View
from interplay_bench.dialogues.markup import neutral
from interplay_bench.dialogues.prompt import Channel, Message, Part, Prompt
from interplay_bench.dialogues.view_prompt import domain
from interplay_bench.environment.errors import IncompatibleModelError
from interplay_bench.simulators.adapter import adapter

from .zero_shot import ZeroShot

TOLD = (
    "The one {domain} that you want is {target}. Accept it as soon as it is recommended and turn down everything "
    "else. Never say its title yourself: only hint at what it is like.\n"
)


@adapter("oracle-prompted")
class OraclePrompted(ZeroShot):
    """An instruction-tuned language model that is told the target, as simulators were before."""

    knows_target: ClassVar[bool] = True
    roles = frozenset({Role.USER})

    def prompt(self, view: View) -> Prompt:
        """The zero-shot prompt, with the target named before the persona."""
        if not isinstance(view, OracleView):
            raise IncompatibleModelError(
                "This model is told the target by design, and here nobody may know it: choose another."
            )
        plain = super().prompt(view)
        if view.target is None:
            return plain
        told = TOLD.format(domain=domain(view), target=neutral(view.target.name))
        instructions, *persona = plain.messages[0].parts
        system = Message("system", (instructions, Part(Channel.INSTRUCTIONS, told), *persona))
        return Prompt((system, *plain.messages[1:]), plain.chat, plain.prefix)
