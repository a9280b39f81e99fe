"""From a prompt's messages to the text that a model reads, so that each message's text stands in it once.

Chat templates differ in what they take: some drop a system's message or refuse it, some want a user's first, some want
contents as parts. How to ask a template is found by rendering placeholders, once for each order of roles; where none of
the ways keeps every message, that is one clear error. Both engines render by these rules.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from interplay_bench.dialogues.prompt import Prompt
from interplay_bench.engines.control_tokens import defuser
from interplay_bench.environment.errors import UsageError

Messages = list[dict[str, Any]]

TRANSCRIPT = (
    "{% for message in messages %}"
    "{{ {'system': '', 'user': 'User: ', 'assistant': 'Assistant: '}[message.role] }}{{ message.content }}\n\n"
    "{% endfor %}{% if add_generation_prompt %}Assistant: {% endif %}"
)
"""How a model without a chat template, a base model, reads a conversation."""
DATE = datetime(2024, 7, 26)
"""The date for templates that write today's: tomorrow's prompt must be today's."""
_FIELDS = "".join(f" | replace('%{field}', '{DATE.strftime('%' + field)}')" for field in "aAbBdHIjmMpSyY")
_FIXED_DATE = f"{{% macro strftime_now(format) %}}{{{{ format{_FIELDS} }}}}{{% endmacro %}}"
"""A template's own function of that name comes before the library's."""
LONGEST = 2_000_000
"""Characters of a rendered prompt; no context holds more."""

_log = logging.getLogger("interplay_bench")


class UnrenderableError(UsageError):
    """The chat template does not take this order of roles."""


class ChatRendering:
    """Renders prompts by a tokenizer's chat template; ``options``: further variables of the template."""

    def __init__(self, tokenizer: Any, options: Mapping[str, Any] | None = None) -> None:
        self._tokenizer = tokenizer
        self._options = dict(options or {})
        self._defused = defuser(tokenizer)
        self._ways: dict[tuple[str, ...], Callable[[Messages], Messages]] = {}
        self._template = tokenizer.chat_template
        if isinstance(self._template, dict):  # templates by name, as for chats and for tools
            self._template = self._template.get("default")
        if not self._template:
            _log.warning("The model has no chat template: it reads conversations as plain transcripts.")
            self._template = TRANSCRIPT
        if "strftime_now" in self._template:
            self._template = _FIXED_DATE + self._template

    def text(self, prompt: Prompt) -> str:
        """The text of a prompt, its prefix last; raises :class:`UnrenderableError`."""
        contents = [self._defused(message.content) for message in prompt.messages]
        if not prompt.chat:
            return "".join(contents) + prompt.prefix
        roles = tuple(message.role for message in prompt.messages)
        if roles not in self._ways:
            self._ways[roles] = self._way(roles)
        messages: Messages = [{"role": r, "content": c} for r, c in zip(roles, contents, strict=True)]
        rendered = self._render(self._ways[roles](messages))
        _check_whole(rendered, contents)
        return rendered + prompt.prefix

    def takes(self, prompt: Prompt) -> bool:
        """Whether the template takes the prompt's order of roles."""
        try:
            self.text(prompt)
        except UnrenderableError:
            return False
        return True

    def _way(self, roles: Sequence[str]) -> Callable[[Messages], Messages]:
        """How messages of such roles are handed to the template so that none is lost or doubled."""
        marks = [f"mark {number} {'abcdefgh'[number % 8] * 3} end" for number in range(len(roles))]
        messages: Messages = [{"role": role, "content": mark} for role, mark in zip(roles, marks, strict=True)]
        problem = "it leaves out, repeats or moves a message"
        for way in (_as_they_are, _folded, _in_parts, lambda given: _in_parts(_folded(given))):
            try:
                rendered = self._render(way(messages))
            except Exception as error:  # a template is a program and raises what it likes
                problem = " ".join(str(error).split()) or type(error).__name__
                continue
            turns = [rendered.find(mark) for mark, role in zip(marks, roles, strict=True) if role != "system"]
            if all(rendered.count(mark) == 1 for mark in marks) and turns == sorted(turns):
                return way
        raise UnrenderableError(
            f"The model's chat template does not take this conversation ({', '.join(roles[:4])}...): {problem}. Give "
            "another by engine.chat_template=FILE.jinja."
        )

    def _render(self, messages: Messages) -> str:
        text = str(
            self._tokenizer.apply_chat_template(
                messages, chat_template=self._template, tokenize=False, add_generation_prompt=True,
                **self._options,
            )
        )  # fmt: skip
        if len(text) > LONGEST:
            raise UnrenderableError(f"The model's chat template makes {len(text)} characters of one conversation.")
        return text


def _check_whole(rendered: str, contents: Sequence[str]) -> None:
    """Raise where a template cuts or rewrites a text; the space in it and around it is the template's affair."""
    lost = [content for content in contents if content.strip() not in rendered]
    written = "".join(rendered.split()) if lost else ""
    for content in lost:
        if "".join(content.split()) not in written:
            raise UsageError(
                f"The model's chat template cuts or changes a message's text ({content.strip()[:60]!r}...). Give "
                "another by engine.chat_template=FILE.jinja."
            )


def _as_they_are(messages: Messages) -> Messages:
    return messages


def _folded(messages: Messages) -> Messages:
    """The system's message at the head of the user's first, or in its place where the assistant speaks first."""
    if not messages or messages[0]["role"] != "system":
        return messages
    system, *rest = messages
    if rest and rest[0]["role"] == "user":
        first = {"role": "user", "content": f"{system['content']}\n\n{rest[0]['content']}"}
        return [first, *rest[1:]]
    return [{"role": "user", "content": system["content"]}, *rest]


def _in_parts(messages: Messages) -> Messages:
    return [{**message, "content": [{"type": "text", "text": message["content"]}]} for message in messages]
