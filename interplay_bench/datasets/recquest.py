"""RecQuest (Kostric et al. 2025): people look for a hidden product with a conversational recommender.

The *target* is the product that the participant's story describes and whose title they never see. A *proposal* is a
product that the system added to what it recommends. The participant selects one in the interface and confirms it: that
proposal is *accepted*, and what else was proposed in such a session *rejected*. What the interface itself writes of the
selection is left out, as it would give the choice away. ``target_attributes`` is the story, less the target's title;
where the tasks beside the file do not have it, the participant's own words before the first proposal.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from pathlib import Path
from typing import Any

from interplay_bench.datasets.dataset_entry import dataset
from interplay_bench.datasets.first_half import RECIPE, first_half_persona
from interplay_bench.datasets.reading import (
    Row,
    UniqueIds,
    array_or_rows,
    check_split,
    json_rows,
    locate,
    may_have,
    need,
    need_rows,
    shortened,
    tidy,
)
from interplay_bench.dialogues.action_rules import label
from interplay_bench.dialogues.dialogue import Action, Dialogue, Item, Mention, Persona, Role, Turn
from interplay_bench.dialogues.dialogue_set import DialogueSet, Preprocessing, Source
from interplay_bench.environment.errors import DataError
from interplay_bench.items.title_leak import scrub
from interplay_bench.items.title_words import words

SPLITS = ("test",)
FILE = "dialogues.jsonl"
_ROLES = {"human": Role.USER, "ai": Role.RECOMMENDER}
_FOUND = re.compile(r"Selected item for recommendation: (.*) \(ID: (\w+)\)", re.DOTALL)
_ADDED = re.compile(r"Added to recommended: (\w+)")
_SELECTED = re.compile(r"Great! You've selected \*\*(.*?)\*\*", re.DOTALL)
_INTERFACE = ("Great! You've selected **", "I see you're interested in **", "Great! Before we finalize")
"""How the messages begin by which the interface, not the system, answers a click."""


@dataclass(frozen=True, slots=True)
class _Message:
    """What one side says; the ids of what it proposes; whether it confirms a selection."""

    role: Role
    text: str
    added: tuple[str, ...] = ()
    confirms: bool = False


@dataclass(slots=True)
class _Session:
    """What was said, and the title of what was selected and confirmed in the end."""

    said: list[_Message] = field(default_factory=list)
    selected: str | None = None


class _Products:
    """The products by id, with what the tasks and the sessions call them, and the stories of the targets."""

    def __init__(self, folder: Path) -> None:
        self._titles: dict[str, str] = {}
        self.stories: dict[str, str] = {}
        self.items: dict[str, Item] = {}
        for path in sorted(folder.glob("tasks_*.json")):
            for number, task in array_or_rows(path):
                where = f"task {number} of {path}"
                target = need(task, "target", dict, where)
                asin = need(target, "asin", str, where)
                self._titles[asin] = tidy(need(target, "title", str, where))
                self.stories[asin] = tidy(need(task, "story", str, where))

    def learn(self, messages: Sequence[Mapping[str, Any]]) -> None:
        """The titles that a session's messages tell."""
        for message in messages:
            match = _FOUND.match(message["content"])
            if match:
                self._titles.setdefault(match.group(2), tidy(match.group(1)))

    def get(self, asin: str, domain: str, title: str | None = None) -> Item:
        """The product; without a title anywhere it is called by its id."""
        name = self._titles.get(asin) or tidy(title or "") or f"Product {asin}"
        return self.items.setdefault(asin, Item(asin, name, None, domain))


@dataset("recquest", splits=SPLITS)
def load(source: Source) -> DialogueSet:
    """RecQuest: people look for a hidden product in five domains (--data FILE or folder)."""
    check_split("recquest", source.split, SPLITS)
    path = locate("RecQuest", source, (FILE,))
    rows = [(f"line {number} of {path}", row) for number, row in json_rows(path)]
    need_rows(len(rows), path)
    report = Preprocessing(rows=len(rows))
    unique = UniqueIds(report.repairs)
    products = _Products(path.parent)
    for where, row in rows:
        products.learn(_messages(row, where))
    found = (_dialogue(row, where, products, unique, report) for where, row in rows)
    dialogues = tuple(dialogue for dialogue in found if dialogue is not None)
    return DialogueSet("recquest", source.split, dialogues, tuple(products.items.values()), report)


def _messages(row: Row, where: str) -> list[Mapping[str, Any]]:
    messages: list[Mapping[str, Any]] = need(row, "messages", list, where)
    for number, message in enumerate(messages):
        place = f"message {number} of {where}"
        if not isinstance(message, dict):
            raise DataError(f"M{place[1:]} is a {type(message).__name__}, where an object is needed.")
        need(message, "content", str, place)
        if need(message, "role", str, place) not in (*_ROLES, "system"):
            raise DataError(f"'role' in {place} is {shortened(repr(message['role']))}: human, ai or system is needed.")
    return messages


def _dialogue(row: Row, where: str, products: _Products, unique: UniqueIds, report: Preprocessing) -> Dialogue | None:
    domain = need(row, "domain", str, where)
    session = _session(_messages(row, where), report)
    target = may_have(row, "target", dict, where)
    hidden = None if target is None else products.get(need(target, "id", str, where), domain, target.get("title"))
    turns: list[Turn] = []
    confirmed: set[int] = set()
    proposed: set[Item] = set()
    for role, run in groupby(session.said, key=lambda message: message.role):
        messages = list(run)
        added = [products.get(asin, domain) for message in messages for asin in message.added]
        new = tuple(dict.fromkeys(item for item in added if item not in proposed))
        proposed.update(new)
        text = " ".join(message.text for message in messages)
        confirmed.update([len(turns)] if any(message.confirms for message in messages) else [])
        turns.append(Turn(role, Action.CHAT, text, _mentions(new, text), new))
    if not turns:
        report.dropped["no message with text"] += 1
        return None
    named = (item.id for item in proposed if item.title == tidy(session.selected or ""))
    selected = next(named, None) if session.selected else None
    if session.selected and selected is None:
        report.repairs["selection of what was not proposed: no verdicts"] += 1
    verdicts = {
        index: any(item.id == selected for item in turn.recommended)
        for index, turn in enumerate(turns)
        if turn.recommended and selected is not None
    }
    own = unique(need(row, "id", str, where))
    outcome = "selected" if selected else "not selected"
    acted = tuple(
        replace(turn, action=Action.ACCEPT) if index in confirmed else turn for index, turn in enumerate(label(turns))
    )
    return Dialogue(own, own, _persona(acted, hidden, products, report), hidden, acted, {}, outcome, verdicts)


def _session(messages: Sequence[Mapping[str, Any]], report: Preprocessing) -> _Session:
    session = _Session()
    added: list[str] = []
    clicked: str | None = None
    for message in messages:
        text, role = tidy(message["content"]), _ROLES.get(message["role"])
        if role is None:
            added += _ADDED.findall(text)
        elif text.startswith(_INTERFACE):
            report.turns_dropped["message of the interface about a selection"] += 1
            match = _SELECTED.match(text)
            clicked = match.group(1) if match else clicked
        elif text:
            if role is Role.USER:
                confirms = clicked is not None and text.lower().startswith("yes")
                session.selected = clicked if confirms else session.selected
                session.said.append(_Message(role, text, confirms=confirms))
                clicked = None
            else:
                session.said.append(_Message(role, text, tuple(added)))
                added = []
    if added:
        report.repairs["product proposed without a word: left out"] += len(added)
    return session


def _mentions(items: Sequence[Item], text: str) -> tuple[Mention, ...]:
    """Where the products are named: by the longest beginning of their title, of two words or more."""
    found: list[Mention] = []
    spoken = words(text)
    for item in items:
        title = [word.form for word in words(item.title)]
        best: tuple[int, int, int] | None = None
        for at in range(len(spoken)):
            length = 0
            while at + length < len(spoken) and length < len(title) and spoken[at + length].form == title[length]:
                length += 1
            if length > max(1, best[0] if best else 1):
                best = (length, spoken[at].start, spoken[at + length - 1].end)
        if best and all(best[2] <= mention.start or mention.end <= best[1] for mention in found):
            found.append(Mention(item, best[1], best[2]))
    return tuple(sorted(found, key=lambda mention: mention.start))


def _persona(turns: Sequence[Turn], target: Item | None, products: _Products, report: Preprocessing) -> Persona:
    story = products.stories.get(target.id) if target else None
    if target is None or story is None:
        report.repairs[RECIPE] += 1
        return first_half_persona(turns, target)
    return Persona(target_attributes=scrub(target, story))
