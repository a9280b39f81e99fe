"""PEARL (Kim et al. 2024) and our own sample, which is in its record format.

What the release needs before it is a conversation, each step counted in the preprocessing report:
  - utterances are "Seeker: ..." or "Recommender: ..."; empty ones, and those of nobody, are dropped;
  - the two seed utterances that open every dialogue stay as context, marked as ``scripted``;
  - ``[EOD]`` is removed, and whatever follows it, or follows the acceptance of the target, is trimmed;
  - utterances in a row by one speaker are one turn.

Titles in the text are found through the catalogue, and by their form where the catalogue does not know them:
``"Title (Year)"`` in quotes. A recommender's turn recommends the titles that nobody named before. The catalogue is
``catalog.json`` beside the file (a list of titles, or ``{"movies": [...]}``): dialogues about items that it does not
hold are dropped, as in the paper. Without one it is made of the file's own target and seen titles, and no dialogue is
dropped for it.

The acceptance is the first user turn after the target's recommendation that accepts, else the last one, unless it
refuses. A conversation that goes on was not accepted: an earlier turn that sounds like it is feedback.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from importlib.resources import as_file, files
from itertools import groupby
from pathlib import Path
from typing import Any

from interplay_bench import hub
from interplay_bench.actions import accepts, label, refuses
from interplay_bench.catalog import Catalog
from interplay_bench.dataset import DialogueSet, Preprocessing, Source
from interplay_bench.datasets.reading import (
    Row,
    UniqueIds,
    array_or_rows,
    check_split,
    locate,
    may_have,
    need,
    need_rows,
    read_json,
    read_text,
    tidy,
)
from interplay_bench.dialogue import Action, Dialogue, Item, Mention, Persona, Role, SeenItem, Turn
from interplay_bench.errors import DataError, MissingDataError
from interplay_bench.leaks import scrub
from interplay_bench.markup import title_and_year
from interplay_bench.registry import dataset

SPLITS = ("train", "valid", "test")
HUB_ID = "LangAGI-Lab/pearl"
CATALOG = "catalog.json"
SEEDS = (
    "Hi there! I'm in the mood to watch a movie. Can you recommend something?",
    "Absolutely! What kind of movie are you in the mood for? Any specific genre or theme?",
)
"""The two utterances, seeker's and recommender's, that PEARL's generator starts every dialogue with."""
END = "[EOD]"

_UTTERANCE = re.compile(r"\s*(Seeker|Recommender)\s*:\s*(.*)", re.DOTALL | re.IGNORECASE)
_ROLES = {"seeker": Role.USER, "recommender": Role.RECOMMENDER}
_UNKNOWN_TITLE = re.compile(r"""["“]([^"“”\n()]{1,80}?)[,.]?(?:\s*\((\d{4})\)[,.!?]?["”]|[,.!?]?["”]\s*\((\d{4})\))""")
_REVIEW = re.compile(r"^\s*Review\s*:\s*(.*)", re.DOTALL | re.MULTILINE)
_SIDE = re.compile(r"\[\s*(Like|Dislike)s?\s*\]\s*:?\s*", re.IGNORECASE)
_POINT = re.compile(r"\s*(?:\n+\s*(?:[-*•]|\d+\.)?|(?<=[.!?])\s+)\s*")
_FIRST_POINTS = 3
"""How many opinions of a review are looked at for a summary of tastes."""
_LONGEST_POINT = 30
"""How many words of one opinion go into a summary of tastes."""

Rows = Iterable[tuple[int, Row]]


@dataset("pearl", splits=SPLITS)
def load(source: Source) -> DialogueSet:
    """PEARL: dialogues composed by two language models from film reviews (hub, or --data FILE or folder)."""
    check_split("pearl", source.split, SPLITS)
    hub_id = _hub_id(source)
    if hub_id is not None:
        return read("pearl", source.split, _from_hub(hub_id, source.split), hub_id)
    path = locate("PEARL", source, (f"{source.split}.json", f"{source.split}.jsonl"))
    known = path.parent / CATALOG
    catalog = Catalog(_catalog_items(known)) if known.is_file() else None
    return read("pearl", source.split, array_or_rows(path), str(path), catalog)


@dataset("sample", splits=SPLITS)
def load_sample(source: Source) -> DialogueSet:
    """Ours, shipped: synthetic dialogues about real films, in PEARL's record format."""
    check_split("sample", source.split, SPLITS)
    if source.data is not None:
        raise DataError("The sample data set is shipped and takes no --data: use --dataset pearl for files like it.")
    folder = files("interplay_bench.datasets.sample")
    with as_file(folder / f"{source.split}.json") as path, as_file(folder / "films.toml") as films:
        if not path.is_file() or not films.is_file():
            raise DataError(
                f"This installation lacks the sample's {path.name} or films.toml: install the package anew."
            )
        catalog = Catalog(_film_items(films))
        return read("sample", source.split, array_or_rows(path), path.name, catalog, synthetic=True)


def read(
    name: str, split: str, rows: Rows, origin: str, catalog: Catalog | None = None, *, synthetic: bool = False
) -> DialogueSet:
    """Turn PEARL's records into dialogues.

    ``origin`` names the source in errors. With a ``catalog``, dialogues about items outside it are dropped; without
    one, it is made of the titles in the records.
    """
    report = Preprocessing()
    numbered = list(rows)
    need_rows(len(numbered), origin)
    reader = _Reader(catalog or Catalog(_own_items(numbered, origin)), report, closed=catalog is not None)
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

    def __init__(self, catalog: Catalog, report: Preprocessing, *, closed: bool) -> None:
        self._catalog, self._report, self._closed = catalog, report, closed
        self._found: dict[str, Item] = {}
        self._unique = UniqueIds(report.repairs)

    @property
    def items(self) -> tuple[Item, ...]:
        """The catalogue's items, and those found by the form of their title."""
        return (*self._catalog.items, *self._found.values())

    def dialogue(self, row: Row, where: str, default_id: str) -> Dialogue | None:
        """The record's dialogue; ``None``, counted by reason, if there is none to be had."""
        utterances = need(row, "dialogue", list, where)
        persona_text = need(row, "user_persona", str, where)
        target_title = need(row, "gt_movie_title", str, where)
        if not target_title.strip():
            self._report.dropped["no target title"] += 1
            return None
        said = self._merged(self._said(utterances, where))
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

    def _said(self, utterances: Sequence[Any], where: str) -> Iterator[_Said]:
        for index, utterance in enumerate(utterances):
            if not isinstance(utterance, str):
                raise DataError(f"An utterance in {where} is a {type(utterance).__name__}, where a text is needed.")
            match = _UTTERANCE.fullmatch(utterance)
            text = tidy((match.group(2) if match else utterance).replace(END, " "))
            ends = END in utterance
            if ends:
                self._report.repairs[f"{END} removed"] += 1
            if not text:
                self._report.turns_dropped["empty"] += 1
            elif match is None:
                self._report.turns_dropped["no speaker named"] += 1
            else:
                scripted = index < len(SEEDS) and text == SEEDS[index]
                yield _Said(_ROLES[match.group(1).lower()], text, ends, scripted)

    def _merged(self, said: Iterable[_Said]) -> list[_Said]:
        """The utterances up to the marked end, those in a row by one speaker as one."""
        everything = list(said)
        end = next((index + 1 for index, each in enumerate(everything) if each.ends), len(everything))
        self._trimmed(len(everything) - end)
        merged = []
        for role, group in groupby(everything[:end], key=lambda each: each.role):
            run = list(group)
            if len(run) > 1:
                self._report.repairs["utterances in a row by one speaker joined"] += len(run) - 1
            text = " ".join(each.text for each in run)
            scripted = all(each.scripted for each in run)
            merged.append(_Said(role, text, any(each.ends for each in run), scripted))
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
        known = self._catalog.mentions(text)
        unknown = []
        for match in _UNKNOWN_TITLE.finditer(text):
            start, end = match.span(1)
            if any(mention.start < end and start < mention.end for mention in known):
                continue
            year = match.group(2) or match.group(3)
            item = self._item(f"{match.group(1)} ({year})")
            stop = text.index(")", end) + 1 if match.group(2) else end
            unknown.append(Mention(item, start, stop))
        return tuple(sorted((*known, *unknown), key=lambda mention: mention.start)) if unknown else known

    def _item(self, title: str) -> Item:
        """The catalogue's item, or, where the catalogue is open, one for a title that it does not know."""
        item = self._catalog.find(title)
        if item is not None:
            return item
        if self._closed:
            raise _OutsideCatalogError
        new = _titled(title)
        if new.id not in self._found:
            self._report.repairs["item added that no record has as its target or seen film"] += 1
        return self._found.setdefault(new.id, new)

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
        titles = _seen_titles(row, where)
        nothing_seen = row.get("seen_movie_titles") == []  # as it says: then the text is no reviews
        reviews = [] if nothing_seen else _reviews(text, len(titles))
        if len(titles) != len(reviews):
            self._report.repairs["seen films without a title each: numbered"] += 1
            titles = [f"Seen film {number}" for number in range(1, len(reviews) + 1)]
        seen = [self._catalog.find(title) or _titled(title) for title in titles]
        wanted = _REVIEW.search(str(row.get("gt_abstract") or ""))
        if wanted is None:
            self._report.repairs["no review of the target: no target attributes"] += 1
        tastes = tidy(text) if nothing_seen else _tastes(reviews)
        for item in (target, *seen):
            tastes = scrub(item, tastes)
        return Persona(
            general_preferences=tastes,
            history=tuple(
                SeenItem(item, scrub(target, _readable(review))) for item, review in zip(seen, reviews, strict=True)
            ),
            target_attributes=scrub(target, _readable(wanted.group(1))) if wanted else "",
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


def _reviews(text: str, count: int) -> list[str]:
    """The ``count`` reviews that a persona is made of, kept apart by blank lines, which reviews may hold as well."""
    for blank in (r"\n\s*\n", r"\n\s*\n(?=\s*\[\s*Like)"):
        reviews = [review.strip() for review in re.split(blank, text, flags=re.IGNORECASE) if review.strip()]
        if len(reviews) == count:
            break
    return reviews


def _tastes(reviews: Sequence[str]) -> str:
    """A summary of the reviews: the longest of the first points of each, likes apart from dislikes."""
    sides: dict[str, list[str]] = {"like": [], "dislike": []}
    for review in reviews:
        parts = _SIDE.split(review)
        for side, said in (("like", parts[0]), *zip(map(str.lower, parts[1::2]), parts[2::2], strict=True)):
            points = [tidy(point) for point in _POINT.split(said.strip("-*• \n"))[:_FIRST_POINTS]]
            if any(points):
                sides[side].append(" ".join(max(points, key=len).split()[:_LONGEST_POINT]).rstrip(".,;"))
    likes = f"Likes: {'; '.join(sides['like'])}." if sides["like"] else ""
    dislikes = f"Dislikes: {'; '.join(sides['dislike'])}." if sides["dislike"] else ""
    return f"{likes} {dislikes}".strip()


def _readable(review: str) -> str:
    """``[Like] ... [Dislike] ...`` as running text."""
    return tidy(_SIDE.sub(lambda match: f" {match.group(1).capitalize()}s: ", review))


def _titled(title: str) -> Item:
    bare, year = title_and_year(tidy(title))
    return Item(id=bare if year is None else f"{bare} ({year})", title=bare, year=year)


def _own_items(rows: Rows, origin: str) -> list[Item]:
    """The target and seen films of the records themselves, with the facets that the records hold."""
    items: dict[str, Item] = {}
    for number, row in rows:
        where = f"record {number} of {origin}"
        for title in filter(str.strip, _seen_titles(row, where)):
            item = _titled(title)
            items.setdefault(item.id, item)
        title = need(row, "gt_movie_title", str, where)
        if title.strip():
            item = replace(_titled(title), attributes=_facets(row))
            if not items.get(item.id, item).attributes:
                items[item.id] = item
            items.setdefault(item.id, item)
    return list(items.values())


def _seen_titles(row: Row, where: str) -> list[str]:
    titles = may_have(row, "seen_movie_titles", list, where) or ()
    return [title for title in titles if isinstance(title, str)]


def _facets(row: Row) -> dict[str, tuple[str, ...]]:
    facets = {"genre": row.get("gt_genre"), "director": row.get("gt_director"), "cast": row.get("gt_cast")}
    return {facet: _values(value) for facet, value in facets.items() if _values(value)}


def _values(value: Any) -> tuple[str, ...]:
    parts = value.split(",") if isinstance(value, str) else value if isinstance(value, list) else ()
    return tuple(tidy(str(part)) for part in parts if tidy(str(part)))


def _catalog_items(path: Path) -> list[Item]:
    """The items of a ``catalog.json``: a list of titles or of objects with ``title`` and ``year``."""
    value = read_json(path)
    entries = value.get("movies") if isinstance(value, dict) else value
    if not isinstance(entries, list):
        raise DataError(f"{path} is neither a list of titles nor an object with a list of 'movies': mend it.")
    items = []
    for entry in entries:
        if isinstance(entry, dict) and isinstance(entry.get("title"), str):
            year = entry.get("year")
            items.append(_titled(f"{entry['title']} ({year})" if year else entry["title"]))
        elif isinstance(entry, str):
            items.append(_titled(entry))
        else:
            raise DataError(f"{path} holds {entry!r}, which is neither a title nor an object with a 'title': mend it.")
    return items


def _film_items(path: Path) -> list[Item]:
    """The films of the sample's fact sheet, with every fact but the premise as an attribute."""
    import tomllib

    facts = tomllib.loads(read_text(path))
    films = next((value for value in facts.values() if isinstance(value, list)), [])
    items = []
    for film in films:
        item = _titled(f"{film['title']} ({film['year']})")
        named = {"genres": "genre", "directors": "director", "traits": "trait"}
        attributes = {
            named.get(facet, facet): tuple(map(str, value)) for facet, value in film.items() if isinstance(value, list)
        }
        items.append(replace(item, attributes=attributes))
    return items


def _hub_id(source: Source) -> str | None:
    """The hub's id, unless ``source`` names a file or folder."""
    if source.data is None:
        return HUB_ID
    is_id = re.fullmatch(r"[\w.-]+/[\w.-]+", source.data) is not None
    return source.data if is_id and source.path is not None and not source.path.exists() else None


def _from_hub(hub_id: str, split: str) -> Rows:
    mend = "Download its json files elsewhere and give their folder by --data, or use --dataset sample."
    from datasets import config, load_dataset

    kept = Path(config.HF_DATASETS_CACHE) / hub_id.replace("/", "___")
    if not kept.is_dir() and not hub.answers(hub.dataset_url(hub_id)):
        raise MissingDataError(
            f"{hub_id} was not to be had from the hub (it does not have it, or does not answer). {mend}"
        )
    try:
        splits = load_dataset(hub_id)
    except Exception as error:
        raise DataError(f"{hub_id} was not to be had from the hub ({type(error).__name__}). {mend}") from error
    for name in {"valid": ("valid", "validation")}.get(split, (split,)):
        if name in splits:
            return enumerate(splits[name], start=1)
    raise MissingDataError(f"{hub_id} has no split {split!r} on the hub: it has {', '.join(splits)}.")
