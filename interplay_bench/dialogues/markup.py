"""The paper's action format (section 3.5): turns to text and back.

``<action><recommend></action><response>You may enjoy <movie_title>Heat (1995)</movie_title>.</response>``

Every structural token is one special token of a fine-tuned model's tokenizer. :func:`parse` never raises: what a
model wrote wrong comes back as :class:`Malformed`, so that it is counted and not lost.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from interplay_bench.dialogues.dialogue import ACTIONS, Action, Item, Mention, Role, Turn

ACTION_OPEN, ACTION_CLOSE = "<action>", "</action>"
RESPONSE_OPEN, RESPONSE_CLOSE = "<response>", "</response>"
END = RESPONSE_CLOSE
"""The token that ends a turn."""

# No title is longer: without a bound, output that opens titles and closes none takes time by its length squared.
_TITLE = re.compile(r"<(\w{1,40})_title>(.{0,500}?)</\1_title>", re.DOTALL)
_WELL_FORMED = re.compile(r"\s*<action>\s*<([\w-]+)>\s*</action>\s*<response>(.*?)(?:</response>\s*|\Z)", re.DOTALL)
_STRUCTURAL = re.compile(
    r"</?(?:action|response|\w+_title)>|<(?:%s)>" % "|".join([*Role, *Action])  # noqa: UP031
)
_BROKEN_OFF = re.compile(r"<(\w+)_title>(?:(?!</\1_title>).)*\Z|<[/\w-]*\Z", re.DOTALL)
_NAME = re.compile(r"(.*\S)\s*\(\s*(\d{4})\s*\)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Malformed:
    """Model output that is no turn: the ``reason``, and the readable ``text`` that is left of it."""

    reason: str
    text: str


def action_token(action: Action) -> str:
    """The structural token of an action: ``<disclose-goal>``."""
    return f"<{action}>"


def role_token(role: Role) -> str:
    """The structural token that opens a role's turn: ``<user>``."""
    return f"<{role}>"


def title_tokens(domain: str) -> tuple[str, str]:
    """The structural tokens around a title of ``domain``: ``<movie_title>``, ``</movie_title>``."""
    return f"<{domain}_title>", f"</{domain}_title>"


def is_structural(token: str) -> bool:
    """Whether ``token`` is one of the markup's own, of whatever domain."""
    return _STRUCTURAL.fullmatch(token) is not None


def title_domain(token: str) -> str | None:
    """The domain whose titles ``token`` opens: ``movie`` for ``<movie_title>``, ``None`` for any other token."""
    return token[1 : -len("_title>")] if is_structural(token) and re.fullmatch(r"<\w+_title>", token) else None


def special_tokens(domain: str = "movie") -> tuple[str, ...]:
    """Every structural token, in the order in which a tokenizer learns them."""
    return (
        *(role_token(role) for role in Role),
        ACTION_OPEN,
        ACTION_CLOSE,
        RESPONSE_OPEN,
        RESPONSE_CLOSE,
        *title_tokens(domain),
        *(action_token(action) for action in Action),
    )


def neutral(text: str) -> str:
    """Return ``text`` with anything that reads as a structural token defused (``<accept>`` becomes ``‹accept›``)."""
    return _STRUCTURAL.sub(lambda match: "‹" + match.group()[1:-1] + "›", text)


def render(turn: Turn, note: Callable[[Item], str] = lambda item: "") -> str:
    """Write a turn in the action format. Tokens that stand in the turn's own text are defused.

    ``note``: what is written behind an item's title.
    """
    pieces: list[str] = []
    at = 0
    for mention in turn.mentions:
        opening, closing = title_tokens(mention.item.domain)
        pieces += [neutral(turn.text[at : mention.start]), opening]
        pieces += [neutral(turn.text[mention.start : mention.end]), closing, neutral(note(mention.item))]
        at = mention.end
    pieces.append(neutral(turn.text[at:]))
    body = "".join(pieces)
    return f"{ACTION_OPEN}{action_token(turn.action)}{ACTION_CLOSE}{RESPONSE_OPEN}{body}{RESPONSE_CLOSE}"


def parse(text: str, role: Role) -> Turn | Malformed:
    """Read a model's output as one turn of ``role``; whatever follows the turn's end is ignored.

    The closing ``</response>`` may be missing, since engines stop at it. Titles become items whose id is their
    title; a catalogue resolves them. A recommend turn recommends every item that it names.
    """
    match = _WELL_FORMED.match(text)
    if match is None:
        return Malformed(_reason(text), readable(text))
    name, body = match.groups()
    if name not in [str(action) for action in ACTIONS[role]]:
        known = name in [str(action) for action in Action]
        return Malformed(f"action of the other role: {name}" if known else "unknown action", readable(body))
    if not readable(body):
        return Malformed("empty response", "")
    if _STRUCTURAL.search(_TITLE.sub(r"\2", body)):
        return Malformed("stray structural token", readable(body))
    action = Action(name)
    plain, mentions = title_mentions(body)
    recommended = tuple(dict.fromkeys(m.item for m in mentions)) if action is Action.RECOMMEND else ()
    return Turn(role, action, plain, mentions, recommended)


def without_broken_end(text: str) -> str:
    """Return output that a token limit cut short, less the title or token in whose middle it was cut.

    A title's first words may name another item.
    """
    return _BROKEN_OFF.sub("", text)


def title_and_year(name: str) -> tuple[str, int | None]:
    """Split ``Heat (1995)`` into ``("Heat", 1995)``; the year is ``None`` where there is none."""
    match = _NAME.fullmatch(name.strip())
    return (match.group(1), int(match.group(2))) if match else (name.strip(), None)


def title_mentions(body: str) -> tuple[str, tuple[Mention, ...]]:
    """Take the title tokens out of ``body``: return the plain text and where the titles stand in it."""
    plain, at = "", 0
    mentions: list[Mention] = []
    for match in _TITLE.finditer(body):
        domain, surface = match.groups()
        plain += body[at : match.start()]
        title, year = title_and_year(surface)
        if title:
            item = Item(id=surface.strip(), title=title, year=year, domain=domain)
            mentions.append(Mention(item, len(plain), len(plain) + len(surface)))
        plain += surface
        at = match.end()
    return plain + body[at:], tuple(mentions)


def readable(text: str) -> str:
    """Return ``text`` without any structural token, on one line."""
    return " ".join(_STRUCTURAL.sub(" ", text).split())


def _reason(text: str) -> str:
    if not text.strip():
        return "empty output"
    if ACTION_OPEN not in text:
        return "no action"
    if RESPONSE_OPEN not in text:
        return "no response"
    return "action and response out of order"
