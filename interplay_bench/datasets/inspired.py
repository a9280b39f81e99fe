"""INSPIRED (Hayati et al. 2020): crowd workers' conversations about films, with strategies and outcomes by hand.

Utterances in a row by one speaker are one turn. The films are those of the ``movies`` column, which was filled by
title matching and so names ordinary words too ("Mine", "It"): a film is kept where its title stands in the text, and
an ordinary word only where it is written as a title. A recommender's turn recommends the films that nobody named
before. The outcome is kept as released; the *target* of an accepted dialogue is the last film that the recommender
named among those it recommended, and a rejected dialogue has none. The data holds no persona: its only trace is the
genres that the seeker speaks of.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from interplay_bench.datasets.dataset_entry import dataset
from interplay_bench.datasets.reading import check_split, listing, locate, need_rows, opened, shortened, tidy
from interplay_bench.dialogues.action_rules import label
from interplay_bench.dialogues.dialogue import Action, Dialogue, Item, Mention, Persona, Role, Turn
from interplay_bench.dialogues.dialogue_set import DialogueSet, Preprocessing, Source
from interplay_bench.dialogues.markup import title_and_year
from interplay_bench.environment.errors import DataError
from interplay_bench.items.title_index import place

SPLITS = ("train", "valid", "dev", "test")
ACCEPTED = "accept"
"""How the outcomes of accepted dialogues begin."""

_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "dialogue": ("dialog_id",),
    "speaker": ("speaker",),
    "text": ("text",),
    "movies": ("movies",),
    "strategy": ("expert_label", "first_label"),
    "outcome": ("fine_label", "case"),
}
"""What is needed, by the names that the release and its description use."""
_OPTIONAL = {"strategy2": ("second_label",), "genres": ("genres",)}
_ROLES = {"RECOMMENDER": Role.RECOMMENDER, "SEEKER": Role.USER}
_QUOTE = "QUOTATION_MARK"
"""What the release writes for a double quote."""


@dataclass(frozen=True, slots=True)
class Annotated:
    """The data set with what only people knew: by dialogue and turn, the strategies of its utterances."""

    dialogues: DialogueSet
    strategies: Mapping[str, tuple[frozenset[str], ...]]


@dataclass(frozen=True, slots=True)
class _Utterance:
    role: Role
    text: str
    films: tuple[str, ...]
    genres: tuple[str, ...]
    strategies: frozenset[str]
    outcome: str


@dataset("inspired", splits=SPLITS)
def load(source: Source) -> DialogueSet:
    """INSPIRED: crowd workers' conversations about films, with strategies and outcomes (--data FILE or folder)."""
    return read(source).dialogues


def read(source: Source) -> Annotated:
    """The data set together with its strategy labels."""
    check_split("inspired", source.split, SPLITS)
    names = ("dev.tsv", "valid.tsv") if source.split in ("valid", "dev") else (f"{source.split}.tsv",)
    path = locate("INSPIRED", source, names)
    conversations: dict[str, list[_Utterance]] = {}
    for name, utterance in _utterances(path):
        conversations.setdefault(name, []).append(utterance)
    need_rows(len(conversations), path)
    report = Preprocessing(rows=len(conversations))
    films = _Films()
    dialogues: list[Dialogue] = []
    strategies: dict[str, tuple[frozenset[str], ...]] = {}
    for name, utterances in conversations.items():
        runs = _runs(utterances, report)
        if not runs:
            report.dropped["no utterance with text"] += 1
            continue
        dialogues.append(_dialogue(name, runs, _outcome(utterances, report), films, report))
        strategies[name] = tuple(frozenset().union(*(each.strategies for each in run)) for run in runs)
    return Annotated(DialogueSet("inspired", source.split, tuple(dialogues), films.items, report), strategies)


class _Films:
    """The films by name, one :class:`Item` each."""

    def __init__(self) -> None:
        self._by_name: dict[str, Item] = {}

    @property
    def items(self) -> tuple[Item, ...]:
        return tuple(self._by_name.values())

    def get(self, name: str) -> Item:
        title, year = title_and_year(name)
        return self._by_name.setdefault(name, Item(name, title, year))


def _utterances(path: Path) -> Iterator[tuple[str, _Utterance]]:
    """The rows of the file with their dialogue's id. The release quotes nothing: a quote is a character."""
    with opened(path, newline="") as handle:
        rows = csv.DictReader(handle, delimiter="\t", quoting=csv.QUOTE_NONE)
        try:
            column = _columns(rows.fieldnames or (), path)
            for row in rows:
                if None in row or None in row.values():
                    found = sum(value is not None for key, value in row.items() if key) + len(row.get(None) or ())
                    raise DataError(
                        f"Line {rows.line_num} of {path} has {found} columns where the header has"
                        f" {len(rows.fieldnames or ())}: correct or delete that line."
                    )
                yield row[column["dialogue"]], _utterance(row, column, f"line {rows.line_num} of {path}")
        except csv.Error as error:
            raise DataError(
                f"{path} cannot be read after line {rows.line_num} ({error}): correct what follows."
            ) from None


def _columns(header: Iterable[str], path: Path) -> dict[str, str]:
    """What each needed column is called in this file."""
    header = list(header)
    column: dict[str, str] = {}
    for meaning, names in (*_COLUMNS.items(), *_OPTIONAL.items()):
        found = next((name for name in names if name in header), None)
        if found is not None:
            column[meaning] = found
        elif meaning in _COLUMNS:
            wanted, held = " or ".join(map(repr, names)), shortened(", ".join(header)) or "no header at all"
            raise DataError(f"{path} has no column {wanted}: it has {held}.")
    return column


def _utterance(row: Mapping[str, str], column: Mapping[str, str], where: str) -> _Utterance:
    speaker = row[column["speaker"]].strip().upper()
    if speaker not in _ROLES:
        raise DataError(f"The speaker in {where} is {shortened(speaker)!r}, where RECOMMENDER or SEEKER is needed.")
    labels = (_cell(row, column, "strategy"), _cell(row, column, "strategy2"))
    return _Utterance(
        role=_ROLES[speaker],
        text=tidy(row[column["text"]].replace(_QUOTE, '"')),
        films=_parts(_cell(row, column, "movies")),
        genres=_parts(_cell(row, column, "genres")),
        strategies=frozenset(filter(None, labels)),
        outcome=_cell(row, column, "outcome"),
    )


def _cell(row: Mapping[str, str], column: Mapping[str, str], meaning: str) -> str:
    value = row[column[meaning]].strip() if meaning in column else ""
    return "" if value == "nan" else value


def _parts(cell: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(filter(None, map(tidy, cell.replace(_QUOTE, '"').split(";")))))


def _runs(utterances: Sequence[_Utterance], report: Preprocessing) -> list[list[_Utterance]]:
    """The utterances that make each turn."""
    spoken = [each for each in utterances if each.text]
    if len(spoken) < len(utterances):
        report.turns_dropped["utterance without text"] += len(utterances) - len(spoken)
    runs = [list(run) for _, run in groupby(spoken, key=lambda each: each.role)]
    if len(spoken) > len(runs):
        report.repairs["utterances joined to the one before by the same speaker"] += len(spoken) - len(runs)
    return runs


def _outcome(utterances: Sequence[_Utterance], report: Preprocessing) -> str:
    """The outcome that the dialogue's rows agree on; where they do not, the most frequent one."""
    outcomes = Counter(each.outcome for each in utterances if each.outcome)
    if sum(outcomes.values()) < len(utterances):
        report.repairs["outcome missing from a row: taken from the dialogue's others"] += 1
    if len(outcomes) > 1:
        report.repairs["rows disagree about the outcome: the most frequent taken"] += 1
    return outcomes.most_common(1)[0][0] if outcomes else ""


def _dialogue(
    name: str, runs: Sequence[Sequence[_Utterance]], outcome: str, films: _Films, report: Preprocessing
) -> Dialogue:
    turns = label(_turns(runs, films, report))
    genres = tuple(dict.fromkeys(g for run in runs for each in run if each.role is Role.USER for g in each.genres))
    return Dialogue(
        id=name,
        user_id=name,
        persona=Persona(general_preferences=f"Speaks of {listing(genres)} films." if genres else ""),
        target=_target(turns) if outcome.startswith(ACCEPTED) else None,
        turns=turns,
        outcome=outcome,
    )


def _turns(runs: Sequence[Sequence[_Utterance]], films: _Films, report: Preprocessing) -> list[Turn]:
    turns: list[Turn] = []
    named: set[Item] = set()
    for run in runs:
        text, mentions = "", []
        for each in run:
            text += " " if text else ""
            mentions += _mentions(each, len(text), films, report)
            text += each.text
        items = dict.fromkeys(mention.item for mention in mentions)
        role = run[0].role
        new = tuple(item for item in items if item not in named) if role is Role.RECOMMENDER else ()
        named.update(items)
        turns.append(Turn(role, Action.CHAT, text, tuple(mentions), new))
    return turns


def _mentions(utterance: _Utterance, offset: int, films: _Films, report: Preprocessing) -> list[Mention]:
    """Where the utterance's films stand in its text; ``offset`` is where that begins in the turn's."""
    found: list[tuple[int, int, str]] = []
    for name in utterance.films:
        title, year = title_and_year(name)
        span = place(Item(name, title, year), utterance.text)
        if span is None:
            report.repairs["film of the movies column whose title is not in the text: left out"] += 1
        else:
            found.append((*span, name))
    mentions: list[Mention] = []
    for start, end, name in sorted(found, key=lambda span: (span[0], -span[1])):
        if mentions and mentions[-1].end > start + offset:
            report.repairs["film of the movies column within a longer title: left out"] += 1
        else:
            mentions.append(Mention(films.get(name), start + offset, end + offset))
    return mentions


def _target(turns: Sequence[Turn]) -> Item | None:
    """The last film that the recommender named, of those that it recommended."""
    recommended = {item for turn in turns for item in turn.recommended}
    named = [item for turn in turns if turn.role is Role.RECOMMENDER for item in turn.items if item in recommended]
    return named[-1] if named else None
