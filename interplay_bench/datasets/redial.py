"""ReDial (Li et al. 2018): crowd workers' conversations about films, with both sides' answers about every film.

The seeker (``initiatorWorkerId``) is the user. Two things come from the seeker's answers, by film:
  - a *new recommendation* is a film that the recommender names before anybody else does and that the seeker calls
    suggested (``suggested`` = 1);
  - the *target* is the last such film that the seeker liked (``liked`` = 1). A suggested and liked film that the
    recommender never newly names stays the target of a dialogue in which it is never proposed.
Messages in a row by one speaker are one turn. Film metadata (``id2info.json`` beside the file) is optional: it gives
the persona its tastes and the target its attributes: a wish (:mod:`interplay_bench.datasets.wish`), and a history of
films that were named before the target was proposed. ``--set data.attributes=facts`` has the makers, the cast and the
plot instead, as all records until 2026-11 had them. A data set in parts is read from several places, separated by
commas (``--data redial,redial-more``); the metadata may lie beside any of them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import groupby, takewhile
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from interplay_bench.datasets.dataset_entry import dataset
from interplay_bench.datasets.reading import (
    Row,
    UniqueIds,
    check_split,
    json_rows,
    listing,
    locate,
    need,
    need_rows,
    read_json,
    shortened,
    tidy,
)
from interplay_bench.datasets.wish import RECIPE, Wishes, themes_and_mood
from interplay_bench.dialogues.action_rules import label
from interplay_bench.dialogues.dialogue import Action, Dialogue, Item, Mention, Persona, Role, SeenItem, Turn
from interplay_bench.dialogues.dialogue_set import DialogueSet, Preprocessing, Source
from interplay_bench.dialogues.markup import title_and_year
from interplay_bench.environment.errors import DataError, UsageError
from interplay_bench.items.title_leak import leak, scrub
from interplay_bench.items.title_recognition import same

SPLITS = ("train", "valid", "test")
METADATA = "id2info.json"
UNNAMED = "a film"
WISH, FACTS = "wish", "facts"
ATTRIBUTES = (WISH, FACTS)
"""What ``data.attributes`` may be; the first is the default."""
HISTORY = 3
"""How many seen films a persona holds, as in the paper."""

_FILM = re.compile(r"@(\d+)")
_FACETS = ("genre", "director", "writer", "star")


@dataset("redial", splits=SPLITS, options=("attributes",))
def load(source: Source) -> DialogueSet:
    """ReDial: crowd workers' conversations about films, with the seeker's answers (--data FILE or folder[,another])."""
    check_split("redial", source.split, SPLITS)
    kind = source.options.get("attributes", WISH)
    if kind not in ATTRIBUTES:
        raise UsageError(f"data.attributes is {kind!r}, where {' or '.join(ATTRIBUTES)} is needed.")
    paths = [locate("ReDial", part, (f"{source.split}_data.jsonl",)) for part in _parts(source)]
    report = Preprocessing()
    metadata = [path.parent / METADATA for path in paths]
    films = _Films(next((path for path in metadata if path.is_file()), metadata[0]), kind, report.repairs)
    unique = UniqueIds(report.repairs)
    dialogues: list[Dialogue] = []
    for path in paths:
        before = report.rows
        for number, row in json_rows(path):
            report.rows += 1
            dialogue = _dialogue(row, f"line {number} of {path}", films, unique, report)
            if dialogue is not None:
                dialogues.append(dialogue)
        need_rows(report.rows - before, path)
    return DialogueSet("redial", source.split, tuple(dialogues), films.items, report, others=films.others())


def _parts(source: Source) -> list[Source]:
    """The places that ``source`` names: one, unless it is a list of them."""
    path = source.path
    if source.data is None or path is None or path.exists():
        return [source]
    return [replace(source, data=part) for part in source.data.split(",")]


class _Films:
    """The films by id: one :class:`Item` each, shared by all dialogues, and the phrases that personas are made of."""

    def __init__(self, metadata: Path, kind: str, repairs: Counter[str]) -> None:
        self.kind = kind
        self._facts: Mapping[str, Any] = read_json(metadata) if metadata.is_file() else {}
        if not isinstance(self._facts, dict):
            raise DataError(f"{metadata} is no JSON object of films by id: correct it, or move it away.")
        self._by_id: dict[str, Item] = {}
        self._attributes: dict[str, str] = {}
        self._descriptions: dict[str, str] = {}
        self._repairs = repairs

    @property
    def items(self) -> tuple[Item, ...]:
        return tuple(self._by_id.values())

    @cached_property
    def _known(self) -> tuple[Item, ...]:
        """The films of the metadata, as it calls them; some have no name."""
        facts = {film: facts for film, facts in self._facts.items() if isinstance(facts, dict)}
        return tuple(self._made(film, tidy(str(fact.get("name") or ""))) for film, fact in facts.items())

    @cached_property
    def _wishes(self) -> Wishes:
        return Wishes(self._known)

    def others(self) -> tuple[Item, ...]:
        """The films of the metadata that no dialogue names."""
        return tuple(item for item in self._known if item.title and item.id not in self._by_id)

    def get(self, film_id: str, names: Mapping[str, str]) -> Item:
        """The film, named by the dialogue's own list; a film without a name is "a film" in the text."""
        item = self._by_id.get(film_id)
        if item is None:
            item = self._made(film_id, names.get(film_id) or f"Unnamed film {film_id}")
            self._by_id[film_id] = item
        return item

    def _made(self, film_id: str, name: str) -> Item:
        facts = self._facts.get(film_id)
        facts = facts if isinstance(facts, dict) else {}
        title, year = title_and_year(name)
        attributes = {facet: _values(facts.get(facet)) for facet in (*_FACETS, "plot")}
        if self.kind == WISH:
            attributes |= themes_and_mood(" ".join(attributes["plot"]), attributes["genre"])
        return Item(film_id, title, year, attributes={k: v for k, v in attributes.items() if v})

    def description(self, item: Item) -> str:
        """The film's kind and makers in a phrase that does not name it; empty without metadata."""
        if item.id not in self._descriptions:
            self._descriptions[item.id] = _description(item)
        return self._descriptions[item.id]

    def attributes(self, item: Item) -> str:
        """What the film is like, in words that do not name it; empty without metadata."""
        if item.id not in self._attributes and self.kind == WISH:
            self._attributes[item.id] = self._wishes.of(item)
        if item.id not in self._attributes:
            plot = scrub(item, " ".join(item.attributes.get("plot", ())))
            sentence = self.description(item)
            said = f"{sentence[0].upper()}{sentence[1:]}." if sentence else ""
            self._attributes[item.id] = scrub(item, f"{said} {plot}".strip())
        return self._attributes[item.id]


@dataclass(frozen=True, slots=True)
class _Answer:
    """What the seeker said about a film: 1 yes, 0 no, 2 nothing."""

    suggested: int
    liked: int

    @property
    def is_target(self) -> bool:
        return self.suggested == 1 and self.liked == 1


def _dialogue(row: Row, where: str, films: _Films, unique: UniqueIds, report: Preprocessing) -> Dialogue | None:
    messages = need(row, "messages", list, where)
    names, answers = _names(row, where), _answers(row, where)
    seeker = need(row, "initiatorWorkerId", (int, str), where)
    name = str(need(row, "conversationId", (int, str), where))
    reader = _Reader(films, names, answers, report)
    turns = reader.turns(_merged(messages, seeker, where, report))
    if not turns:
        report.dropped["no message with text"] += 1
        return None
    target = reader.target()
    report.repairs[RECIPE] += films.kind == WISH and target is not None
    return Dialogue(
        id=unique(name),
        user_id=str(seeker),
        persona=_persona(reader.brought_up(before=target if films.kind == WISH else None), target, films),
        target=target,
        turns=label(turns),
        liked={item.id: answers[item.id].liked == 1 for item in reader.proposed if answers[item.id].liked in (0, 1)},
    )


class _Reader:
    """Goes through one dialogue and keeps who named which film first."""

    def __init__(
        self, films: _Films, names: Mapping[str, str], answers: Mapping[str, _Answer], report: Preprocessing
    ) -> None:
        self._films, self._names, self._answers, self._report = films, names, answers, report
        self._first: dict[str, Role] = {}
        self.proposed: list[Item] = []

    def turns(self, said: Iterable[tuple[Role, str]]) -> list[Turn]:
        """The turns; their actions are still to be given."""
        return [self._turn(role, text) for role, text in said]

    def target(self) -> Item | None:
        """The last film newly recommended that the seeker liked; else any that the seeker calls suggested and liked."""
        proposed = [item for item in self.proposed if self._answers[item.id].is_target]
        if proposed:
            return proposed[-1]
        liked = [film for film, answer in self._answers.items() if answer.is_target]
        named = [film for film in self._first if film in liked]
        return self._films.get((named or liked)[-1], self._names) if liked else None

    def brought_up(self, before: Item | None) -> dict[Item, bool]:
        """The films that the seeker named first, ``before`` that one, and liked (true) or not (false)."""
        named = takewhile(lambda first: before is None or first[0] != before.id, self._first.items())
        return {
            self._films.get(film, self._names): self._answers[film].liked == 1
            for film, role in named
            if role is Role.USER and film in self._answers and self._answers[film].liked in (0, 1)
        }

    def _turn(self, role: Role, raw: str) -> Turn:
        text, at = "", 0
        mentions: list[Mention] = []
        recommended: list[Item] = []
        for match in _FILM.finditer(raw):
            film = match.group(1)
            before = raw[at : match.start()]
            text += before + (" " if before[-1:].isalnum() else "")
            at = match.end()
            shown = self._shown(film)
            if film in self._names or film in self._answers:
                item = self._films.get(film, self._names)
                mentions.append(Mention(item, len(text), len(text) + len(shown)))
                if self._is_new(film, role):
                    recommended.append(item)
                self._first.setdefault(film, role)
            text += shown + (" " if raw[at : at + 1].isalnum() else "")
        self.proposed += recommended
        return Turn(role, Action.CHAT, text + raw[at:], tuple(mentions), tuple(recommended))

    def _is_new(self, film: str, role: Role) -> bool:
        suggested = film in self._answers and self._answers[film].suggested == 1
        return role is Role.RECOMMENDER and suggested and film not in self._first

    def _shown(self, film: str) -> str:
        if self._names.get(film):
            return self._films.get(film, self._names).name
        self._report.repairs["film without a name: written as 'a film'"] += 1
        return UNNAMED


def _merged(messages: list[Any], seeker: int | str, where: str, report: Preprocessing) -> list[tuple[Role, str]]:
    """Who says what; messages in a row by one speaker are joined by a space. An id may be a number or a text."""
    said: list[tuple[Role, str]] = []
    for message in messages:
        if not isinstance(message, dict):
            raise DataError(f"A message in {where} is no JSON object.")
        sender = need(message, "senderWorkerId", (int, str), f"a message in {where}")
        text = tidy(need(message, "text", str, f"a message in {where}"))
        if text:
            said.append((Role.USER if str(sender) == str(seeker) else Role.RECOMMENDER, text))
        else:
            report.turns_dropped["message without text"] += 1
    turns = [(role, " ".join(text for _, text in group)) for role, group in groupby(said, key=lambda pair: pair[0])]
    if len(said) > len(turns):
        report.repairs["messages joined to the one before by the same speaker"] += len(said) - len(turns)
    return turns


def _mapping(row: Row, key: str, where: str) -> Mapping[str, Any]:
    """``row[key]``, where the release writes an empty object as ``[]``."""
    value = need(row, key, (dict, list), where)
    if isinstance(value, dict):
        return value
    if value:
        raise DataError(f"{key!r} in {where} is a list, where an object by film id is needed.")
    return {}


def _names(row: Row, where: str) -> Mapping[str, str]:
    """The films' names by id, as far as they have any."""
    names = {}
    for film, name in _mapping(row, "movieMentions", where).items():
        if not isinstance(name, str | None):
            raise DataError(f"The name of film {film} in {where} is a {type(name).__name__}, where a text is needed.")
        names[film] = tidy(unquote(name or ""))
    return names


def _answers(row: Row, where: str) -> Mapping[str, _Answer]:
    """The seeker's answers by film."""
    answers = {}
    for film, answer in _mapping(row, "initiatorQuestions", where).items():
        if not isinstance(answer, dict):
            said = shortened(repr(answer))
            raise DataError(f"The answers about film {film} in {where} are {said}, where an object is needed.")
        for question in ("suggested", "liked"):
            if answer.get(question, 2) not in (0, 1, 2):
                said = shortened(repr(answer[question]))
                raise DataError(f"{question!r} of film {film} in {where} is {said}, where 0, 1 or 2 is needed.")
        answers[film] = _Answer(answer.get("suggested", 2), answer.get("liked", 2))
    return answers


def _persona(brought_up: Mapping[Item, bool], target: Item | None, films: _Films) -> Persona:
    # A film may have several ids.
    seen = {item: liked for item, liked in brought_up.items() if target is None or not same(item, target)}
    liked = [item for item, like in seen.items() if like]
    disliked = [item for item, like in seen.items() if not like]

    tastes = _tastes(liked, disliked)
    reviews = [_review(films.description(item)) for item in liked[:HISTORY]]
    if target and leak(target, "\n".join([tastes, *reviews])):
        tastes, *reviews = (scrub(target, text) for text in (tastes, *reviews))
    return Persona(
        general_preferences=tastes,
        history=tuple(map(SeenItem, liked, reviews)),
        target_attributes=films.attributes(target) if target else "",
    )


def _tastes(liked: list[Item], disliked: list[Item]) -> str:
    """A summary of the films that the seeker brought up, in words that name none of them."""
    sentences = []
    genres = _frequent(liked, "genre")
    if genres:
        sentences.append(f"Enjoys {listing(genres)} films.")
    makers = _frequent(liked, "director")[:2]
    if makers:
        sentences.append(f"Has liked the work of {listing(makers)}.")
    avoided = tuple(genre for genre in _frequent(disliked, "genre") if genre not in genres)
    if avoided:
        sentences.append(f"Has been disappointed by {listing(avoided)} films.")
    return " ".join(sentences)


def _review(description: str) -> str:
    return f"Liked it: {description}." if description else "Liked it."


def _description(item: Item) -> str:
    """``a crime and drama film directed by Michael Mann, with Al Pacino``; nobody whose name holds the title."""
    genres = item.attributes.get("genre", ())[:3]
    directors = tuple(name for name in item.attributes.get("director", ()) if scrub(item, name) == name)[:2]
    stars = tuple(name for name in item.attributes.get("star", ()) if scrub(item, name) == name)[:3]
    if not (genres or directors or stars):
        return ""
    kind = listing(genres)
    article = "an" if kind[:1] in "aeiou" and kind else "a"
    directed = f" directed by {listing(directors)}" if directors else ""
    starring = f", with {listing(stars)}" if stars else ""
    text = f"{article} {kind} film".replace("  ", " ") + directed + starring
    return text if leak(item, text) is None else scrub(item, text)


def _frequent(items: list[Item], facet: str) -> tuple[str, ...]:
    counts = Counter(value for item in items for value in item.attributes.get(facet, ()))
    return tuple(value for value, _ in counts.most_common(3))


def _values(value: Any) -> tuple[str, ...]:
    found = value if isinstance(value, list) else [value]
    return tuple(text for text in (tidy(str(v)) for v in found if v is not None) if text and text != "N/A")
