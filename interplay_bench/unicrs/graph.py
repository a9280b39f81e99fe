"""The knowledge graph: entities by number, some of which are items, and typed edges between them.

On disk it is a folder of four JSON files, the format that UniCRS and its peers share:
  - ``entity2id.json``: an entity's name to its number, from 0 without gaps;
  - ``relation2id.json``: a relation's name to its number;
  - ``item_ids.json``: the numbers of the entities that can be recommended;
  - ``kg.json``: an entity's number to its edges, ``[[relation, tail], ...]``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from interplay_bench.datasets.reading import read_json
from interplay_bench.environment.canonical_json import canonical
from interplay_bench.environment.errors import DataError

ENTITIES, RELATIONS, ITEMS, EDGES = "entity2id.json", "relation2id.json", "item_ids.json", "kg.json"


@dataclass(frozen=True)
class KnowledgeGraph:
    """``names`` and ``relations`` by number, ``items`` among the entities, ``edges`` as (head, relation, tail)."""

    names: tuple[str, ...]
    relations: tuple[str, ...]
    items: tuple[int, ...]
    edges: tuple[tuple[int, int, int], ...]

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of its content."""
        return f"sha256:{hashlib.sha256(canonical(self.to_json()).encode()).hexdigest()}"

    def to_json(self) -> dict[str, Any]:
        """As it stands in a checkpoint."""
        return {
            "names": list(self.names),
            "relations": list(self.relations),
            "items": list(self.items),
            "edges": [list(edge) for edge in self.edges],
        }

    @classmethod
    def of(cls, content: Mapping[str, Any], where: object) -> KnowledgeGraph:
        """Check and take over what :meth:`to_json` wrote; ``where`` names its place in the error."""
        try:
            graph = cls(
                tuple(map(str, content["names"])),
                tuple(map(str, content["relations"])),
                tuple(dict.fromkeys(map(_number, content["items"]))),
                tuple((_number(head), _number(relation), _number(tail)) for head, relation, tail in content["edges"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(f"The knowledge graph in {where} is malformed ({error}): make it anew.") from None
        entities = range(len(graph.names))
        if not graph.items:
            raise DataError(f"The knowledge graph in {where} has no items: {ITEMS} must name some entities.")
        for item in graph.items:
            if item not in entities:
                raise DataError(f"The knowledge graph in {where} has an item {item}, which is no entity's number.")
        for edge in graph.edges:
            if edge[0] not in entities or edge[2] not in entities or edge[1] not in range(len(graph.relations)):
                raise DataError(f"The knowledge graph in {where} has an edge {list(edge)} between unknown numbers.")
        return graph


def read_graph(folder: Path) -> KnowledgeGraph:
    """Read the four files in ``folder``; whatever is wrong is a :class:`DataError` that names the file."""
    if not folder.is_dir():
        raise DataError(f"There is no folder {folder}: give the knowledge graph's folder by --set graph=FOLDER.")
    missing = [name for name in (ENTITIES, RELATIONS, ITEMS, EDGES) if not (folder / name).is_file()]
    if missing:
        raise DataError(
            f"{folder} has no {', '.join(missing)}: give the knowledge graph's folder by --set graph=FOLDER."
        )
    edges = [
        (head, *_pair(pair, head, folder / EDGES))
        for head, pairs in _read(folder / EDGES, dict).items()
        for pair in (pairs if isinstance(pairs, list) else [pairs])
    ]
    content = {
        "names": _by_number(folder / ENTITIES),
        "relations": _by_number(folder / RELATIONS),
        "items": _read(folder / ITEMS, list),
        "edges": sorted({(int(head) if head.isdecimal() else head, *rest) for head, *rest in edges}, key=str),
    }
    return KnowledgeGraph.of(content, folder)


def _read(path: Path, kind: type) -> Any:
    value = read_json(path)
    if not isinstance(value, kind):
        raise DataError(f"{path} is no JSON {'object' if kind is dict else 'list'}: make it anew.")
    return value


def _by_number(path: Path) -> list[str]:
    """The names in ``path`` by their numbers, which must run from 0 without gaps."""
    names = {number: name for name, number in _read(path, dict).items() if isinstance(number, int)}
    if sorted(names) != list(range(len(names))) or len(names) != len(_read(path, dict)):
        raise DataError(f"The numbers in {path} must be different and run from 0 without gaps: make it anew.")
    return [names[number] for number in range(len(names))]


def _pair(pair: object, head: str, path: Path) -> tuple[int, int]:
    if not isinstance(pair, list) or len(pair) != 2 or not all(type(part) is int for part in pair):
        raise DataError(f"An edge of {head!r} in {path} is {pair!r}, where [relation, tail] is needed.")
    return pair[0], pair[1]


def _number(value: object) -> int:
    if type(value) is not int:
        raise ValueError(f"{value!r} is no number of an entity or relation")
    return value
