"""LAPS (Joko et al. 2024): one worker's sessions about recipes or films, with preferences by category.

A session is a dialogue. A *proposal* is a page that the assistant links to and nobody linked to before; the item is
called by the words of its address. People labelled no acceptance: rules read it in the words. The *target* is the last
proposal. ``general_preferences`` are those of the worker's *earlier* sessions, never of the session itself, and
``target_attributes`` the user's words before the first proposal. Films and recipes that are named without a link are
not found.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from itertools import groupby
from typing import Any
from urllib.parse import unquote, urlsplit

from interplay_bench.datasets.dataset_entry import dataset
from interplay_bench.datasets.first_half import RECIPE, first_half_persona
from interplay_bench.datasets.reading import (
    Row,
    UniqueIds,
    array_or_rows,
    check_split,
    listing,
    locate,
    may_have,
    need,
    need_rows,
    shortened,
    tidy,
)
from interplay_bench.dialogues.action_rules import label
from interplay_bench.dialogues.dialogue import Action, Dialogue, Item, Mention, Role, Turn
from interplay_bench.dialogues.dialogue_set import DialogueSet, Preprocessing, Source
from interplay_bench.dialogues.markup import title_and_year
from interplay_bench.environment.errors import DataError
from interplay_bench.items.title_leak import scrub

SPLITS = ("train", "valid", "test")
_ROLES = {"User": Role.USER, "Assistant": Role.RECOMMENDER}
_LINK = re.compile(r"https?://[^\s<>\"')\]]+")
_KEPT = 3
"""How many values of a category a persona holds."""


@dataset("laps", splits=SPLITS)
def load(source: Source) -> DialogueSet:
    """LAPS: sessions about recipes or films, with a worker's preferences (--data FILE, or folder for recipes)."""
    check_split("laps", source.split, SPLITS)
    stem = {"valid": "val"}.get(source.split, source.split)
    path = locate("LAPS", source, (f"recipe_dataset_{stem}.json", f"movie_dataset_{stem}.json"))
    report = Preprocessing()
    unique = UniqueIds(report.repairs)
    items: dict[str, Item] = {}
    dialogues: list[Dialogue] = []
    for number, row in array_or_rows(path):
        dialogues += _worker(row, f"worker {number} of {path}", items, unique, report)
    need_rows(report.rows, path)
    return DialogueSet("laps", source.split, tuple(dialogues), tuple(items.values()), report)


def _worker(row: Row, where: str, items: dict[str, Item], unique: UniqueIds, report: Preprocessing) -> list[Dialogue]:
    worker, domain = need(row, "worker_id", str, where), need(row, "topic", str, where)
    dialogues = []
    known: dict[str, Counter[str]] = {}
    for number, session in enumerate(need(row, "sessions", list, where), start=1):
        place = f"session {number} of {where}"
        if not isinstance(session, dict):
            raise DataError(f"S{place[1:]} is a {type(session).__name__}, where an object is needed.")
        report.rows += 1
        turns = _turns(session, place, domain, items, report)
        if turns:
            proposed = [item for turn in turns for item in turn.recommended]
            target = proposed[-1] if proposed else None
            persona = replace(first_half_persona(turns, target), general_preferences=_preferences(known, target))
            report.repairs[RECIPE] += 1
            dialogues.append(Dialogue(unique(f"{worker}-{number}"), worker, persona, target, label(turns)))
        else:
            report.dropped["no message with text"] += 1
        for category, values in (may_have(session, "preferences", dict, place) or {}).items():
            said = values if isinstance(values, list) else [values]
            known.setdefault(category, Counter()).update(tidy(str(value)) for value in said)
    return dialogues


def _turns(
    session: Mapping[str, Any], where: str, domain: str, items: dict[str, Item], report: Preprocessing
) -> list[Turn]:
    said: list[tuple[Role, str]] = []
    for number, message in enumerate(need(session, "dialogue", list, where)):
        place = f"message {number} of {where}"
        if not isinstance(message, dict):
            raise DataError(f"M{place[1:]} is a {type(message).__name__}, where an object is needed.")
        role = need(message, "role", str, place)
        if role not in _ROLES:
            raise DataError(f"'role' in {place} is {shortened(repr(role))}, where User or Assistant is needed.")
        text = tidy(need(message, "message", str, place))
        if text:
            said.append((_ROLES[role], text))
        else:
            report.turns_dropped["message without text"] += 1
    named: set[Item] = set()
    turns = []
    for role, run in groupby(said, key=lambda pair: pair[0]):
        text = " ".join(words for _, words in run)
        mentions = tuple(Mention(_item(match.group(), domain, items), *match.span()) for match in _LINK.finditer(text))
        linked = dict.fromkeys(mention.item for mention in mentions)
        new = tuple(item for item in linked if item not in named) if role is Role.RECOMMENDER else ()
        named.update(linked)
        turns.append(Turn(role, Action.CHAT, text, mentions, new))
    return turns


def _item(link: str, domain: str, items: dict[str, Item]) -> Item:
    """The page's item: by its address without query, called by the longest run of words in it."""
    parts = urlsplit(link.rstrip(".,;:!?"))
    address = f"{parts.netloc.removeprefix('www.')}{parts.path.rstrip('/')}"
    pieces = [unquote(piece) for piece in parts.path.split("/")]
    named = max(pieces, key=lambda piece: len(re.findall(r"[^\W\d_]{2,}", piece)), default="")
    title, year = title_and_year(tidy(re.sub(r"[-_+]", " ", named.removesuffix(".html"))) or address)
    return items.setdefault(address, Item(address, title, year, domain))


def _preferences(known: Mapping[str, Counter[str]], target: Item | None) -> str:
    """What earlier sessions told, by category, without the target."""
    said = (
        f"{category.replace('_', ' ').capitalize()}: {listing(tuple(v for v, _ in values.most_common(_KEPT)))}."
        for category, values in known.items()
    )
    text = " ".join(said)
    return text if target is None else scrub(target, text)
