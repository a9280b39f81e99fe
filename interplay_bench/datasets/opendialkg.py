"""OpenDialKG (Moon et al. 2019), as iEvaLM processed it: conversations about films and books, a row per recommendation.

The rows of a dialogue are its longest context with the last row's response; what was said after that is not in the
data. The one who recommends is the recommender, the other the user. A *proposal* is an entity that a row recommends and
nobody named before. Nobody was asked what they thought of it: there is no acceptance but what rules read in the words.
The *target* is the last proposal. There is no persona: the user's words before the first proposal stand for it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from interplay_bench.datasets.dataset_entry import dataset
from interplay_bench.datasets.first_half import RECIPE, first_half_persona
from interplay_bench.datasets.reading import Row, check_split, json_rows, locate, need, need_rows, read_json, tidy
from interplay_bench.dialogues.action_rules import label
from interplay_bench.dialogues.dialogue import Action, Dialogue, Item, Mention, Role, Turn
from interplay_bench.dialogues.dialogue_set import DialogueSet, Preprocessing, Source
from interplay_bench.environment.errors import DataError
from interplay_bench.items.title_index import place

SPLITS = ("train", "valid", "test")
METADATA = "id2info.json"
_FACETS = ("genre", "director", "writer", "actor", "language")
Places = Sequence[tuple[str, Row]]


class _Items:
    """The items by name. Those with a writer and neither director nor actor are taken for books."""

    def __init__(self, metadata: Path) -> None:
        facts = read_json(metadata) if metadata.is_file() else {}
        self._facts: dict[str, Mapping[str, Any]] = {}
        for fact in facts.values() if isinstance(facts, dict) else ():
            if isinstance(fact, dict) and isinstance(fact.get("name"), str):
                self._facts.setdefault(fact["name"], fact)
        self.used: dict[str, Item] = {}

    def get(self, name: str) -> Item:
        return self.used.setdefault(name, self._made(name))

    def others(self) -> tuple[Item, ...]:
        """The items of the metadata that no dialogue names."""
        return tuple(self._made(name) for name in self._facts if name not in self.used)

    def _made(self, name: str) -> Item:
        facts = self._facts.get(name, {})
        year = str(facts.get("year") or "")
        attributes = {facet: _values(facts.get(facet)) for facet in _FACETS}
        known = {facet: values for facet, values in attributes.items() if values}
        book = "writer" in known and not known.keys() & {"director", "actor"}
        return Item(name, tidy(name), int(year) if year.isdecimal() else None, "book" if book else "movie", known)


def _values(value: Any) -> tuple[str, ...]:
    found = value if isinstance(value, list) else [value]
    return tuple(dict.fromkeys(str(each) for each in found if each))


@dataset("opendialkg", splits=SPLITS)
def load(source: Source) -> DialogueSet:
    """OpenDialKG: conversations that recommend films and books, with facts (--data FILE or folder)."""
    check_split("opendialkg", source.split, SPLITS)
    path = locate("OpenDialKG", source, (f"{source.split}_data_processed.jsonl",))
    rows: dict[str, list[tuple[str, Row]]] = {}
    for number, row in json_rows(path):
        where = f"line {number} of {path}"
        rows.setdefault(str(need(row, "dialog_id", (int, str), where)), []).append((where, row))
    need_rows(len(rows), path)
    report = Preprocessing(rows=len(rows))
    items = _Items(path.parent / METADATA)
    found = (_dialogue(name, of_it, items, report) for name, of_it in rows.items())
    dialogues = tuple(dialogue for dialogue in found if dialogue is not None)
    return DialogueSet("opendialkg", source.split, dialogues, tuple(items.used.values()), report, others=items.others())


def _dialogue(name: str, rows: Places, items: _Items, report: Preprocessing) -> Dialogue | None:
    said: list[str] = []
    recommended: dict[int, list[str]] = {}
    for where, row in rows:
        turn, context = need(row, "turn_id", int, where), need(row, "context", list, where)
        texts = [*context, need(row, "resp", str, where)]
        if turn != len(context) or not all(isinstance(text, str) for text in texts):
            raise DataError(f"'context' in {where} is not {turn} texts, as its 'turn_id' says.")
        recommended[turn] = [name for name in need(row, "rec", list, where) if isinstance(name, str)]
        said = texts if len(texts) > len(said) else said
    sides = {turn % 2 for turn in recommended}
    if len(sides) > 1:
        report.dropped["both sides recommend"] += 1
        return None
    side, named = sides.pop(), set[Item]()
    turns: list[Turn] = []
    for index, text in enumerate(map(tidy, said)):
        role = Role.RECOMMENDER if index % 2 == side else Role.USER
        wanted = [items.get(name) for name in recommended.get(index, ())]
        mentions = _mentions([*named, *wanted], text)
        new = tuple(dict.fromkeys(item for item in wanted if item not in named))
        if role is Role.USER:
            new = ()
        report.repairs["recommendation of what was named before: no proposal"] += len(set(wanted)) - len(new)
        turns.append(Turn(role, Action.CHAT, text, mentions, new))
        named.update(wanted, (mention.item for mention in mentions))
    proposed = [item for turn in turns for item in turn.recommended]
    target = proposed[-1] if proposed else None
    report.repairs[RECIPE] += 1
    return Dialogue(name, name, first_half_persona(turns, target), target, label(turns))


def _mentions(items: Sequence[Item], text: str) -> tuple[Mention, ...]:
    found: list[Mention] = []
    for item in sorted(dict.fromkeys(items), key=lambda item: (-len(item.title), item.title)):
        span = place(item, text)
        if span is not None and all(span[1] <= m.start or m.end <= span[0] for m in found):
            found.append(Mention(item, *span))
    return tuple(sorted(found, key=lambda mention: mention.start))
