"""From records of plain data to dialogues: which item a name means, who proposes what, what had to be guessed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import groupby

from interplay_bench.datasets.first_half import RECIPE, first_half_persona
from interplay_bench.datasets.plain.catalog_file import facet_values
from interplay_bench.datasets.plain.record import PlainDialogue, PlainItem, PlainPersona, PlainSeen, PlainTurn
from interplay_bench.datasets.reading import tidy
from interplay_bench.dialogues.action_rules import label
from interplay_bench.dialogues.dialogue import ACTIONS, Action, Dialogue, Item, Mention, Persona, Role, SeenItem, Turn
from interplay_bench.dialogues.markup import title_and_year
from interplay_bench.items.title_index import TitleIndex, place

Named = str | PlainItem


class PlainItems:
    """The items by id and by title: the catalogue's, and those that only the dialogues name."""

    def __init__(self, catalog: Iterable[Item], repairs: Counter[str]) -> None:
        self._by_id = {item.id: item for item in catalog}
        self._learnt: dict[str, Item] = {}
        self.given = bool(self._by_id)
        self.titles = TitleIndex(self._by_id.values())
        self.used: dict[Item, None] = {}
        self._repairs = repairs

    @property
    def all(self) -> tuple[Item, ...]:
        """Every item known by now."""
        return tuple(self._by_id.values())

    def learn(self, record: PlainDialogue, domain: str) -> None:
        """Take up every item that the record names and the catalogue lacks; :meth:`index` makes them findable."""
        for named in _named(record):
            item = _item(named, domain)
            if item.id not in self._by_id and self.titles.find(item.title, item.year) is None:
                self._learnt.setdefault(item.id, item)

    def index(self) -> None:
        """Make all that was learnt findable by title; a title without a year is that of the item that has one."""
        dated = TitleIndex(item for item in self._learnt.values() if item.year is not None)
        new = {id: i for id, i in self._learnt.items() if i.year is not None or dated.find(i.title) is None}
        if self.given and new:
            self._repairs["item that the catalogue lacks: taken from the records"] += len(new)
        self._by_id |= new
        self.titles = TitleIndex(self._by_id.values())

    def get(self, named: Named, domain: str) -> Item:
        """The item that is meant: by its id, else by its title."""
        item = _item(named, domain)
        found = self._by_id.get(item.id) or self.titles.find(item.title, item.year) or item
        self.used[found] = None
        return found

    def mentions(self, text: str) -> tuple[Mention, ...]:
        """The items that a text names by their titles."""
        found = self.titles.mentions(text)
        self.used.update((mention.item, None) for mention in found)
        return found


def plain_dialogue(record: PlainDialogue, name: str, items: PlainItems, domain: str, repairs: Counter[str]) -> Dialogue:
    """The dialogue of a record that has a turn with text. Counts in ``repairs`` what the record leaves open."""
    target = None if record.target is None else items.get(record.target, domain)
    spoken = [turn for turn in record.turns if turn.text.strip()]
    runs = [list(run) for _, run in groupby(spoken, key=lambda turn: turn.role)]
    if len(spoken) > len(runs):
        repairs["turns joined to the one before by the same speaker"] += len(spoken) - len(runs)
    turns: list[Turn] = []
    verdicts: dict[int, bool] = {}
    named: set[Item] = set()
    for run in runs:
        turn = _turn(run, items, domain, named, repairs)
        named.update((*turn.items, *turn.recommended))
        answers = {said.accepted for said in run if said.accepted is not None}
        if turn.recommended and len(answers) == 1:
            verdicts[len(turns)] = answers.pop()
        elif answers:
            repairs["'accepted' at a turn that proposes nothing, or both yes and no: left out"] += 1
        turns.append(turn)
    acted = _acted(turns, runs, repairs)
    return Dialogue(
        id=name,
        user_id=name if record.user_id is None else str(record.user_id),
        persona=_persona(record.persona, acted, target, items, domain, repairs),
        target=target,
        turns=acted,
        liked={items.get(title, domain).id: like for title, like in record.liked.items()},
        outcome=record.outcome,
        verdicts=verdicts,
    )


def _turn(run: Sequence[PlainTurn], items: PlainItems, domain: str, named: set[Item], repairs: Counter[str]) -> Turn:
    text, mentions = "", []
    proposed: dict[Item, None] = {}
    told = any(said.recommended is not None for said in run)
    for said in run:
        text += " " if text else ""
        words = tidy(said.text)
        mentions += _mentions(said, words, len(text), items, domain, repairs)
        text += words
        proposed |= dict.fromkeys(items.get(each, domain) for each in said.recommended or ())
    role = run[0].role
    if role is Role.USER:
        return Turn(role, Action.CHAT, text, tuple(mentions), scripted=run[0].scripted)
    silent = all(said.action not in (None, Action.RECOMMEND) for said in run)
    if not told and not silent:
        proposed = dict.fromkeys(m.item for m in mentions if m.item not in named)
        repairs["recommendation guessed: an item that nobody named before"] += len(proposed)
    return Turn(role, Action.CHAT, text, tuple(mentions), tuple(proposed), scripted=run[0].scripted)


def _mentions(
    said: PlainTurn, text: str, offset: int, items: PlainItems, domain: str, repairs: Counter[str]
) -> list[Mention]:
    """Where the items of a turn stand in its text; ``offset`` is where that begins."""
    listed = [*(said.items or ()), *(said.recommended or ())]
    if said.items is None:
        found = {(m.start, m.end): m.item for m in items.mentions(text)}
        repairs["item found in a text by its title"] += len(found)
    else:
        found = {}
    for item in dict.fromkeys(items.get(each, domain) for each in listed):
        if item in found.values():
            continue
        span = place(item, text)
        if span is None:
            repairs["item of a turn whose title is not in its text: no mention"] += 1
        elif all(span[1] <= start or end <= span[0] for start, end in found):
            found[span] = item
    return [Mention(item, start + offset, end + offset) for (start, end), item in sorted(found.items())]


def _acted(turns: Sequence[Turn], runs: Sequence[Sequence[PlainTurn]], repairs: Counter[str]) -> tuple[Turn, ...]:
    """The turns with the record's actions, and those of the rules where it has none."""
    acted = []
    for turn, run in zip(label(turns), runs, strict=True):
        given = {said.action for said in run if said.action is not None}
        # Of several in one turn the weightiest: ACTIONS has acceptance and recommendation first.
        action = next((each for each in ACTIONS[turn.role] if each in given), None)
        repairs["action guessed by rules"] += action is None
        acted.append(turn if action is None else replace(turn, action=action))
    return tuple(acted)


def _persona(
    given: str | PlainPersona | None, turns: Sequence[Turn], target: Item | None, items: PlainItems, domain: str,
    repairs: Counter[str],
) -> Persona:  # fmt: skip
    if isinstance(given, str):
        return Persona(general_preferences=given.strip())
    if given is None:
        repairs[RECIPE] += 1
        return first_half_persona(turns, target)
    seen = [PlainSeen(item=each) if isinstance(each, str) else each for each in given.history]
    history = tuple(SeenItem(items.get(each.item, domain), each.review) for each in seen)
    return Persona(given.general_preferences, history, given.target_attributes)


def _named(record: PlainDialogue) -> Iterable[Named]:
    if record.target is not None:
        yield record.target
    if isinstance(record.persona, PlainPersona):
        yield from (each if isinstance(each, str) else each.item for each in record.persona.history)
    for turn in record.turns:
        yield from turn.items or ()
        yield from turn.recommended or ()
    yield from record.liked


def _item(named: Named, domain: str) -> Item:
    if isinstance(named, str):
        title, year = title_and_year(tidy(named))
        return Item(tidy(named), title, year, domain)
    title, year = title_and_year(tidy(named.title or str(named.id)))
    year = named.year if named.year is not None else year
    name = title if year is None else f"{title} ({year})"
    facets = {key: facet_values(value) for key, value in named.attributes.items()}
    return Item(name if named.id is None else str(named.id), title, year, named.domain or domain, facets)
