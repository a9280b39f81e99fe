"""PEARL (Kim et al. 2024) and our own sample, which is in its record format.

What the release needs before it is a conversation, each step counted in the preprocessing report:
  - utterances are "Seeker: ..." or "Recommender: ..."; empty ones, and those of nobody, are dropped;
  - the two seed utterances that open every dialogue stay as context, marked as ``scripted``;
  - ``[EOD]``, in an utterance or alone, is removed, and whatever follows it, or follows the acceptance of the target,
    is trimmed;
  - utterances in a row by one speaker are one turn.

Titles in the text are found through the catalogue, and by their form where the catalogue does not know them: in quotes,
or before a year in brackets. Such an unknown item is an item: a recommender's turn recommends what nobody named before,
known or not. The catalogue is ``catalog.json`` beside the file (a list of titles, or ``{"movies": [...]}``): dialogues
that name another title with its year are dropped, as in the paper. Without one it is made of the file's own target and
seen titles, and no dialogue is dropped for it.

The acceptance is the first user turn after the target's recommendation that accepts, else the last one, unless it
refuses. A conversation that goes on was not accepted: an earlier turn that sounds like it is feedback.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import as_file, files
from itertools import groupby
from pathlib import Path
from typing import Any

from interplay_bench.datasets.dataset_entry import dataset
from interplay_bench.datasets.pearl_items import Rows, catalog_items, film_items, own_items, seen_titles, titled
from interplay_bench.datasets.pearl_reviews import readable, split_reviews, tastes
from interplay_bench.datasets.reading import (
    Row,
    UniqueIds,
    array_or_rows,
    check_split,
    locate,
    need,
    need_rows,
    tidy,
)
from interplay_bench.dialogues.action_rules import accepts, label, refuses
from interplay_bench.dialogues.dialogue import Action, Dialogue, Item, Mention, Persona, Role, SeenItem, Turn
from interplay_bench.dialogues.dialogue_set import DialogueSet, Preprocessing, Source
from interplay_bench.environment import hub
from interplay_bench.environment.errors import DataError, MissingDataError
from interplay_bench.items.title_index import TitleIndex
from interplay_bench.items.title_leak import scrub

SPLITS = ("train", "valid", "test")
HUB_ID = "LangAGI-Lab/pearl"
CATALOG = "catalog.json"
SEEDS = (
    "Hi there! I'm in the mood to watch a movie. Can you recommend something?",
    "Absolutely! What kind of movie are you in the mood for? Any specific genre or theme?",
)
"""The two utterances, seeker's and recommender's, that PEARL's generator starts every dialogue with."""
END = "[EOD]"
_END = re.compile(r"\[\s{0,3}EOD\s{0,3}\](?:[\s.!]{0,5}$)?", re.IGNORECASE)
"""The same as it may be written, and a stop behind it."""

_UTTERANCE = re.compile(r"\s*(Seeker|Recommender)\s*:\s*(.*)", re.DOTALL | re.IGNORECASE)
_ROLES = {"seeker": Role.USER, "recommender": Role.RECOMMENDER}
_REVIEW = re.compile(r"^[ \t]*Review[ \t]*:\s*(.*)", re.DOTALL | re.MULTILINE)


@dataset("pearl", splits=SPLITS)
def load(source: Source) -> DialogueSet:
    """PEARL: dialogues composed by two language models from film reviews (hub, or --data FILE or folder)."""
    check_split("pearl", source.split, SPLITS)
    hub_id = _hub_id(source)
    if hub_id is not None:
        return read("pearl", source.split, _from_hub(hub_id, source.split), hub_id)
    path = locate("PEARL", source, (f"{source.split}.json", f"{source.split}.jsonl"))
    known = path.parent / CATALOG
    catalog = TitleIndex(catalog_items(known)) if known.is_file() else None
    return read("pearl", source.split, array_or_rows(path), str(path), catalog)


@dataset("sample", splits=SPLITS)
def load_sample(source: Source) -> DialogueSet:
    """Ours, shipped: synthetic dialogues about real films, in PEARL's record format."""
    check_split("sample", source.split, SPLITS)
    if source.data is not None:
        raise DataError("The sample data set is shipped and takes no --data: use --dataset pearl for files like it.")
    return _sample(source.split)


@cache  # it cannot change, and live talk asks for both splits once a pair
def _sample(split: str) -> DialogueSet:
    folder = files("interplay_bench.datasets.sample")
    with as_file(folder / f"{split}.json") as path, as_file(folder / "films.toml") as films:
        if not path.is_file() or not films.is_file():
            raise DataError(
                f"This installation lacks the sample's {path.name} or films.toml: install the package anew."
            )
        return read("sample", split, array_or_rows(path), path.name, TitleIndex(film_items(films)), synthetic=True)


def read(
    name: str, split: str, rows: Rows, origin: str, catalog: TitleIndex | None = None, *, synthetic: bool = False
) -> DialogueSet:
    """Turn PEARL's records into dialogues.

    ``origin`` names the source in errors. With a ``catalog``, dialogues about items outside it are dropped; without
    one, it is made of the titles in the records.
    """
    report = Preprocessing()
    numbered = list(rows)
    need_rows(len(numbered), origin)
    reader = _Reader(catalog or TitleIndex(own_items(numbered, origin)), report, closed=catalog is not None)
    dialogues = []
    for number, row in numbered:
        report.rows += 1
        dialogue = reader.dialogue(row, f"record {number} of {origin}", f"{split}-{number}")
        if dialogue is not None:
            dialogues.append(dialogue)
    return DialogueSet(name, split, tuple(dialogues), reader.items, report, synthetic)


class _OutsideCatalogError(Exception):
    """The dialogue is about an item that the catalogue does not hold."""


@dataclass(frozen=True, slots=True)
class _Said:
    """An utterance: whose, what, and whether the end of the dialogue was marked in it."""

    role: Role
    text: str
    ends: bool = False
    scripted: bool = False


class _Reader:
    """Turns records into dialogues over one catalogue, and keeps count."""

    def __init__(self, catalog: TitleIndex, report: Preprocessing, *, closed: bool) -> None:
        self._catalog, self._report, self._closed = catalog, report, closed
        self._found: dict[str, Item] = {}
        self._unique = UniqueIds(report.repairs)

    @property
    def items(self) -> tuple[Item, ...]:
        """The catalogue's items, and those found by the form of their title."""
        return (*self._catalog.items, *self._found.values())

    def dialogue(self, row: Row, where: str, default_id: str) -> Dialogue | None:
        """The record's dialogue; ``None``, counted by reason, if there is none."""
        utterances = need(row, "dialogue", list, where)
        persona_text = need(row, "user_persona", str, where)
        target_title = need(row, "gt_movie_title", str, where)
        if not target_title.strip():
            self._report.dropped["no target title"] += 1
            return None
        said = self._merged(*self._said(utterances, where))
        if not any(not each.scripted for each in said):
            self._report.dropped["no utterance but the seeds"] += 1
            return None
        try:
            target = self._item(target_title)
            turns = self._turns(said)
        except _OutsideCatalogError:
            self._report.dropped["item outside the catalogue"] += 1
            return None
        return Dialogue(
            id=self._unique(str(row.get("data_id", default_id))),
            user_id=str(row.get("user_id", "")),
            persona=self._persona(row, where, persona_text, target),
            target=target,
            turns=self._ended(turns, target, said),
        )

    def _said(self, utterances: Sequence[Any], where: str) -> tuple[list[_Said], int | None]:
        """What is said, and how much of it before the first mark of the end, where there is one."""
        said: list[_Said] = []
        end: int | None = None
        for index, utterance in enumerate(utterances):
            if not isinstance(utterance, str):
                raise DataError(f"An utterance in {where} is a {type(utterance).__name__}, where a text is needed.")
            match = _UTTERANCE.fullmatch(utterance)
            text = tidy(_END.sub(" ", match.group(2) if match else utterance))
            if not text:
                self._report.turns_dropped["empty"] += 1
            elif match is None:
                self._report.turns_dropped["no speaker named"] += 1
            else:
                scripted = index < len(SEEDS) and text == SEEDS[index]
                said.append(_Said(_ROLES[match.group(1).lower()], text, scripted=scripted))
            if _END.search(utterance):
                self._report.repairs[f"{END} removed"] += 1
                end = len(said) if end is None else end
        return said, end

    def _merged(self, said: Sequence[_Said], end: int | None) -> list[_Said]:
        """The utterances up to the marked end, those in a row by one speaker as one."""
        self._trimmed(0 if end is None else len(said) - end)
        merged = []
        for role, group in groupby(said[:end], key=lambda each: each.role):
            run = list(group)
            if len(run) > 1:
                self._report.repairs["utterances in a row by one speaker joined"] += len(run) - 1
            text = " ".join(each.text for each in run)
            merged.append(_Said(role, text, scripted=all(each.scripted for each in run)))
        if merged and end is not None:
            merged[-1] = replace(merged[-1], ends=True)
        return merged

    def _turns(self, said: Sequence[_Said]) -> tuple[Turn, ...]:
        turns: list[Turn] = []
        named: set[Item] = set()
        for each in said:
            mentions = self._mentions(each.text)
            items = dict.fromkeys(mention.item for mention in mentions)
            new = tuple(item for item in items if item not in named) if each.role is Role.RECOMMENDER else ()
            named.update(items)
            turns.append(Turn(each.role, Action.CHAT, each.text, mentions, new, each.scripted))
        return label(turns)

    def _mentions(self, text: str) -> tuple[Mention, ...]:
        """The titles in ``text``; those that the catalogue lacks are items too."""
        found = self._catalog.search(text)
        if self._closed and any(other.item.year for other in found.unknown):
            raise _OutsideCatalogError
        unknown = [replace(other, item=self._unknown(other.item)) for other in found.unknown]
        return tuple(sorted((*found.mentions, *unknown), key=lambda mention: mention.start))

    def _item(self, title: str) -> Item:
        """The catalogue's item of that title; one of its own where the catalogue is open."""
        item = self._catalog.find(title)
        if item is None and self._closed:
            raise _OutsideCatalogError
        return item or self._unknown(titled(title))

    def _unknown(self, item: Item) -> Item:
        if item.id not in self._found:
            self._report.repairs["unknown item: named, but not in the catalogue"] += 1
        return self._found.setdefault(item.id, item)

    def _ended(self, turns: tuple[Turn, ...], target: Item, said: Sequence[_Said]) -> tuple[Turn, ...]:
        """The turns up to the acceptance of the target, which becomes the only one."""
        acceptance = _acceptance(turns, target, said)
        if acceptance is not None:
            self._trimmed(len(turns) - acceptance - 1)
            turns = turns[: acceptance + 1]
        ended = []
        for index, turn in enumerate(turns):
            action = turn.action
            if index == acceptance:
                action = Action.ACCEPT
            elif action is Action.ACCEPT:
                self._report.repairs["acceptance in mid-dialogue read as feedback"] += 1
                action = Action.FEEDBACK
            ended.append(turn if action is turn.action else replace(turn, action=action))
        return tuple(ended)

    def _trimmed(self, count: int) -> None:
        if count:
            self._report.turns_dropped["after the end of the dialogue"] += count
            self._report.repairs["run-on after the end trimmed"] += 1

    def _persona(self, row: Row, where: str, text: str, target: Item) -> Persona:
        titles = seen_titles(row, where)
        nothing_seen = row.get("seen_movie_titles") == []  # as it says: then the text is no reviews
        reviews = [] if nothing_seen else split_reviews(text, len(titles))
        if len(titles) != len(reviews):
            self._report.repairs["seen films without a title each: numbered"] += 1
            titles = [f"Seen film {number}" for number in range(1, len(reviews) + 1)]
        seen = [self._catalog.find(title) or titled(title) for title in titles]
        wanted = _REVIEW.search(str(row.get("gt_abstract") or ""))
        if wanted is None:
            self._report.repairs["no review of the target: no target attributes"] += 1
        summary = tidy(text) if nothing_seen else tastes(reviews)
        for item in (target, *seen):
            summary = scrub(item, summary)
        return Persona(
            general_preferences=summary,
            history=tuple(
                SeenItem(item, scrub(target, readable(review))) for item, review in zip(seen, reviews, strict=True)
            ),
            target_attributes=scrub(target, readable(wanted.group(1))) if wanted else "",
        )


def _acceptance(turns: tuple[Turn, ...], target: Item, said: Sequence[_Said]) -> int | None:
    """The index of the user turn that accepts the target."""
    proposed = next((index for index, turn in enumerate(turns) if target in turn.recommended), None)
    if proposed is None:
        return None
    answers = [i for i in range(proposed + 1, len(turns)) if turns[i].role is Role.USER]
    for index in answers:
        if accepts(turns[index].text) or said[index].ends:
            return index
    return answers[-1] if answers and not refuses(turns[answers[-1]].text) else None


def _hub_id(source: Source) -> str | None:
    """The hub's id, unless ``source`` names a file or folder."""
    if source.data is None:
        return HUB_ID
    is_id = re.fullmatch(r"[\w.-]+/[\w.-]+", source.data) is not None
    return source.data if is_id and source.path is not None and not source.path.exists() else None


def _from_hub(hub_id: str, split: str) -> Rows:
    fix = "Download its json files elsewhere and give their folder by --data, or use --dataset sample."
    from datasets import config, load_dataset

    kept = Path(config.HF_DATASETS_CACHE) / hub_id.replace("/", "___")
    if not kept.is_dir() and not hub.answers(hub.dataset_url(hub_id)):
        raise MissingDataError(
            f"{hub_id} could not be fetched from the hub (it does not have it, or does not answer). {fix}"
        )
    try:
        splits = load_dataset(hub_id)
    except Exception as error:
        raise DataError(f"{hub_id} could not be fetched from the hub ({type(error).__name__}). {fix}") from error
    for name in {"valid": ("valid", "validation")}.get(split, (split,)):
        if name in splits:
            return enumerate(splits[name], start=1)
    raise MissingDataError(f"{hub_id} has no split {split!r} on the hub: it has {', '.join(splits)}.")
