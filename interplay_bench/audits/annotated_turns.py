"""Dialogues whose utterances people labelled with intents: IARD and MG-ShopDial.

IARD (Cai and Chen 2020, MIT): ReDial's dialogues, an utterance a turn; films stand as ``@id <title>``. Its seekers
*accept* (ACC) where they say that they will watch a film or are interested in it, and *reject* (REJ) where they
dislike it; having seen it (SEE) is neither.

MG-ShopDial (Bernard and Balog 2023, open access): shopping, with votes of five annotators. It has no acceptance: a
client's *positive feedback* (``pf``) stands for it, and *negative feedback* (``nf``) for a rejection, where most of
the annotators say so. A wizard's proposal is an utterance that most call ``recommend``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from interplay_bench.datasets.reading import Row, locate, need, read_json, shortened, tidy
from interplay_bench.dialogues.dialogue import Action, Item, Mention, Role, Turn
from interplay_bench.dialogues.dialogue_set import Source
from interplay_bench.dialogues.markup import title_and_year
from interplay_bench.environment.errors import DataError

_FILM = re.compile(r"@(\d+)\s*<\s*([^<>]*?)\s*>")
_IARD_ROLES = {"seeker": Role.USER, "recommender": Role.RECOMMENDER}
_SHOP_ROLES = {"Client": Role.USER, "Wizard": Role.RECOMMENDER}
_MOST = 3
"""How many of five annotators are most of them."""


@dataclass(frozen=True, slots=True)
class AnnotatedDialogue:
    """A dialogue with its turns, actions still to be given, and what people say of each turn."""

    id: str
    domain: str
    turns: tuple[Turn, ...]
    intents: tuple[frozenset[str], ...]


def read_iard(source: Source) -> Iterator[AnnotatedDialogue]:
    """IARD's dialogues (``iard.json``); the intents of a turn are its labels of both levels."""
    path = locate("IARD", source, ("iard.json",))
    rows = read_json(path)
    if not isinstance(rows, dict):
        raise DataError(f"{path} is a {type(rows).__name__}, where an object of dialogues by id is needed.")
    for name, row in rows.items():
        where = f"dialogue {shortened(name)} of {path}"
        turns: list[Turn] = []
        intents: list[frozenset[str]] = []
        named: set[Item] = set()
        for said in need(_object(row, where), "dialogue_info", dict, where).values():
            _object(said, where)
            labels = {
                str(label)
                for level in ("top-level intent/action", "sub-intent/action")
                for label in need(said, level, list, where)
            }
            role = _role(need(said, "role", str, where), _IARD_ROLES, where)
            turn = _film_turn(role, need(said, "utterance_text", str, where), named)
            named.update(turn.items)
            turns.append(turn)
            intents.append(frozenset(labels))
        yield AnnotatedDialogue(name, "movie", tuple(turns), tuple(intents))


def read_mg_shopdial(source: Source) -> Iterator[AnnotatedDialogue]:
    """MG-ShopDial's dialogues (``MGShopDial.json``); an intent counts where most annotators give it."""
    path = locate("MG-ShopDial", source, ("MGShopDial.json",))
    rows = read_json(path)
    if not isinstance(rows, list):
        raise DataError(f"{path} is a {type(rows).__name__}, where a list of dialogues is needed.")
    for number, row in enumerate(rows, start=1):
        where = f"dialogue {number} of {path}"
        name = need(_object(row, where), "id", str, where)
        turns: list[Turn] = []
        intents: list[frozenset[str]] = []
        for place, said in enumerate(need(row, "utterances", list, where)):
            votes = need(_object(said, where), "intents", list, where)
            most = frozenset(str(intent) for intent, count in votes if count >= _MOST)
            role = _role(need(said, "participant", str, where), _SHOP_ROLES, where)
            # What is proposed has no id: the utterance itself stands for it.
            proposed = (Item(f"{name}/{place}", ""),) if "recommend" in most and role is Role.RECOMMENDER else ()
            turns.append(Turn(role, Action.CHAT, tidy(need(said, "utterance", str, where)), (), proposed))
            intents.append(most)
        yield AnnotatedDialogue(name, name.partition(":")[0].lower(), tuple(turns), tuple(intents))


def _film_turn(role: Role, raw: str, named: set[Item]) -> Turn:
    text, at = "", 0
    mentions: list[Mention] = []
    for match in _FILM.finditer(raw):
        title, year = title_and_year(tidy(match.group(2)))
        text += tidy(raw[at : match.start()]) + " "
        at = match.end()
        if title:
            item = Item(match.group(1), title, year)
            mentions.append(Mention(item, len(text), len(text) + len(item.name)))
            text += f"{item.name} "
    items = dict.fromkeys(mention.item for mention in mentions)
    new = tuple(item for item in items if item not in named) if role is Role.RECOMMENDER else ()
    return Turn(role, Action.CHAT, text + tidy(raw[at:]), tuple(mentions), new)


def _object(value: object, where: str) -> Row:
    if not isinstance(value, dict):
        raise DataError(f"{where[0].upper()}{where[1:]} is a {type(value).__name__}, where an object is needed.")
    return value


def _role(name: str, roles: dict[str, Role], where: str) -> Role:
    if name not in roles:
        raise DataError(f"A speaker in {where} is {shortened(repr(name))}: {' or '.join(roles)} is needed.")
    return roles[name]
